"""An execution as a person reads it: what each hart did that matters, in the order in which it was done.

A line says which hart, where in the source, and what. Only what touches the frame in question is told, and what a
decision was made on: the loads of its count; and every place where the schedule had another hart go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cowcheck.checker.interleave.result import Line
from cowcheck.checker.verify.effect import effect_of
from cowcheck.checker.verify.rights import leads_to
from cowcheck.checker.verify.scene import Past
from cowcheck.checker.verify.words import step_text, trap_text
from cowcheck.machine.board.state import FIRST_PPN, KERNBASE, PAGE
from cowcheck.machine.elf import global_variables_in_data
from cowcheck.machine.interleave.execution import Execution, Wait
from cowcheck.machine.interleave.state import Access
from cowcheck.machine.record.event import HART, KIND, PC, PID, A, B, C, D, EventKind, ProcessState, Role
from cowcheck.machine.record.kernel import Kernel
from cowcheck.model.sv39 import PTE_V

OF_A_FRAME = (
    EventKind.OWN, EventKind.ALLOC, EventKind.FREE, EventKind.LIST, EventKind.COUNT, EventKind.STORE,
)  # fmt: skip
MOST_LINES = 200
WAITS = "waits for "


_SWITCH, _LOAD, _ROW = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the kernel keeps the count of a frame (a ppn); ``first``: at the start, less the kernel's offset."""

    frame: int
    address: int
    size: int
    first: int


