"""The verifier's reference engine: dictionaries and sets, one event after the other, slow and plain.

What is judged when, and why no right kernel is accused by it, is told in docs/trace.md ("How a trace is judged"). In
short: kernel code between a trap and the return to user code is a *path*; a frame that some path has touched is in
flight, so its counts and whether it is lost are judged when the last such path ends; and what a process maps cannot be
seen by user code while its own path is at work on it.
"""

from __future__ import annotations

from collections.abc import Iterable

from cowcheck.checker.verify.bad_event import BadEvent
from cowcheck.checker.verify.keys import MOST_FREE
from cowcheck.checker.verify.reference_changes import Changing
from cowcheck.checker.verify.reference_known import HIDDEN, NOT_STARTED
from cowcheck.checker.verify.reference_state import Path
from cowcheck.checker.verify.rights import (
    ACCESS,
    STORE_FAULT,
    allows,
    fault_vpn,
    has_mark,
    leads_to,
    same_but_for_use,
    user_can,
)
from cowcheck.checker.verify.scene import (
    START,
    About,
    Row,
    What,
)
from cowcheck.machine.record.event import HART, KIND, PC, PID, A, B, C, D, EventKind, ProcessState, Role
from cowcheck.machine.trace.event_check import problem_of
from cowcheck.model.sv39 import PTE_U, PTE_V
from cowcheck.model.views import (
    LoadView,
    OperationView,
    TouchView,
)

INITIAL = {
    EventKind.RUN,
    EventKind.STATE,
    EventKind.PTE,
    EventKind.OWN,
    EventKind.LIST,
    EventKind.COUNT,
    EventKind.SIZE,
}
"""Kinds that tell the state in which a run starts, where no instruction (pc 0) did it and no other event came
before."""


