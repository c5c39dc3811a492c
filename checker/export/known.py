"""What is known before each instruction, so that an export need not ask: pointers that are good, locks that are held.

A forward analysis over the program. A fact about a variable holds until the variable is assigned; a process's
variables are its own, so facts last over the ends of steps. A lock that is not in ``may_hold`` cannot be held by the
process that acquires it; one that is in ``must_hold`` is held by it.
"""

from __future__ import annotations

from typing import NamedTuple

from cowcheck.checker.export.reach import Reach
from cowcheck.model.ir import (
    Acquire,
    Binary,
    Branch,
    Cell,
    Const,
    Expr,
    Instruction,
    Load,
    Local,
    Primitive,
    Program,
    Release,
    Set,
    Sleep,
    Space,
    Store,
    Unary,
    Var,
)

Fact = tuple[str, Var]
"""``("set", v)``: v is not null; ``("in_ram", v)``: v is a frame of RAM."""


class Known(NamedTuple):
    """Before an instruction."""

    facts: frozenset[Fact]
    must_hold: frozenset[str]  # global locks
    may_hold: frozenset[str]

    def meet(self, other: Known) -> Known:
        return Known(self.facts & other.facts, self.must_hold & other.must_hold, self.may_hold | other.may_hold)


_NOTHING = Known(frozenset(), frozenset(), frozenset())


def known(program: Program, reach: Reach) -> dict[int, Known]:
    """By instruction, for all that can be reached."""
    found = {program.boot: _NOTHING, program.trap: _NOTHING}
    work = [program.boot, program.trap]
    while work:
        index = work.pop()
        instruction = program.instructions[index]
        after = _after(found[index], instruction)
        followers = reach.followers(index)
        if isinstance(instruction, Primitive) and instruction.name == "sret":  # the process comes back by the next trap
            after, followers = Known(frozenset(), frozenset(), after.may_hold), (program.trap,)
        for follower in followers:
            new = after
            if isinstance(instruction, Branch) and instruction.then != instruction.otherwise:
                new = _learnt(after, instruction.test, follower == instruction.then)
            if follower in found:
                new = found[follower].meet(new)
            if found.get(follower) != new:
                found[follower] = new
                work.append(follower)
    return found


def _after(before: Known, instruction: Instruction) -> Known:
    facts, must, may = before
    for cell in _cells(instruction):
        if isinstance(cell.index, Local):
            facts |= {("in_ram" if cell.space is Space.PER_FRAME else "set", cell.index.var)}
    match instruction:
        case Acquire(lock) if lock.space is Space.GLOBAL:
            must, may = must | {lock.name}, may | {lock.name}
        case Release(lock) | Sleep(lock) if lock.space is Space.GLOBAL:
            must, may = must - {lock.name}, may - {lock.name}
    target = instruction.writes()
    if target is not None:
        copied = (
            instruction.value.var if isinstance(instruction, Set) and isinstance(instruction.value, Local) else None
        )
        learnt = {(kind, target) for kind, var in facts if copied is not None and var is copied}
        facts = frozenset(fact for fact in facts if fact[1] is not target) | learnt
    return Known(facts, must, may)


def _cells(instruction: Instruction) -> tuple[Cell, ...]:
    match instruction:
        case Load(cell=cell) | Store(cell=cell):
            return (cell,)
        case Acquire(lock) | Release(lock) | Sleep(lock):
            return (lock,)
    return ()


def _learnt(before: Known, test: Expr, answer: bool) -> Known:
    match test:
        case Unary("not", operand):
            return _learnt(before, operand, not answer)
        case Unary("in_ram", Local(var)) if answer:
            return before._replace(facts=before.facts | {("in_ram", var)})
        case Binary("==" | "!=" as op, Local(var), Const(0)) | Binary("==" | "!=" as op, Const(0), Local(var)):
            if answer == (op == "!="):
                return before._replace(facts=before.facts | {("set", var)})
        case Local(var) if answer:
            return before._replace(facts=before.facts | {("set", var)})
    return before


def is_good(before: Known, cell: Cell) -> bool:
    """The cell's index is known to lead to memory."""
    if not isinstance(cell.index, Local):
        return False
    return ("in_ram" if cell.space is Space.PER_FRAME else "set", cell.index.var) in before.facts
