"""A program bound to a scenario for an export: its steps numbered through, its variables named and placed.

A variable whose value crosses a step boundary lives in a typed register of its process, which is part of the state; two
that never matter at the same time may share one. All others live within a step only, and have a name each. Which
registers matter at a boundary is what the reference interpreter says (``model/liveness.py``), so the states are the
same ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from cowcheck.checker.catalogue import Design
from cowcheck.checker.export.known import known
from cowcheck.checker.export.operations import operations
from cowcheck.checker.export.reach import Reach
from cowcheck.model.ir import Acquire, Branch, Jump, Space, Type, Var
from cowcheck.model.liveness import Kept, live_in, members
from cowcheck.model.scenario import Scenario
from cowcheck.model.system import Model

NARROW = (Type.FRAME, Type.PAGE_TABLE, Type.PROC, Type.PTE_REF)
"""Types whose values are numbers from 0 to 255 in an export."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A register of a process: the ``number``-th that holds values of ``type``."""

    type: Type
    number: int

    @property
    def name(self) -> str:
        return f"{re.sub('[^a-z]', '_', self.type.value.lower())}{self.number}"


class Binding:
    """What every part of an export asks of the design in the scenario."""

    def __init__(self, design: Design, scenario: Scenario) -> None:
        self.design = design
        self.scenario = scenario
        self.model = Model(design.program, scenario)
        self.program = design.program
        self.layout = self.model.layout
        self.kernel = self.model.kernel
        self.operations = operations(self.kernel)
        self.reach = Reach(self.program, self.kernel, self.operations)
        self.known = known(self.program, self.reach)
        self.instructions = sorted(self.reach.instructions)
        self.boundary = self.model.allocation.boundary
        starts = {index for index in self.instructions if self.boundary[index] is not None} | {self.program.boot}
        self.steps = {index: number for number, index in enumerate(sorted(starts), start=1)}
        self.slots = self._place()

    def kept(self, index: int) -> tuple[Kept, ...]:
        """What the state keeps at the beginning of a step."""
        return self.boundary[index] or ()

    def _place(self) -> dict[Var, Slot]:
        program = self.program
        live = live_in(program.instructions)
        crossing = {kept.var for index in self.steps for kept in self.kept(index)}
        clashes: dict[Var, set[Var]] = {var: set() for var in crossing}
        by_index = {var.index: var for var in program.variables}
        for index in self.instructions:
            var = program.instructions[index].writes()
            if var not in crossing:
                continue
            out = 0
            for follower in self.reach.followers(index):
                out |= live[follower]
            for other in members(out):
                if (clashing := by_index[other]) in crossing and clashing is not var:
                    clashes[var].add(clashing)
                    clashes[clashing].add(var)
        for index in self.steps:  # what a branch that is left out would have read is kept as well
            together = {kept.var for kept in self.kept(index)}
            for var in together:
                clashes[var] |= together - {var}
        placed: dict[Var, Slot] = {}
        for var in sorted(crossing, key=lambda var: var.index):
            taken = {placed[other] for other in clashes[var] if other in placed}
            placed[var] = next(
                slot for number in range(len(taken) + 1) if (slot := Slot(var.type, number)) not in taken
            )
        return placed

    @cached_property
    def registers(self) -> tuple[Slot, ...]:
        """Every register, in a fixed order."""
        return tuple(
            sorted(set(self.slots.values()), key=lambda slot: (slot.type not in NARROW, slot.type, slot.number))
        )

    @cached_property
    def references(self) -> frozenset[Slot]:
        """The registers that refer to something before some step."""
        return frozenset(self.slots[kept.var] for index in self.steps for kept in self.kept(index) if kept.reference)

    def followers(self, index: int) -> tuple[int, ...]:
        """Where control goes from an instruction, past jumps: an instruction that does something, or a boundary."""
        return tuple(dict.fromkeys(self._past_jumps(follower) for follower in self.reach.followers(index)))

    def _past_jumps(self, index: int) -> int:
        seen: set[int] = set()
        while self.boundary[index] is None and index not in seen:
            seen.add(index)
            after = self.reach.followers(index)
            instruction = self.program.instructions[index]
            if not isinstance(instruction, Jump | Branch) or len(after) != 1:
                break
            (index,) = after
        return index

    def closure(self, entries: Iterable[int]) -> list[int]:
        """The instructions that steps which begin at ``entries`` may run, in order: up to the next boundary."""
        found = set(entries)
        work = list(found)
        while work:
            for follower in self.followers(work.pop()):
                if self.boundary[follower] is None and follower not in found:
                    found.add(follower)
                    work.append(follower)
        return sorted(found)

    # --- locks: numbered from 1, the kernel's own first, then the processes' and the frames' ---

    @cached_property
    def lock_numbers(self) -> dict[str, int]:
        """The number of a lock, or the number before the first of an array of locks."""
        used = {
            instruction.lock.name if instruction.lock.space is not Space.PROC else "proc.lock"
            for index in self.instructions
            if isinstance(instruction := self.program.instructions[index], Acquire)
        }
        numbers: dict[str, int] = {}
        count = 0
        for declared in self.program.globals:
            if declared.lock and not declared.per_frame:
                count += 1
                numbers[declared.name] = count
        numbers["proc.lock"] = count
        count += self.layout.processes
        for declared in self.program.globals:
            if declared.lock and declared.per_frame:
                numbers[declared.name] = count
                count += self.layout.frames
        assert used <= set(numbers), "every lock is declared"
        numbers[""] = count
        return numbers

    @property
    def lock_count(self) -> int:
        return self.lock_numbers[""]

    @cached_property
    def tests_free_list(self) -> bool:
        """See ``CodeGenerator.tests_free_list``."""
        return self.model.interpreter.code.tests_free_list

    def tests(self, var: Var, function: str) -> bool:
        """The function asks whether what it read from the free list is null."""
        return (var, function) in self.model.interpreter.code.tested