class Reference(Changing):
    """Feeds on events and tells of what they break."""

    def feed(self, rows: Iterable[Iterable[int]], number: int) -> None:
        """Takes events that concern frames and processes. ``number`` is that of the first."""
        for self.number, values in enumerate(rows, start=number):
            self.row: Row = tuple(int(value) for value in values)
            if problem := problem_of(self.row, self.header.harts):
                raise BadEvent(self.number, problem)
            kind = EventKind(self.row[KIND])
            self.actor = self.row[PID]
            if self.initial and not (kind in INITIAL and self.row[PC] == 0):
                self.judge_start()
            getattr(self, f"on_{kind.name.lower()}")()

    def settle(self) -> None:
        """The state in which the run starts is known now: it is judged as a whole."""
        if self.initial:
            self.feed([START], self.number)

    def judge_start(self) -> None:
        self.initial = False
        for _, frame in sorted(self.frames.items()):
            for mapping in frame.mappings:
                mapping.may_write = allows(mapping.pte) or has_mark(mapping.pte) or len(frame.mappings) > 1
            self.judge_frame(frame)
            self.judge_mappings(frame)

    # --- events ---

    def on_run(self) -> None:
        hart = self.harts[self.row[HART]]
        before, hart.current, hart.user = hart.current, self.row[A], 0
        if before and before != hart.current and (process := self.processes.get(before)):
            if process.state == ProcessState.ZOMBIE:
                self.end_path(process.path)
        elif not before and hart.current:
            self.end_path(self.idle[self.row[HART]])

    def on_trap(self) -> None:
        self.end_path(self.process(self.row[PID]).path)  # where its return to user code was not told
        process, hart = self.process(self.row[PID]), self.harts[self.row[HART]]
        hart.current, hart.user = process.pid, 0
        path = process.path = Path(process.pid, live=True, trap=self.row, trap_number=self.number, asked=process.killed)
        scause, stval = self.row[A], self.row[B]
        if scause not in ACCESS:
            if scause >= 0:  # no interrupt: the program went on
                process.repeats = process.idle = 0
            return
        path.fault = scause
        path.vpn = fault_vpn(stval)
        mapping = process.pages.get(path.vpn)
        path.pte = mapping.pte if mapping else 0
        if mapping and (process.size is None or stval < process.size):
            path.permitted = user_can(mapping.pte, scause, bool(mapping.may_write))
            if process.size is None and scause == STORE_FAULT and not process.maps(path.vpn + 1):
                path.permitted = False  # its last page: the address may lie above the process's size

    def on_user(self) -> None:
        process, hart = self.process(self.row[PID]), self.harts[self.row[HART]]
        if process.state in HIDDEN:
            process.state = ProcessState.RUNNING
        hart.current = hart.user = process.pid
        self.returns += 1
        if process.path.live:  # a handler may set p->killed, and clear it when it has served the fault
            process.killed = process.path.asked
        first, process.new = process.new, False
        self.end_path(process.path)
        if first:
            for mapping in process.newest_pages():
                if frame := self.frame(leads_to(mapping.pte)):
                    self.judge_frame(frame)
                    self.judge_mappings(frame)
        self.judge_translations()
        hart.ran.add(process.pid)

    def on_state(self) -> None:
        if not self.row[A]:
            return
        process = self.process(self.row[A])
        before, process.state = process.state, ProcessState(self.row[B])
        if self.initial:
            return
        if before in NOT_STARTED and process.state == ProcessState.RUNNABLE:
            process.new = True
            self.forks += self.row[PID] != 0
        if process.state == ProcessState.UNUSED:
            self.actor = process.pid
            self.end_path(process.path)
            process.killed, process.new, process.size, process.fault = False, False, None, ()
            for mapping in process.newest_pages():  # nothing leads to its page table any more
                self.change(process, mapping.vpn, mapping.pte, 0)
            self.forget(process)

    def on_pte(self) -> None:
        process, vpn, old, new = self.process(self.row[A]), self.row[B], self.row[C], self.row[D]
        mapping = process.pages.get(vpn)
        known = mapping.pte if mapping else 0
        if not (old | new) & PTE_V or (process.state == ProcessState.UNUSED and not known and not new & PTE_V):
            return
        if not same_but_for_use(known, old):
            raise BadEvent(self.number, f"'old' of a pte event is {old:#x}, and by the events before it is {known:#x}")
        if mapping and same_but_for_use(known, new):
            mapping.pte = new
            return
        self.change(process, vpn, old, new)

    def on_own(self) -> None:
        if frame := self.frame(self.row[A]):
            frame.seen, frame.role = True, Role(self.row[B])
            if self.initial:
                return
            self.note(frame, touches=frame.role != Role.LOST)
            self.judge_frame(frame)

    def on_alloc(self) -> None:
        self.memory_known = True
        if not self.row[A]:
            self.path().out_of_memory = True
        self.touch_alone()

    def on_free(self) -> None:
        self.kfree_known = True
        self.touch_alone()

    def touch_alone(self) -> None:
        if frame := self.frame(self.row[A]):
            frame.seen = True
            self.note(frame)
            self.judge_frame(frame)

    def on_list(self) -> None:
        self.memory_known = True
        if not (frame := self.frame(self.row[A])):
            return
        free = min(max(frame.free + self.row[B], 0), MOST_FREE)
        self.free_frames += (free > 0) - (frame.free > 0)
        before, frame.free, frame.seen = frame.free, free, True
        if frame.role == Role.LOST or (frame.role == Role.OBJECT and self.row[B] > 0):
            frame.role = Role.NONE
        if not self.initial:
            self.note(frame, before)
            self.judge_frame(frame)

    def on_count(self) -> None:
        if frame := self.frame(self.row[A]):
            frame.counted, frame.refs = self.header.counts is not None, self.row[C]
            if not self.initial:
                self.note(frame)
                self.judge_frame(frame)

    def on_store(self) -> None:
        if not (frame := self.frame(self.row[A])):
            return
        pid = self.row[PID]
        self.note_store(frame)
        about = About(What.TOUCH, frame.ppn, pid, actor=self.actor)
        self.see(TouchView(frame.free > 0), frame.told, about)
        if not any(self.counts(frame, mapping) for mapping in frame.mappings):
            return
        visible = [mapping for mapping in frame.mappings if self.visible(mapping) and mapping.pte & PTE_U]
        others = sorted(mapping.pid for mapping in visible if mapping.pid != pid)
        about = About(What.STORE, frame.ppn, pid, other=others[0] if others else 0, actor=self.actor)
        self.see(LoadView(int(bool(others)), 0), frame.told, about)
        for mapping in visible:
            if mapping.pid == pid and mapping.may_write is False and self.kfree_known:
                about = About(What.WRITTEN, frame.ppn, pid, mapping.vpn, actor=self.actor)
                self.see(OperationView(False, False, True, False, False, False, True), frame.told, about)
                break

    def on_fence(self) -> None:
        hart = self.harts[self.row[HART]]
        hart.ran.clear()
        hart.remembered.clear()

    def on_killed(self) -> None:
        process = self.process(self.row[A])
        process.killed = True
        if self.row[PID] != process.pid:
            process.path.asked = True
        elif process.path.live:
            process.path.short |= self.memory_known and self.free_frames == 0

    def on_size(self) -> None:
        self.process(self.row[A]).size = self.row[B]
