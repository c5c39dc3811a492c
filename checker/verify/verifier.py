"""The verifier: takes the events of a recording as they come, in constant memory, and says what they show.

verifier = Verifier(header)
verifier.begin("two-stores")
verifier.feed(rows, texts)  # again and again
result = verifier.finish()
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from cowcheck.checker.judge import Judge
from cowcheck.checker.result import Verdict
from cowcheck.checker.verify.bad_event import BadEvent
from cowcheck.checker.verify.court import Court
from cowcheck.checker.verify.result import Check, KernelResult, Run, Status
from cowcheck.checker.verify.scene import About, Accusation, Past, Row, Scene, What
from cowcheck.checker.verify.tally import Tally
from cowcheck.checker.verify.unchecked import reasons
from cowcheck.machine.record.event import FIELDS, KIND, PID, WIDTH, A, B, C, Came, D, Ending, EventKind, Role
from cowcheck.machine.record.texts import shortened
from cowcheck.machine.trace.event_check import problem_of
from cowcheck.machine.trace.header import Header
from cowcheck.model.views import FrameView, LoadView, OperationView, SystemView, View

Rows = np.ndarray[Any, np.dtype[np.int64]]

OF_THE_RUN = (
    EventKind.LOAD,
    EventKind.REPORT,
    EventKind.CENSUS,
    EventKind.CONSOLE,
    EventKind.PANIC,
    EventKind.END,
    EventKind.PLACE,
    EventKind.OUTCOME,
    EventKind.CALL,
    EventKind.FAULT,
    EventKind.NAME,
    EventKind.NOTE,
)
"""Kinds that concern no frame's state: they are handled here, and are few."""
_IS_OF_THE_RUN = np.zeros(256, bool)
_IS_OF_THE_RUN[list(OF_THE_RUN)] = True
LOST = FrameView(False, 0, 0, 0, 0, 0, 0, 0, True)
KEPT = LOST._replace(free=1)


class Engine(Protocol):
    """What follows the state of frames and processes, and judges it: ``Native`` or ``Reference``."""

    forks: int
    returns: int

    def begin(self) -> None: ...
    def feed(self, rows: Rows, number: int) -> None: ...
    def settle(self) -> None: ...
    def drain(self) -> Iterable[tuple[View, int]]: ...
    def scene(self, about: About) -> Scene: ...
    def ppn_of(self, pid: int, vpn: int) -> int | None: ...
    def unclaimed(self) -> list[int]: ...


