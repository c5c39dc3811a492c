"""Which variables matter at each instruction, and the registers that hold them between steps.

Two backward data-flow analyses over the program (bit sets, one bit a variable):

- *live*: the value may be read later. What is not live is cleared at the end of a step, so that states which differ in
  forgotten values only are one state. Exact, hence sound.
- *reference*: the value may be used later as an address (to read or write through it, to store it somewhere), not only
  be tested. Such a variable holds its frame: a frame that only such a variable knows is not lost yet. ``return pa``
  whose caller asks only whether it is 0 holds nothing.

Registers are given out by greedy colouring; variables that no step boundary crosses live in scratch registers, which
are no part of a state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cowcheck.model.ir import Branch, Instruction, Program, Set, Type, Var, is_shared, successors


@dataclass(frozen=True, slots=True)
class Register:
    """Where a variable lives: ``kept`` registers are part of the state, the others are scratch within a step."""

    index: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept register that matters at a step boundary: the variable in it, and whether it holds a reference."""

    register: int
    var: Var
    reference: bool


@dataclass(frozen=True, slots=True, eq=False)
class Allocation:
    """``boundary[i]`` is None where instruction i begins no step; else what is kept there."""

    registers: tuple[Register, ...]  # by the variable's index
    kept_count: int
    scratch_count: int
    boundary: tuple[tuple[Kept, ...] | None, ...]


def _bits(variables: Sequence[Var]) -> int:
    mask = 0
    for var in variables:
        mask |= 1 << var.index
    return mask


def live_in(instructions: Sequence[Instruction], references_only: bool = False) -> list[int]:
    """For each instruction, the variables that are live before it, as a bit set; with ``references_only``, those that
    are used later as an address."""
    count = len(instructions)
    live = [0] * count
    reads = [_bits(instruction.reads()) for instruction in instructions]
    writes = [0 if (var := instruction.writes()) is None else 1 << var.index for instruction in instructions]
    if references_only:
        for index, instruction in enumerate(instructions):
            if isinstance(instruction, Branch):
                reads[index] = 0
    next_of = [successors(index, instruction) for index, instruction in enumerate(instructions)]
    changed = True
    while changed:
        changed = False
        for index in range(count - 1, -1, -1):
            out = 0
            for successor in next_of[index]:
                out |= live[successor]
            used = reads[index]
            if references_only and isinstance(instructions[index], Set) and not out & writes[index]:
                used = 0
            now = (out & ~writes[index]) | used
            if now != live[index]:
                live[index] = now
                changed = True
    return live


def members(mask: int) -> list[int]:
    """The indices in a bit set."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


@lru_cache(maxsize=32)
def allocate(program: Program, pte_steps: bool = False) -> Allocation:
    """Registers for every variable of a program, and what each step boundary keeps."""
    instructions = program.instructions
    live = live_in(instructions)
    references = live_in(instructions, references_only=True)
    boundaries = [is_shared(instruction, pte_steps) for instruction in instructions]
    crossing = 0
    for index, boundary in enumerate(boundaries):
        if boundary:
            crossing |= live[index]
    clashes = [0] * len(program.variables)
    for index, instruction in enumerate(instructions):
        out = 0
        for successor in successors(index, instruction):
            out |= live[successor]
        var = instruction.writes()
        if var is not None:
            others = out & ~(1 << var.index)
            clashes[var.index] |= others
            for other in members(others):
                clashes[other] |= 1 << var.index
    registers: list[Register | None] = [None] * len(program.variables)
    counts = {True: 0, False: 0}
    kept_first = sorted(program.variables, key=lambda var: not crossing >> var.index & 1)
    for var in kept_first:
        kept = bool(crossing >> var.index & 1)
        taken = {
            register.index
            for other in members(clashes[var.index])
            if (register := registers[other]) is not None and register.kept == kept
        }
        index = next(free for free in range(len(taken) + 1) if free not in taken)
        registers[var.index] = Register(index, kept)
        counts[kept] = max(counts[kept], index + 1)
    placed = tuple(register for register in registers if register is not None)
    by_index = {var.index: var for var in program.variables}
    boundary_kept = tuple(
        tuple(
            Kept(placed[index].index, by_index[index], bool(references[at] >> index & 1)) for index in members(live[at])
        )
        if boundary
        else None
        for at, boundary in enumerate(boundaries)
    )
    return Allocation(placed, counts[True], counts[False], boundary_kept)


FRAME_TYPES = (Type.FRAME, Type.PTE)
"""Types whose values carry a frame's name, which symmetry may change."""
