"""Judging executions: the verifier, from the state at the gates on, once for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cowcheck.checker.interleave.frozen import Frozen
from cowcheck.checker.verify.court import Court
from cowcheck.checker.verify.finding import Finding
from cowcheck.checker.verify.native import Native
from cowcheck.checker.verify.native_state import MEMO, forget_decisions, state_dtype
from cowcheck.checker.verify.scene import Accusation
from cowcheck.checker.verify.verifier import Verifier
from cowcheck.checker.verify.witness import Witness
from cowcheck.machine.interleave.execution import Execution, Wait
from cowcheck.machine.record.event import KIND, WIDTH, A, Ending, EventKind
from cowcheck.machine.record.event_buffer import Rows
from cowcheck.machine.record.kernel import Kernel
from cowcheck.machine.trace.header import Header


class _Witness(Witness):
    """Names places by the kernel itself: each is told once in a recording, and a schedule is judged again and again."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self.kernel = kernel

    def place(self, pc: int) -> str:
        if pc and pc not in self.places:
            self.name_place(pc, self.kernel.place(pc))
        return super().place(pc)


class _Engine(Native):
    """An engine that goes back to a state keeps what it has decided of views since."""

    kept: Any = None

    def remember(self, state: Any, key: int, mask: int) -> None:
        super().remember(state, key, mask)
        if self.kept is not None and self.kept["memo_used"] < MEMO // 2:
            super().remember(self.kept, key, mask)


class ScheduleJudge:
    """Judges executions that start from one state."""

    def __init__(self, header: Header, kernel: Kernel, name: str, wait_text: Callable[[Wait], str]) -> None:
        self.name, self.kernel, self.wait_text = name, kernel, wait_text
        self.verifier = Verifier(header)
        self._use(self._new_court())
        engine = _Engine(header, self.verifier.judge, self._hear)
        self.frozen = Frozen(state_dtype(header.frames))
        for name in ("first_ppn", "frame_count", "hart_count", "counts", "ownership"):
            self.frozen.record[0][name] = engine.state[name]
        engine.use(self.frozen.record)
        forget_decisions(engine.state)
        engine.begin()
        self.engine = engine
        self.verifier.engine = engine  # type: ignore[assignment] # its counts are read-only
        self.verifier.begin("race")

    def _hear(self, accusation: Accusation) -> None:
        self.court.hear(accusation)  # whichever court it is now

    def _new_court(self) -> Court:
        court = Court(self.verifier.judge)
        court.witness = _Witness(self.kernel)
        return court

    def _use(self, court: Court) -> None:
        self.court = self.verifier.court = court

    def take(self, rows: Rows, texts: Sequence[str]) -> None:
        """Events of the way to the gates."""
        self.verifier.feed(rows, texts)

    def freeze(self) -> str:
        """The gates are reached. Gives what went wrong on the way, or nothing."""
        self.engine.settle()
        findings = self.court.findings()
        self.frozen.freeze()
        self.engine.kept = self.frozen.shared[0]
        self.engine.use(self.frozen.record)
        return findings[0].message if findings else ""

    def close(self) -> None:
        """Nothing more is judged. The engine and its large record go now, and not when cycles are looked for."""
        self.engine.tell = lambda accusation: None

    @property
    def found(self) -> int:
        """The number of findings until now."""
        return len(self.court.findings())

    def finding(self, number: int) -> Finding:
        """A finding, by its number from 0."""
        return self.court.findings()[number]

    def judge(self, execution: Execution) -> int:
        """The number of findings that an execution adds: what it breaks, and none before has broken so."""
        before = len(self.court.findings())
        self.engine.use(self.frozen.thaw())
        self.court.begin(self.name)
        verifier = self.verifier
        verifier.go_on()
        verifier.feed(execution.rows, execution.texts)
        ending, text = execution.ending, execution.text
        if execution.waiting:
            waits = (f"hart {wait.hart} {self.wait_text(wait)}" for wait in execution.waiting)
            ending, text = Ending.HANG, f"a deadlock; {'; '.join(waits)}"
        if ending is not None:
            row = np.zeros((1, WIDTH), np.int64)
            row[0, KIND], row[0, A], row[0, A + 1] = EventKind.END, ending, 0
            verifier.feed(row, [text])
        return len(self.court.findings()) - before

    def alone(self, execution: Execution, sequel: tuple[Rows, Sequence[str]] | None = None) -> tuple[Finding, ...]:
        """What an execution breaks, and what comes after it, as if none had been judged before."""
        court = self.court
        self._use(self._new_court())
        self.judge(execution)
        if sequel is not None:
            self.more(*sequel)
        found = self.court.findings()
        self._use(court)
        return found

    def more(self, rows: Rows, texts: Sequence[str]) -> int:
        """The same, of what comes after it."""
        before = len(self.court.findings())
        self.verifier.feed(rows, texts)
        return len(self.court.findings()) - before