class Verifier:
    """Verifies one recording. ``oracle``: z3 itself judges every view; ``reference``: by the slow, plain engine."""

    def __init__(self, header: Header, *, oracle: bool = False, reference: bool = False) -> None:
        self.header = header
        self.judge = Judge(oracle)
        self.court = Court(self.judge)
        self.tally = Tally(self.judge)
        self.events = self.censuses = 0
        self.runs: list[Run] = []
        self.incomplete: list[str] = []
        self._started_at = 0
        self._name: str | None = None
        self._ended: tuple[str, str] = ("", "")
        self._panicked = False
        self._counted = 0  # the event at which free frames were counted last
        self.notes: list[str] = []  # what the workloads could not do
        self.engine: Engine = self._reference() if reference else self._native()

    def _native(self) -> Engine:
        from cowcheck.checker.verify.native import Native

        engine = Native(self.header, self.judge, self.court.hear)
        engine.on_full = lambda: self.tally.add(engine.drain())  # type: ignore[method-assign]
        return engine  # type: ignore[return-value] # its counts are read-only

    def _reference(self) -> Engine:
        from cowcheck.checker.verify.reference import Reference

        return Reference(self.header, self.judge, self.court.hear)

    def begin(self, name: str) -> None:
        """A run starts: the events that follow first tell the state that it starts in."""
        self._close()
        self._name, self._started_at = name, self.events
        self._ended, self._panicked, self._counted = ("", ""), False, self.events
        self.engine.begin()
        self.court.begin(name)

    def go_on(self) -> None:
        """The run has not ended yet: whoever puts the engine back to an earlier state says so."""
        self._ended, self._panicked = ("", ""), False

    def feed(self, rows: Rows, texts: Sequence[str]) -> None:
        """The next events: ``rows`` of shape (n, WIDTH), whose numbers of texts are places in ``texts``.

        Raises :class:`BadEvent` where they contradict themselves or what came before.
        """
        assert rows.shape == (len(rows), WIDTH), rows.shape
        if self._name is None:
            self.begin(self.header.workload)
        rows = np.ascontiguousarray(rows, np.int64)
        done = 0
        for at in np.flatnonzero(_IS_OF_THE_RUN[rows[:, KIND] & 255]):
            self._frames(rows[done:at])
            row = tuple(int(value) for value in rows[at])
            self.events += 1
            if problem := problem_of(row, self.header.harts):
                raise BadEvent(self.events, problem)
            self._event(row, texts)
            done = int(at) + 1
        self._frames(rows[done:])

    def finish(self, damage: str = "") -> KernelResult:
        """What the recording shows. ``damage`` says what is wrong with the rest of it, where it was not read to its
        end."""
        if damage:
            self.incomplete.append(damage)
        self._close(damaged=bool(damage))
        self.tally.add(self.engine.drain())
        if not self.runs:
            self.incomplete.append("nothing was recorded")
        shares = self.tally.shared > 0
        if self.runs and not shares:
            self.incomplete.append(
                "fork copied every page: this kernel shares nothing, so there is no copy-on-write to check"
                if self.engine.forks
                else "no process was forked, so nothing was shared"
            )
        checks = tuple(self._checks())
        verdict = Verdict.FAIL if self.court.violated else Verdict.INCONCLUSIVE if self.incomplete else Verdict.PASS
        return KernelResult(
            verdict=verdict,
            header=self.header,
            oracle="z3" if self.judge.oracle else "compiled",
            checks=checks,
            findings=self.court.findings(),
            runs=tuple(self.runs),
            events=self.events,
            forks=self.engine.forks,
            shares=shares,
            incomplete=tuple(self.incomplete),
            unchecked=tuple(dict.fromkeys(self.notes)),
        )

    # --- parts ---

    def _frames(self, rows: Rows) -> None:
        if len(rows):
            self.engine.feed(rows, self.events + 1)
            self.events += len(rows)

    def _close(self, damaged: bool = False) -> None:
        if self._name is None:
            return
        self.engine.settle()
        ending, text = self._ended
        self.runs.append(Run(self._name, self.events - self._started_at, ending, text, tuple(self.court.in_run)))
        if not ending and not damaged:
            self.incomplete.append(f"{self._run()}the recording stops without an end event")

    def _run(self) -> str:
        return f"{self._name}: " if self._name else ""

    def _event(self, row: Row, texts: Sequence[str]) -> None:
        kind = EventKind(row[KIND])
        text = self._text(row, kind, texts)
        match kind:
            case EventKind.PLACE:
                self.court.witness.name_place(row[A], text)
            case EventKind.CONSOLE:
                self.court.witness.console.append(text)
            case EventKind.REPORT:
                self.court.witness.report(self.events, row[PID], text)
            case EventKind.NAME:
                self.court.witness.name_process(row[A], text)
            case EventKind.CALL:
                self.court.witness.call(row)
            case EventKind.FAULT:
                self.court.witness.fault = row
            case EventKind.NOTE:
                self.notes.append(f"{self._run()}{text}")
            case EventKind.LOAD:
                about = About(What.LOAD, self.engine.ppn_of(row[PID], row[A]), row[PID], row[A], actor=row[PID])
                self._judge(LoadView(row[B], row[C]), about, row)
            case EventKind.CENSUS:
                if row[B] >= 0:
                    self.censuses += 1
                    self._judge(LOST if row[A] < row[B] else KEPT, About(What.CENSUS), row)
                self._counted = self.events
            case EventKind.OUTCOME:
                self._judge(outcome_view(row), About(What.OUTCOME, actor=row[PID]), row, text)
            case EventKind.PANIC:
                self._panic(row, text)
            case EventKind.END:
                self._end(row, Ending(row[A]), text)

    def _text(self, row: Row, kind: EventKind, texts: Sequence[str]) -> str:
        if "text" not in FIELDS[kind]:
            return ""
        number = row[A + FIELDS[kind].index("text")]
        if not 0 <= number < len(texts):
            raise BadEvent(self.events, f"'text' is {number}; there are {len(texts)} texts")
        return shortened(texts[number])

    def _panic(self, row: Row, text: str) -> None:
        if not self._panicked:
            self._panicked = True
            self._judge(SystemView(True, True), About(What.PANIC, actor=row[PID]), row, text)

    def _end(self, row: Row, how: Ending, text: str) -> None:
        self._ended = (how.name.lower(), text)
        match how:
            case Ending.DONE:
                self._judge(SystemView(False, True), About(What.HANG), row)
            case Ending.PANIC:
                self._panic(row, text)
            case Ending.HANG:
                self._judge(SystemView(False, False), About(What.HANG, actor=row[PID]), row, text)
            case Ending.BROKEN:
                if not self._panicked:
                    self._judge(SystemView(True, True), About(What.BROKEN, actor=row[PID]), row, text)
            case Ending.BUDGET:
                self.incomplete.append(f"{self._run()}{text or 'the instruction budget ran out'}")
            case Ending.DAMAGED:
                self.incomplete.append(f"{self._run()}{text or 'the recording is damaged from here on'}")

    def _judge(self, view: View, about: About, row: Row, text: str = "") -> None:
        self.engine.settle()
        self.tally.add([(view, 1)])
        if broken := self.judge.broken(view):
            scene = self.engine.scene(about)._replace(text=text)
            if about.what is What.CENSUS:
                scene = scene._replace(lost=tuple(self._lost()))
            self.court.hear(Accusation(view, broken, about, self.events, row, scene))

    def _lost(self) -> Iterable[tuple[int, Past]]:
        """Frames that are lost, with the last step of each: those that the recorder found so, or all that went astray
        since frames were counted last."""
        sure, astray = [], []
        for ppn in self.engine.unclaimed():
            history = self.engine.scene(About(What.FRAME, ppn)).history
            steps = [past for past in history if not (past.row[KIND] == EventKind.OWN and past.row[B] == Role.LOST)]
            if steps and len(steps) < len(history):
                sure.append((ppn, steps[-1]))
            elif steps and steps[-1].number > self._counted:
                astray.append((ppn, steps[-1]))
        return sure or astray

    def _checks(self) -> Iterable[Check]:
        unchecked = reasons(self.header, self.tally, self.engine.forks, self.engine.returns, self.censuses)
        for invariant in self.judge.invariants:
            name = invariant.name
            judged = self.tally.counts[name]
            if name == "no-stale-translation":
                judged = self.engine.returns
            if name == "no-leak" and not self.header.ownership:
                judged = self.censuses
            if self.court.violated.get(name):
                yield Check(name, Status.VIOLATED, judged)
            elif because := unchecked.get(name, "" if judged else "nothing that it speaks of was recorded"):
                yield Check(name, Status.NOT_CHECKED, 0, because)
            else:
                yield Check(name, Status.HOLDS, judged)


def outcome_view(row: Row) -> View:
    """The view of an ``outcome`` event: an operation of a user process, or a look at its memory."""
    came = Came(row[C])
    if came in (Came.SAW_RIGHT, Came.SAW_WRONG):
        return LoadView(int(came is Came.SAW_WRONG), 0)
    return OperationView(
        fault=False,
        permitted=bool(row[B]),
        succeeded=came is Came.WORKED,
        killed=came is Came.KILLED,
        kill_asked=False,
        out_of_memory=bool(row[D]),
        changed=False,
    )
