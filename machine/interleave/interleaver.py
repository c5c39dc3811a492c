"""Runs a kernel's code on several harts from one snapshot, again and again, each time in another order.

The snapshot is taken where every process that meets others is about to do its next operation, in user mode, on a hart
of its own. From there a schedule runs until all are in user mode again, or gone. No interrupt comes in between: what a
timer does on one hart, another hart does too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cowcheck.machine.board.board import Pause
from cowcheck.machine.board.state import FIRST_PPN, FRAMES
from cowcheck.machine.board.trap import clear_interrupts
from cowcheck.machine.interleave import points, steps
from cowcheck.machine.interleave.connection import Connection
from cowcheck.machine.interleave.digest import digest
from cowcheck.machine.interleave.execution import Execution, Wait
from cowcheck.machine.interleave.gates import run_to_gates
from cowcheck.machine.interleave.moment import Moment
from cowcheck.machine.interleave.schedule import Switch
from cowcheck.machine.interleave.state import (
    IS_FRAME,
    IS_LOCK,
    Halt,
    Status,
)
from cowcheck.machine.native import address_of
from cowcheck.machine.program.workload import Workload
from cowcheck.machine.record.event import KIND, D, Ending, EventKind, ProcessState, Role
from cowcheck.machine.record.event_buffer import Rows, Sink
from cowcheck.machine.record.play import Hear, play
from cowcheck.machine.record.recorder import Recorder, Seen
from cowcheck.machine.rig.rig import Rig
from cowcheck.model.sv39 import PTE_U, PTE_V, PTE_X

STEP_BYTES = 6_000_000  # of code that a hart runs without coming to a point: it never will
NEVER = 1 << 62
EXECUTABLE = PTE_V | PTE_U | PTE_X
MOST_SPINS = 8  # times that every hart that can go on was seen to spin: none gets on any more


def take_back(shared: Any, ram: Any) -> None:
    """Undoes the store before which the hart was stopped, if there was one (:func:`points.keep`)."""
    if size := int(shared["undo_bytes"]):
        at = int(shared["undo"])
        ram[at : at + size] = shared["undo_value"][:size]
        shared["undo_bytes"] = 0


class Interleaver(Connection):
    """One workload's processes at their gates, on one rig."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        self.code = np.zeros(FRAMES, np.uint8)  # frames that user code was in
        self.moment: Moment | None = None

    @classmethod
    def of(cls, rig: Rig) -> Interleaver:
        """The rig's own. There is one: its callbacks stay on the rig's engine, and lead to its record."""
        if not isinstance(rig.interleaver, cls):
            rig.interleaver = cls(rig)
        return rig.interleaver

    # --- getting there ---

    def set_up(
        self,
        workload: Workload,
        sink: Sink,
        hear: Hear,
    ) -> str:
        """Runs the workload up to its gates. Gives why it did not come there, or nothing."""
        self.shared["active"] = 0
        self.follow(False)
        self.moment = None  # a copy of all RAM, which goes before the next one is made

        def take(rows: Rows, texts: Sequence[str]) -> None:
            self._note_code(rows)
            sink(rows, texts)

        problem = run_to_gates(self.rig, workload, take, hear)
        if not problem:
            self._remember()
        return problem

    def _note_code(self, rows: Rows) -> None:
        """Notes the frames that these events map for user code to run in."""
        ptes = rows[rows[:, KIND] == EventKind.PTE][:, D]
        frames = (ptes[(ptes & EXECUTABLE) == EXECUTABLE] >> 10) - FIRST_PPN
        self.code[frames[(frames >= 0) & (frames < FRAMES)]] = 1

    def _remember(self) -> None:
        board = self.board
        board.shared["lines"][:] = 0
        for hart in range(board.harts):
            board.switch(hart)
            clear_interrupts(board.engine.handle, address_of(board.record))
        self.moment = Moment(board, self.recorder)
        self.initial_status = [
            Status.READY if self.moment.observed[0]["in_user"][hart] else Status.PARKED for hart in range(board.harts)
        ]

    # --- one schedule ---

    def restore(self) -> None:
        """Everything as it was at the gates."""
        assert self.moment is not None
        self.moment.put_back(self.board, self.recorder, self.code)
        shared = self.shared
        for name in (
            "passing",
            "forced",
            "halt",
            "step_count",
            "log_count",
            "repeats",
            "last_place",
            "atomic_pc",
            "told_pc",
        ):
            shared[name] = 0
        shared["held_count"][:] = 0
        shared["waits_for"][:] = 0
        shared["status"][: self.board.harts] = self.initial_status

    def run(self, switches: Sequence[Switch], exact: bool = False) -> Execution:
        """One schedule: harts go on until they cannot, but where a switch says otherwise.

        ``exact``: every access is logged with its own instruction, and not with one a little before it. Where harts
        may be stopped at words, and not at locks only, it is so in any case.
        """
        self.restore()
        self.follow(exact or any(not item & (IS_LOCK | IS_FRAME) for item in self.hot))
        board, shared = self.board, self.shared
        shared["active"] = 1
        plan = dict(switches)
        hart, ending, text, spins = -1, None, "", 0
        started = [status != Status.READY for status in self.initial_status]
        recorder = self.recorder
        while True:
            step = int(shared["step_count"])
            bits = steps.enabled_now(address_of(self.record))
            enabled = [other for other in range(board.harts) if bits >> other & 1]
            if not enabled:
                break
            before = hart
            if step in plan and plan[step] in enabled:
                hart = plan[step]
            elif hart not in enabled or spins:
                others = [other for other in enabled if other > hart] or enabled
                hart = others[0]
            forced = int(before >= 0 and before not in enabled)
            later = [at for at in plan if at > step]
            shared["switch_at"] = min(later) if later else NEVER
            ending, text = self._go_on(hart, started, forced)
            if ending is not None:
                break
            match int(shared["halt"]):
                case Halt.BLOCKED:
                    shared["status"][hart], shared["waits_for"][hart] = Status.BLOCKED, shared["halt_object"]
                case Halt.DONE:
                    shared["status"][hart] = Status.DONE
                case Halt.PARKED:
                    shared["status"][hart] = Status.PARKED
                case Halt.SPINS:
                    spins += 1
                    if spins > MOST_SPINS * board.harts:
                        ending, text = Ending.HANG, "every hart spins, and none gets on"
                        break
                case Halt.FULL:
                    ending, text = Ending.BUDGET, "the schedule is longer than can be followed"
                    break
        shared["active"] = 0
        blocked = tuple(self._wait(other) for other in range(board.harts) if shared["status"][other] == Status.BLOCKED)
        if ending is None and not blocked:
            self._look_again()
        count = int(recorder.observer["count"])
        self._note_code(recorder.events[:count])
        return Execution(
            tuple(switches),
            self.steps[: int(shared["step_count"])].copy(),
            self.log[: int(shared["log_count"])].copy(),
            recorder.events[:count].copy(),
            tuple(recorder.texts),
            ending,
            text,
            blocked,
        )

    def _wait(self, hart: int) -> Wait:
        shared, lock = self.shared, int(self.shared["waits_for"][hart])
        holders = [
            other
            for other in range(self.board.harts)
            if lock in shared["held"][other][: int(shared["held_count"][other])].tolist()
        ]
        return Wait(hart, lock, int(shared["waits_at"][hart]), holders[0] if holders else -1)

    def digest(self) -> int:
        """The kernel's memory as it is now, as a number that does not depend on which frames it took."""
        return int(digest(address_of(self.record)))

    def finish(self, hear: Hear, on_end: Callable[[Recorder], None], budget: int) -> tuple[Rows, tuple[str, ...]]:
        """Goes on from where :meth:`run` has ended, as the harts like it, to the workload's end. Gives what was
        recorded on that way, its end included."""
        assert self.moment is not None
        self.follow(False)
        rows: list[Rows] = []
        texts: list[str] = []

        def keep(more: Rows, names: Sequence[str]) -> None:
            rows.append(more)
            texts[:] = names
            self._note_code(more)

        board, recorder = self.board, self.recorder
        board.turn = self.moment.snapshot.turn
        board.random.setstate(self.moment.snapshot.draws)
        recorder.observer["count"] = 0
        recorder.texts.clear()
        self.rig.sink = None
        seen = play(recorder, Seen(), budget, hear)
        if seen.ending is Ending.HANG and self._only_zombies():
            seen = Seen(Ending.DONE)  # before 2021, init may miss the wake-up of an orphan's exit, and xv6 says so
        on_end(recorder)
        self.rig.sink = keep
        assert seen.ending is not None
        recorder.end(seen.ending, seen.text)
        self.rig.sink = None
        return np.concatenate(rows), tuple(texts)

    def _only_zombies(self) -> bool:
        """Whether every process but init has exited."""
        observer = self.recorder.observer
        states = observer["slot_state"][: observer["slots"]]
        ended = (states == ProcessState.UNUSED) | (states == ProcessState.ZOMBIE) | (states == ProcessState.USED)
        return bool((ended | (observer["slot_pid"][: observer["slots"]] == 1)).all())

    def _look_again(self) -> None:
        """What was taken for the kernel's while harts were under way may turn out to be lost, now that none is."""
        assert self.moment is not None
        observer, before = self.recorder.observer, self.moment.observed[0]
        for frame in np.flatnonzero((observer["role"] == Role.OBJECT) & (before["role"] != Role.OBJECT)):
            observer["role"][frame] = Role.NONE
            points.suspect_again(address_of(self.record), int(frame))
        if int(observer["suspect_count"]):
            self.recorder.scan()

    def _go_on(self, hart: int, started: list[bool], forced: int) -> tuple[Ending | None, str]:
        """Runs one hart until its turn ends."""
        board, shared, recorder = self.board, self.shared, self.recorder
        board.switch(hart)
        shared["status"][hart] = Status.READY
        shared["forced"] = forced
        if started[hart]:
            shared["passing"] = 1
        else:
            started[hart] = True
            steps.begin(address_of(self.record), hart, forced)
        shared["halt"] = Halt.NONE
        left = 3
        while True:
            pause = self._engine_run()
            if int(shared["halt"]) != Halt.NONE:
                return None, ""
            if pause is Pause.STUCK:
                return Ending.BROKEN, pause.value
            if pause is Pause.BROKEN:
                return Ending.BROKEN, f"{pause.value}: {board.why}"
            if pause is Pause.ASKED:
                if board.disk.waits:
                    return Ending.BUDGET, "the disk was used"
                seen = recorder.met()
                if seen is not None and seen.ending is not None:
                    return seen.ending, seen.text
                continue
            if board.waiting[hart]:
                board.waiting[hart] = False
                shared["halt"] = Halt.PARKED
                return None, ""
            left -= 1
            if left == 0:
                shared["halt"] = Halt.SPINS
                return None, ""

    def _engine_run(self) -> Pause | None:
        pause = self.board.step(STEP_BYTES // 3)
        take_back(self.shared, self.board.ram)
        return pause
