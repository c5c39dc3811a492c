"""Runs a kernel's code on several harts from one snapshot, again and again, each time in another order.

The snapshot is taken where every process that meets others is about to do its next operation, in user mode, on a hart
of its own. From there a schedule runs until all are in user mode again, or gone. No interrupt comes in between: what a
timer does on one hart, another hart does too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from unicorn import unicorn_const

from cowcheck.machine.board.board import Pause
from cowcheck.machine.board.snapshot import Snapshot, put_devices_back
from cowcheck.machine.board.state import A0, FIRST_PPN, FRAMES, KERNBASE, PAGE
from cowcheck.machine.board.trap import clear_interrupts
from cowcheck.machine.interleave import points, strings
from cowcheck.machine.interleave.digest import digest
from cowcheck.machine.interleave.points import put_frames_back
from cowcheck.machine.interleave.state import (
    INTERLEAVING,
    IS_LOCK,
    LOGGED,
    MOST_HOT,
    MOST_LOGGED,
    MOST_STEPS,
    STEP,
    Halt,
    Status,
)
from cowcheck.machine.native import address_of
from cowcheck.machine.program.report import REPORT_VA, ReportKind
from cowcheck.machine.program.workload import Workload
from cowcheck.machine.record.event import KIND, D, Ending, EventKind, ProcessState, Role
from cowcheck.machine.record.event_buffer import Rows
from cowcheck.machine.record.recorder import Recorder, Report, Seen
from cowcheck.machine.record.seen_stores import kernel_stacks
from cowcheck.machine.rig.rig import BEGIN_INSTRUCTIONS, Rig
from cowcheck.model.errors import CowcheckError
from cowcheck.model.sv39 import PTE_U, PTE_V, PTE_X

SET_UP_INSTRUCTIONS = 2_000_000_000
STEP_BYTES = 6_000_000  # of code that a hart runs without coming to a point: it never will
NEVER = 1 << 62
EXECUTABLE = PTE_V | PTE_U | PTE_X
MOST_SPINS = 8  # times that every hart that can go on was seen to spin: none gets on any more

LOCK_FUNCTIONS = frozenset({"acquire", "release", "holding", "push_off", "pop_off", "mycpu", "myproc"})
"""What xv6's spinlocks are made of (kernel/spinlock.c); their words are no matter of the schedule, the locks are."""

Switch = tuple[int, int]
"""Before step n (the first element), hart h (the second) goes on."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of one schedule. ``steps`` and ``log`` are copies."""

    switches: tuple[Switch, ...]
    steps: np.ndarray[Any, Any]
    log: np.ndarray[Any, Any]
    rows: Rows
    texts: tuple[str, ...]
    ending: Ending | None  # None: all harts are back in user code, or have nothing to do
    text: str
    blocked: tuple[tuple[int, int], ...]  # (hart, lock) of those that wait when it ends

    @property
    def waiting(self) -> tuple[tuple[int, int], ...]:
        """(hart, lock) of those that wait for ever."""
        return self.blocked if self.ending is None else ()

    @property
    def harts(self) -> Any:
        return self.steps["hart"]


def take_back(shared: Any, ram: Any) -> None:
    """Undoes the store before which the hart was stopped, if there was one (:func:`points.keep`)."""
    if size := int(shared["undo_bytes"]):
        at = int(shared["undo"])
        ram[at : at + size] = shared["undo_value"][:size]
        shared["undo_bytes"] = 0


