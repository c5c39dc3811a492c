"""What is read off a program as a whole: which variables decide branches, and where its basic blocks begin."""

from __future__ import annotations

from functools import lru_cache

from cowcheck.model.ir import Branch, Load, Program, Set, Var, falls_through, successors
from cowcheck.model.layout import FREE_LIST
from cowcheck.model.liveness import Allocation


@lru_cache(maxsize=32)
def tested_variables(program: Program) -> frozenset[tuple[Var, str]]:
    """The variables that a branch of the same function depends on, if only by way of copies; with that function.

    A kernel that *tests* a null free list knows that memory is out; ``r->next = kmem.freelist`` tells it nothing.
    """
    tested = {
        (var, instruction.function)
        for instruction in program.instructions
        if isinstance(instruction, Branch)
        for var in instruction.reads()
    }
    copies = [instruction for instruction in program.instructions if isinstance(instruction, Set)]
    grown = True
    while grown:
        found = {
            (var, copy.function) for copy in copies if (copy.target, copy.function) in tested for var in copy.reads()
        }
        grown = not found <= tested
        tested |= found
    return frozenset(tested)


@lru_cache(maxsize=32)
def tests_free_list(program: Program) -> bool:
    """Some branch depends on the free list's head."""
    tested = tested_variables(program)
    loads = [one for one in program.instructions if isinstance(one, Load) and one.cell.name == FREE_LIST]
    return any((one.target, one.function) in tested for one in loads)


@lru_cache(maxsize=32)
def block_leaders(program: Program, allocation: Allocation) -> frozenset[int]:
    """The instructions that begin a block."""
    leaders = {program.boot, program.trap}
    for index, instruction in enumerate(program.instructions):
        follows = successors(index, instruction)
        if not falls_through(instruction):
            leaders.update(follows)
        leaders.update(follow for follow in follows if allocation.boundary[follow] is not None)
    return frozenset(leaders)
