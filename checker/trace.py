"""A path told step by step: who ran on which hart, the design's source line, and what changed in which frame.

The path is run again from the initial state, without symmetry, one instruction at a time, so frames keep their names
from the first step to the last and every change is told beside the line that made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from cowcheck.checker.catalogue import Design
from cowcheck.model import language
from cowcheck.model.errors import CowcheckError, Place
from cowcheck.model.hardware import Events
from cowcheck.model.ir import (
    PAGE_DATA,
    RUN_NEXT,
    Acquire,
    Branch,
    Cell,
    Instruction,
    Load,
    Primitive,
    Release,
    Sleep,
    Type,
)
from cowcheck.model.layout import FIRST, FREE_LIST, KILLED, LOCK, PANIC, PC, PHASE, STATE, TABLE, UPC
from cowcheck.model.scenario import Op, OpKind, Scenario
from cowcheck.model.sv39 import FLAG_BITS, PTE_V, flag_letters
from cowcheck.model.system import Action, Model, StateTuple

_STATE_NAMES = {
    language.UNUSED: "UNUSED",
    language.EMBRYO: "EMBRYO",
    language.SLEEPING: "SLEEPING",
    language.RUNNABLE: "RUNNABLE",
    language.ZOMBIE: "ZOMBIE",
}


class NotEnabled(CowcheckError):
    """A schedule whose next step cannot be taken."""


class Part(NamedTuple):
    """One line of source within a step, and what it changed."""

    function: str
    place: Place
    code: str
    changes: tuple[str, ...]


class Step(NamedTuple):
    """One step. ``parts[0]`` is its shared access (or the user's operation); further parts are the private lines
    after it that changed something (where steps repeat, the design's decisions as well). ``setup`` steps ran alone."""

    number: int  # from 1
    hart: int
    process: str
    action: str
    setup: bool
    parts: tuple[Part, ...]

    @property
    def changes(self) -> tuple[str, ...]:
        return tuple(change for part in self.parts for change in part.changes)


class Teller:
    """Tells paths of one design in one scenario."""

    def __init__(self, design: Design, scenario: Scenario) -> None:
        self.design = design
        self.scenario = scenario
        self.model = Model(design.program, scenario, watch=self._watch)
        self.state = next(self.model.initial_states())
        self.events: Events = []
        self.branches = False  # tell the design's decisions too, though they change nothing: for steps that repeat
        self._own_files = {unit.shown for unit in design.linked.units if unit.info is not None}
        self._watched: list[tuple[int, StateTuple]] = []
        layout = self.model.layout
        self._scalars = [
            (declared, layout.globals[declared.name]) for declared in design.program.globals if not declared.per_frame
        ]
        self._arrays = [
            (declared, layout.arrays[declared.name]) for declared in design.program.globals if declared.per_frame
        ]

    def _watch(self, index: int, state: list[int]) -> None:
        self._watched.append((index, tuple(state)))

    def steps(self, path: Iterable[Action]) -> Iterator[Step]:
        """The steps of a path; after each, ``state`` and ``events`` are those that it has led to.

        Raises :class:`NotEnabled` where an action cannot be taken.
        """
        state = self.state = next(self.model.initial_states())
        self.model.affinity.clear()
        for number, action in enumerate(path, start=1):
            if action not in set(self.model.enabled_actions(state)):
                how = " with a timer interrupt" if action.timer else ""
                raise NotEnabled(f"step {number}: process {action.pid} cannot run here{how}")
            self._watched = []
            hart = self.model.place(state, action.pid)
            assert hart is not None
            self.model.affinity[action.pid] = hart
            self.state, self.events = self.model.take(state, action)
            yield self._step(number, action, hart, state, self.state)
            state = self.state

    def _step(self, number: int, action: Action, hart: int, before: StateTuple, after: StateTuple) -> Step:
        model = self.model
        pid = action.pid
        process = model.op_program(before, pid)
        watched = [*self._watched, (-1, after)]
        parts: list[Part] = []
        user = before[model.layout.process(pid) + PC] == 0
        text = ""
        if user:
            op = model.ops[before[model.layout.process(pid) + UPC]]
            first = watched[0][1]
            trapped = len(watched) > 1
            text = "timer interrupt" if action.timer else str(op)
            if trapped and not action.timer and op.kind in ("load", "store"):
                text += ": page fault"
            parts.append(Part(process, op.place, self._op_code(op), tuple(self.changes(before, first))))
        for (index, state), (_, following) in pairwise(watched):
            instruction = model.program.instructions[index]
            changes = tuple(self.changes(state, following))
            if not parts:
                text = self._shared(instruction, state, pid)
            if not parts or changes or (self.branches and self._decides(instruction)):
                self._add_part(parts, instruction, changes)
        return Step(number, hart, process, text, before[PHASE] == 0, tuple(parts))

    def _decides(self, instruction: Instruction) -> bool:
        return isinstance(instruction, Branch) and instruction.place.file in self._own_files

    def _add_part(self, parts: list[Part], instruction: Instruction, changes: tuple[str, ...]) -> None:
        last = parts[-1] if parts else None
        if last is not None and last.place == instruction.place:
            parts[-1] = last._replace(changes=last.changes + changes)
        else:
            parts.append(Part(instruction.function, instruction.place, self._code(instruction.place), changes))

    def _op_code(self, op: Op) -> str:
        """A program's line; what init does, and the exit that ends every program, stand on no line of their own."""
        if op.kind is OpKind.REAP:
            return "wait()"
        return "exit()" if op.kind is OpKind.EXIT else self._code(op.place)

    def _code(self, place: Place) -> str:
        if place.file == self.scenario.shown:
            lines = self.scenario.source.splitlines()
            return lines[place.line - 1].strip() if 0 < place.line <= len(lines) else ""
        return self.design.linked.source_line(place)

    def _shared(self, instruction: Instruction, state: StateTuple, pid: int) -> str:
        """The shared access in words: for a read, what it saw."""
        match instruction:
            case Load(cell=cell):
                slot = self.model.interpreter.slot_of(cell, state, pid)
                if slot is None:
                    return f"{instruction.function}: reads {cell.name}"
                return (
                    f"{instruction.function}: reads {self._cell(cell, state, pid)} = {self._value(cell, state[slot])}"
                )
            case Acquire():
                return f"{instruction.function}: acquire"
            case Release():
                return f"{instruction.function}: release"
            case Sleep():
                return f"{instruction.function}: sleep"
            case Primitive(name=name):
                return f"{instruction.function}: {name}()"
            case _:
                return f"{instruction.function}: writes"

    def _cell(self, cell: Cell, state: StateTuple, pid: int) -> str:
        if cell.index is None:
            return cell.name
        index = self.model.interpreter.value_of(cell.index, state, pid)
        if cell.name == PAGE_DATA:
            return f"the contents of frame {index}"
        if cell.name == RUN_NEXT:
            return f"the next free page after frame {index}"
        if cell.space == "proc":
            return f"{self.model.op_program(state, index)}'s {cell.name}" if index else cell.name
        return f"{cell.name}[frame {index}]"

    def _value(self, cell: Cell, value: int) -> str:
        if cell.name == PAGE_DATA:
            return self.model.contents(value)
        if cell.type is Type.FRAME:
            return _frame(value)
        return str(value)

    # --- what changed ---

    def changes(self, before: StateTuple, after: StateTuple) -> Iterator[str]:
        """What differs between two states, in words; registers and program counters are left out."""
        if before == after:
            return
        layout = self.model.layout
        if after[PANIC] and not before[PANIC]:
            yield f"PANIC: {self.model.panic_message(after)}"
        yield from self._table_changes(before, after)
        free_before, free_after = self.model.kernel.free_counts(before), self.model.kernel.free_counts(after)
        yield from self._link_changes(before, after, free_before)
        moved = [frame for frame, was in enumerate(free_before) if was != free_after[frame]]
        head = layout.globals[FREE_LIST]
        if before[head] != after[head] and (len(moved) != 1 or moved[0] not in (before[head], after[head])):
            yield f"{FREE_LIST}: {_frame(before[head])} -> {_frame(after[head])}"  # neither one page less nor one more
        for frame, (was, now) in enumerate(zip(free_before, free_after, strict=True)):
            if was != now:
                yield f"frame {frame}: " + (
                    "on the free list" if now == 1 else "off the free list" if now == 0 else "on the free list TWICE"
                )
        for declared, first in self._arrays:
            for frame in range(1, layout.frames + 1):
                was, now = before[first + frame - 1], after[first + frame - 1]
                if was != now:
                    if declared.lock:
                        yield f"{declared.name}[frame {frame}]: {self._lock(after, now)}"
                    else:
                        yield f"frame {frame}: {declared.name.split('.')[-1]} {was} -> {now}"
        data = layout.arrays[PAGE_DATA]
        for frame in range(1, layout.frames + 1):
            was, now = before[data + frame - 1], after[data + frame - 1]
            if was != now:
                yield f"frame {frame}: holds {self.model.contents(now)}"
        for declared, slot in self._scalars:
            was, now = before[slot], after[slot]
            if was != now and declared.lock:
                yield f"{declared.name}: {self._lock(after, now)}"
            elif was != now and declared.type is not Type.FRAME:
                yield f"{declared.name} {was} -> {now}"
        yield from self._process_changes(before, after)

    def _link_changes(self, before: StateTuple, after: StateTuple, free: list[int]) -> Iterator[str]:
        """The links of free pages. They lie in the pages themselves, so that any write to a page wipes its link; of a
        page that is not on the list, that is nothing to be told."""
        first = self.model.layout.arrays[RUN_NEXT]
        for frame in range(1, self.model.layout.frames + 1):
            was, now = before[first + frame - 1], after[first + frame - 1]
            if was != now and now:
                yield f"frame {frame}: next -> {_frame(now)}"
            elif was != now and free[frame]:
                yield f"frame {frame}: next overwritten"

    def _lock(self, state: StateTuple, owner: int) -> str:
        return f"held by {self.model.op_program(state, owner)}" if owner else "released"

    def _table_changes(self, before: StateTuple, after: StateTuple) -> Iterator[str]:
        layout = self.model.layout
        for number in range(1, layout.tables + 1):
            owner = self._owner(after, number) or self._owner(before, number)
            name = self.model.op_program(after, owner) if owner else f"page table {number}"
            for page in range(layout.pages):
                was, now = before[layout.pte(number, page)], after[layout.pte(number, page)]
                if was != now:
                    yield f"{name}'s page {page}: {_pte(was)} -> {_pte(now)}"

    def _owner(self, state: StateTuple, table: int) -> int:
        for pid in range(FIRST, self.model.layout.processes + 1):
            if state[self.model.layout.process(pid) + TABLE] == table:
                return pid
        return 0

    def _process_changes(self, before: StateTuple, after: StateTuple) -> Iterator[str]:
        layout = self.model.layout
        for pid in range(FIRST, layout.processes + 1):
            base = layout.process(pid)
            name = self.model.op_program(after if after[base + STATE] else before, pid)
            if before[base + LOCK] != after[base + LOCK]:
                yield f"{name}'s proc lock: {self._lock(after, after[base + LOCK])}"
            if before[base + KILLED] != after[base + KILLED] and after[base + KILLED]:
                yield f"{name}: killed"
            if before[base + STATE] != after[base + STATE]:
                yield f"{name}: {_STATE_NAMES[after[base + STATE]]}"


def _frame(frame: int) -> str:
    return f"frame {frame}" if frame else "none"


def _pte(pte: int) -> str:
    if not pte & PTE_V:
        return "invalid"
    frame = pte >> FLAG_BITS
    return f"{flag_letters(pte)} {f'frame {frame}' if frame else 'physical address 0'}"