class Interleaver:
    """One workload's processes at their gates, on one rig."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.recorder, self.board = rig, rig.recorder, rig.recorder.board
        self.record = np.zeros(1, INTERLEAVING)
        self.shared = self.record[0]
        self.steps, self.log = np.zeros(MOST_STEPS, STEP), np.zeros(MOST_LOGGED, LOGGED)
        for name, array in (("board", self.board.record), ("steps", self.steps), ("log", self.log)):
            self.shared[name] = address_of(array)
        self.shared["harts"] = rig.harts
        functions = rig.kernel.layout.functions
        for name in LOCK_FUNCTIONS & functions.keys():
            first, end = functions[name].address - KERNBASE, functions[name].address + functions[name].size - KERNBASE
            self.shared["lock_code"][max(first, 0) // 2 : max(end, 0) // 2] = 1
        self.hot: set[int] = set()
        self.code = np.zeros(FRAMES, np.uint8)  # frames that user code was in
        self.snapshot: Snapshot | None = None
        self.stacks = self._stacks()
        self._follow_hook: int | None = None
        self._connect()

    @classmethod
    def of(cls, rig: Rig) -> Interleaver:
        """The rig's own. There is one: its callbacks stay on the rig's engine, and lead to its record."""
        if not isinstance(rig.interleaver, cls):
            rig.interleaver = cls(rig)
        return rig.interleaver

    def _connect(self) -> None:
        """Puts callbacks that stop at points in the place of the recorder's."""
        engine, user, kernel = self.board.engine, address_of(self.record), self.recorder.kernel
        functions = kernel.layout.functions
        assert self.recorder.stores is not None
        self.recorder.stores.call(points.on_store, user)
        for number in self.recorder.string_hooks:
            engine.unhook(number)
        self.recorder.string_hooks.clear()
        for first, last in self._watched():
            engine.hook(unicorn_const.UC_HOOK_MEM_READ, points.on_load, user, first, last)
        for name, function in {
            "acquire": points.on_acquire,
            "release": points.on_release,
            "memset": strings.on_memset,
            "memmove": strings.on_memmove,
            "usertrap": points.on_trap,
            "kerneltrap": points.on_trap,
        }.items():
            if name in functions:
                engine.hook_code(function, user, functions[name].address)
        self._gate_hook = engine.hook(unicorn_const.UC_HOOK_CODE, points.on_report, user, REPORT_VA, REPORT_VA)
        engine.forget_code()

    def _follow(self, wanted: bool) -> None:
        """Has the emulator know at every access of the kernel's which instruction it is; that takes time."""
        engine = self.board.engine
        if wanted == (self._follow_hook is not None):
            return
        if self._follow_hook is None:
            last = int(self.recorder.observer["text_end"]) - 1
            kind, user = unicorn_const.UC_HOOK_CODE, address_of(self.record)
            self._follow_hook = engine.hook(kind, points.on_instruction, user, KERNBASE, last)
        else:
            engine.unhook(self._follow_hook)
            self._follow_hook = None
        engine.forget_code()

    # --- getting there ---

    def set_up(
        self,
        workload: Workload,
        sink: Callable[[Rows, Sequence[str]], None],
        hear: Callable[[Report, Recorder], int | Ending | None],
    ) -> str:
        """Runs the workload up to its gates. Gives why it did not come there, or nothing."""
        rig, recorder, board = self.rig, self.recorder, self.board
        self.shared["active"] = 0
        self._follow(False)
        rig.sink = None
        rig._listen(True)
        rig._start(workload.files)
        board.frozen = frozenset()
        seen = recorder.run_to_user(BEGIN_INSTRUCTIONS)

        def take(rows: Rows, texts: Sequence[str]) -> None:
            self._note_code(rows)
            sink(rows, texts)

        rig.sink = take
        recorder.begin()
        arrived: dict[int, int] = {}  # hart: its report's point
        while seen.ending is None and len(arrived) < len(workload.gates):
            seen = recorder.run(SET_UP_INSTRUCTIONS)
            report = seen.report
            if report is None:
                continue
            kind, point = report.values[0], report.values[1]
            if kind in (ReportKind.BEGIN, ReportKind.LEAVE) and point in workload.gates:
                hart = int(board.shared["hart"])
                arrived[hart] = point
                board.frozen |= {hart}
            answer = hear(report, recorder)
            if isinstance(answer, Ending):
                return "the workload ended before its processes met"
            if answer is not None:
                board.engine.write(A0, answer)
        if seen.ending is not None:
            return f"its processes never met: {seen.text or seen.ending.name.lower()}"
        recorder.drain()
        board.frozen = frozenset()
        self._remember()
        return ""

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
        self.snapshot = board.snapshot()
        self.board_record = board.record.copy()
        self.device_uses = board.device_uses
        self.observed = self.recorder.record.copy()
        self.printed = self.recorder.printed
        self.told = set(self.recorder.told)
        self.initial_status = [
            Status.READY if self.observed[0]["in_user"][hart] else Status.PARKED for hart in range(board.harts)
        ]

    def _watched(self) -> list[tuple[int, int]]:
        """The ranges of RAM, by first and last address, that harts may share: all but code and stacks."""
        at, ranges = int(self.recorder.observer["text_end"]), []
        for frame in [*sorted(self.stacks), FRAMES]:
            if at < KERNBASE + frame * PAGE:
                ranges.append((at, KERNBASE + frame * PAGE - 1))
            at = KERNBASE + (frame + 1) * PAGE
        return ranges

    def _stacks(self) -> list[int]:
        """The frames of the kernel's stacks: those of processes, and those of the harts' schedulers."""
        found = kernel_stacks(self.board, self.recorder.kernel).tolist()
        stack0 = self.recorder.kernel.layout.stack0
        if stack0 is not None:
            first = stack0[0] - KERNBASE
            found += range(-(-first // PAGE), (first + stack0[1]) // PAGE)
        return found

    # --- preemption points ---

    def cool(self, everything: bool) -> None:
        """No word is a preemption point; ``everything``: the entries of release are some, where those of acquire
        are."""
        self.hot.clear()
        self.shared["hot"][:] = 0
        self.shared["hot_frame"][:] = 0
        self.shared["everything"] = everything

    def heat(self, objects: Sequence[int]) -> None:
        """Makes these words and locks preemption points."""
        shared = self.shared
        for item in objects:
            if item in self.hot:
                continue
            self.hot.add(item)
            place = int(points.slot_of(shared["hot"], np.int64(item)))
            shared["hot"][place] = item
            shared["hot_frame"][(item - KERNBASE) // PAGE] = 1
        if len(self.hot) > MOST_HOT // 2:
            raise CowcheckError("more words are shared than any xv6 shares")

    # --- one schedule ---

    def restore(self) -> None:
        """Everything as it was at the gates, as :meth:`Board.restore` would have it, but only what may differ.

        Bits A and D of page tables that no hart was using then stay as they are: nobody goes by them.
        """
        assert self.snapshot is not None
        board, snapshot, recorder = self.board, self.snapshot, self.recorder
        overwritten = np.flatnonzero(board.shared["dirty"] & self.code)
        put_frames_back(address_of(board.record), address_of(snapshot.ram))
        for frame in overwritten.tolist():
            board.engine.forget_code_at(KERNBASE + frame * PAGE, KERNBASE + (frame + 1) * PAGE)
        board.record[:] = self.board_record
        if board.device_uses != self.device_uses:
            put_devices_back(board, snapshot)
            self.device_uses = board.device_uses
        for context, saved in zip(board.contexts, snapshot.contexts, strict=True):
            board.engine.uc.context_restore(saved)
            board.engine.uc.context_update(context)
        board.engine.restore(board.contexts[int(board.shared["hart"])])
        board.waiting = list(snapshot.waiting)
        recorder.record[:] = self.observed
        recorder.texts.clear()
        recorder.printed = self.printed
        recorder.told = set(self.told)
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
        shared["status"][: board.harts] = self.initial_status
        board.shared["lines"][:] = 0

    def run(self, switches: Sequence[Switch], exact: bool = False) -> Execution:
        """One schedule: harts go on until they cannot, but where a switch says otherwise.

        ``exact``: every access is logged with its own instruction, and not with one a little before it. Where harts
        may be stopped at words, and not at locks only, it is so in any case.
        """
        self.restore()
        self._follow(exact or any(not item & IS_LOCK for item in self.hot))
        board, shared = self.board, self.shared
        shared["active"] = 1
        plan = dict(switches)
        hart, ending, text, spins = -1, None, "", 0
        started = [status != Status.READY for status in self.initial_status]
        recorder = self.recorder
        while True:
            step = int(shared["step_count"])
            bits = points.enabled_now(address_of(self.record))
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
        blocked = tuple(
            (other, int(shared["waits_for"][other]))
            for other in range(board.harts)
            if shared["status"][other] == Status.BLOCKED
        )
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

    def digest(self) -> int:
        """The kernel's memory as it is now, as a number that does not depend on which frames it took."""
        return int(digest(address_of(self.record)))

    def finish(
        self, hear: Callable[[Report, Recorder], int | Ending | None], on_end: Callable[[Recorder], None], budget: int
    ) -> tuple[Rows, tuple[str, ...]]:
        """Goes on from where :meth:`run` has ended, as the harts like it, to the workload's end. Gives what was
        recorded on that way, its end included."""
        assert self.snapshot is not None
        self._follow(False)
        rows: list[Rows] = []
        texts: list[str] = []

        def keep(more: Rows, names: Sequence[str]) -> None:
            rows.append(more)
            texts[:] = names
            self._note_code(more)

        board, recorder = self.board, self.recorder
        board.turn = self.snapshot.turn
        board.random.setstate(self.snapshot.draws)
        recorder.observer["count"] = 0
        recorder.texts.clear()
        end = int(board.shared["retired"]) + budget
        self.rig.sink = None
        seen = Seen()
        while seen.ending is None:
            seen = recorder.run(max(end - int(board.shared["retired"]), 1))
            if seen.report is not None:
                answer = hear(seen.report, recorder)
                if isinstance(answer, Ending):
                    seen = Seen(answer)
                elif answer is not None:
                    board.engine.write(A0, answer)
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
        observer, before = self.recorder.observer, self.observed[0]
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
            points.begin(address_of(self.record), hart, forced)
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
                seen = recorder._met()
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
