"""What an event changes in the reference engine's state: histories, and the PTEs of pages."""

from __future__ import annotations

from cowcheck.checker.verify.reference_judging import Judging
from cowcheck.checker.verify.reference_state import Frame, Mapping, Process
from cowcheck.checker.verify.rights import (
    leads_to,
    takes_away,
)
from cowcheck.checker.verify.scene import MOST_REMEMBERED
from cowcheck.machine.record.event import HART, KIND, PID, EventKind
from cowcheck.model.sv39 import PTE_V


class Changing(Judging):
    """Changes the state, and has judged at once what can be."""

    def note(self, frame: Frame, free: int | None = None, touches: bool = True) -> None:
        """The event is a step of the frame's history, and its path is at work on the frame."""
        frame.remember(self.number, self.row, frame.free if free is None else free)
        if touches:
            path = self.path()
            path.touched[frame] = None
            frame.touched_by[path.key] = None
        if frame.seen:
            broken = sum(self.bits[it] for it in self.judge.broken(self.strict_view(frame)))
            frame.history[-1] = frame.history[-1]._replace(broken=broken)
            frame.since = (frame.since or frame.history[-1]) if broken else None

    def note_store(self, frame: Frame) -> None:
        """Of several stores by one process in a row, the last is kept."""
        last = frame.history[-1].row if frame.history else None
        if last and last[KIND] == EventKind.STORE and last[PID] == self.row[PID]:
            frame.history.pop()
        frame.remember(self.number, self.row, frame.free)

    def change(self, process: Process, vpn: int, old: int, new: int) -> None:
        """The PTE of a page changes, and more than its A and D bits."""
        before, after = (self.frame(leads_to(pte)) if pte & PTE_V else None for pte in (old, new))
        if not self.initial and takes_away(old, new):
            for hart in self.harts:
                if process.pid in hart.ran and len(hart.remembered) < MOST_REMEMBERED:
                    hart.remembered.append((process.pid, vpn, old))
        mapping = process.pages.get(vpn)
        if not mapping:
            mapping = process.pages[vpn] = Mapping(process.pid, vpn)
        if before and before is not after:
            before.mappings.remove(mapping)
        if after and before is not after:
            after.mappings.insert(0, mapping)
            after.seen = True
        mapping.pte = new if new & PTE_V else 0
        mapping.fresh = True
        if not old & PTE_V:
            process.count += 1
            if not mapping.buried or mapping.image != process.image:
                self.first_mapped(mapping)
        if not new & PTE_V:
            mapping.image = process.image
            process.count -= 1
            process.image += not process.count
            if self.initial:
                del process.pages[vpn]
        if self.initial:
            return
        path = self.path()
        if not new & PTE_V and not mapping.buried:  # what its region allows is remembered until the path ends
            mapping.buried = True
            path.graves.append(mapping)
        touched = [before, after] if before is not after else [after]
        for frame in touched:
            if frame:
                self.note(frame)
        if new & PTE_V:
            self.judge_mapping(mapping, after, at_once=True)
        for frame in touched:
            if frame:
                self.judge_frame(frame)

    def first_mapped(self, mapping: Mapping) -> None:
        """A page comes into being: what its region allows is the parent's, or is known when the path ends."""
        parent = self.processes.get(self.row[PID]) if self.row[PID] != mapping.pid else None
        model = parent.pages.get(mapping.vpn) if parent else None
        mapping.may_write = model.may_write if model and model.pte & PTE_V else None
        mapping.maker = self.row[PID] or -1 - self.row[HART]