class DecisionTrace:
    """Tells executions of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.variables = sorted(global_variables_in_data(kernel.elf), key=lambda item: item.address)

    def lines(self, execution: Execution, frame: int | None, counts: Counts | None = None) -> tuple[Line, ...]:
        """The lines; of ``frame`` (a ppn), or of everything where that is None."""
        return tuple(self._lines(execution, frame, counts))[:MOST_LINES]

    def _lines(self, execution: Execution, frame: int | None, counts: Counts | None) -> Iterator[Line]:
        steps, log, rows = execution.steps, execution.log, execution.rows
        pids: dict[int, int] = {}
        value = counts.first if counts else 0
        free: dict[int, int] = {}  # how often a frame stands on the free list, once a step has shown that
        switches = dict(self._switches(execution))
        order = [(number, 1, 0, _ROW, number) for number in range(len(rows))]
        order += [(int(steps["told"][at]), 0, int(steps["logged"][at]), _SWITCH, at) for at in switches]
        order += [(int(log["told"][at]), 0, at, _LOAD, int(at)) for at in _loads(log, counts)]
        for _, _, _, what, at in sorted(order):
            if what == _SWITCH:
                hart, place, text = switches[at]
                yield Line(hart, pids.get(hart, 0), place, text, switch=True)
            elif what == _LOAD:
                hart = int(log["hart"][at])
                text = f"reads the reference count: {value}"
                if frame is None and counts is not None:
                    text = f"frame {counts.frame:#x}: {text}"
                yield Line(hart, pids.get(hart, 0), self.place(int(log["pc"][at])), text)
            else:
                row = tuple(int(item) for item in rows[at])
                pids[row[HART]] = row[PID]
                if counts is not None and row[KIND] == EventKind.COUNT and row[A] == counts.frame:
                    value = row[C]
                before = 0
                if row[KIND] == EventKind.LIST:
                    before = free.get(row[A], int(row[B] < 0))
                    free[row[A]] = before + row[B]
                if text := self._event(row, frame):
                    yield Line(row[HART], row[PID], self.place(row[PC]), text, effect=effect_of(row, before))
        for wait in execution.waiting:
            yield Line(wait.hart, pids.get(wait.hart, 0), self.place(wait.pc), self.wait_text(wait), switch=True)

    def windows(self, execution: Execution) -> tuple[str, ...]:
        """The places at which harts were preempted that could have gone on."""
        steps = execution.steps
        return tuple(
            self.place(int(steps["pc"][later]))
            for step, before, later in _stopped(execution)
            if int(steps["enabled"][step]) >> before & 1
        )

    def _switches(self, execution: Execution) -> Iterator[tuple[int, tuple[int, str, str]]]:
        """By step: the hart that was stopped before it, where, and why."""
        steps = execution.steps
        for step, before, later in _stopped(execution):
            kind, address = Access(int(steps["kind"][later])), int(steps["object"][later])
            what, frame = self.name_of(address), f"frame {FIRST_PPN + (address - KERNBASE) // PAGE:#x}"
            verb = {
                Access.LOAD: f"reads {what}",
                Access.STORE: f"writes {what}",
                Access.ATOMIC: f"changes {what}",
                Access.ACQUIRE: f"takes {what}",
                Access.RELEASE: f"releases {what}",
                Access.COPY: f"copies from {frame}",
                Access.FILL: f"fills {frame}",
            }.get(kind, "goes on")
            can = int(steps["enabled"][step]) >> before & 1
            text = f"stops before it {verb}" if can else f"cannot go on: {what} is held"
            yield step, (before, self.place(int(steps["pc"][later])), text)

    def _event(self, row: tuple[int, ...], frame: int | None) -> str:
        """What an event is called; nothing for one that does not matter here."""
        kind = EventKind(row[KIND])
        match kind:
            case EventKind.TRAP:
                return f"enters the kernel: {trap_text(row).split(', ', 1)[1]}"
            case EventKind.USER:
                return "returns to user code"
            case EventKind.STATE if row[B] == ProcessState.ZOMBIE:
                return f"process {row[A]} has exited"
            case EventKind.KILLED:
                return f"process {row[A]} is to be killed"
            case EventKind.ALLOC if row[A] == 0:
                return "kalloc finds no free frame"
            case EventKind.OWN if not row[PC]:
                return "nothing leads to the frame any more: it is lost" if row[B] == Role.LOST else ""
            case EventKind.PTE:
                of_frame = [pte for pte in (row[C], row[D]) if pte & PTE_V and leads_to(pte) == frame]
                return step_text(Past(0, row, 0, 0), frame or leads_to(row[D])) if of_frame or frame is None else ""
        if kind in OF_A_FRAME and (row[A] == frame or frame is None):
            text = step_text(Past(0, row, int(kind is EventKind.LIST and row[B] < 0), 0), row[A])
            return text if frame is not None else f"frame {row[A]:#x}: {text}"
        return ""

    def wait_text(self, wait: Wait) -> str:
        """What a hart waits for, and why in vain."""
        holder = f": hart {wait.holder} has it" if wait.holder >= 0 else ": it was never released"
        return f"{WAITS}{self.name_of(wait.lock)} for ever{holder}"

    def place(self, pc: int) -> str:
        return self.kernel.place(pc) if pc else ""

    def name_of(self, address: int) -> str:
        """A kernel variable, or what stands at the address."""
        for item in self.variables:
            if item.address <= address < item.address + max(item.size, 1):
                return item.name
        return f"the word at {address:#x}" + (f" (frame {FIRST_PPN + (address - KERNBASE) // PAGE:#x})")


def _stopped(execution: Execution) -> Iterator[tuple[int, int, int]]:
    """Each step before which another hart was stopped: its number, that hart, and the step with which it goes on."""
    steps = execution.steps
    for step in range(1, len(steps)):
        before, now = int(steps["hart"][step - 1]), int(steps["hart"][step])
        if before == now:
            continue
        later = next((at for at in range(step, len(steps)) if int(steps["hart"][at]) == before), None)
        if later is not None:
            yield step, before, later


def _loads(log: Any, counts: Counts | None) -> Any:
    """The numbers of the rows that load the count."""
    if counts is None:
        return ()
    objects = log["object"]
    inside = (objects < counts.address + counts.size) & (objects + log["size"] > counts.address)
    return np.flatnonzero((log["kind"] == Access.LOAD) & inside)


def render(lines: tuple[Line, ...], harts: int, width: int, titles: dict[int, str]) -> list[str]:
    """A column a hart, as text."""
    import textwrap

    column = max((width - 3 * (harts - 1)) // harts, 24)
    rule = "-" * (column * harts + 3 * (harts - 1))

    def row(hart: int, text: str) -> str:
        return " | ".join((text if other == hart else "").ljust(column) for other in range(harts)).rstrip()

    told = [" | ".join(titles.get(hart, f"hart {hart}")[:column].ljust(column) for hart in range(harts)).rstrip(), rule]
    place: tuple[int, str] = (-1, "")
    for line in lines:
        if line.switch:
            text = f"** {line.text}" + (f", in {line.place}" if line.place else "")
            told += [row(line.hart, part) for part in textwrap.wrap(text, column)] + [rule]
            place = (-1, "")
            continue
        if line.place and (line.hart, line.place) != place:
            told += [row(line.hart, part) for part in textwrap.wrap(line.place, column)]
            place = (line.hart, line.place)
        told += [row(line.hart, part) for part in
                 textwrap.wrap(line.text, column, initial_indent="  ", subsequent_indent="    ")]  # fmt: skip
    return told
