"""Which locks a process holds at each instruction, and which words it reads and writes there: for the whole program.

A lock counts where it is held on every path from the trap to the instruction. Only locks that have a name of their own
count (``kmem.lock``), not those of processes and frames, of which there are many. Functions are inlined, so an
instruction has one context and the answer is exact up to branches. What only boot runs is left out: nothing runs beside
it.
"""

from __future__ import annotations

from dataclasses import dataclass

from cowcheck.model.ir import (
    PAGE_DATA,
    PAGE_WORD,
    RUN_NEXT,
    Acquire,
    Cell,
    Instruction,
    Load,
    Program,
    Release,
    Sleep,
    Space,
    Store,
    successors,
)

Locks = frozenset[str]

PAGES = frozenset({PAGE_DATA, PAGE_WORD, RUN_NEXT})
"""What lies in the pages themselves: user code writes there too, and asks no lock."""


@dataclass(frozen=True, slots=True)
class LockUse:
    """``held`` has the locks held before each instruction, None for one that no trap leads to; ``protected`` maps each
    lock to the variables and arrays that are never touched without it."""

    held: tuple[Locks | None, ...]
    protected: dict[str, frozenset[str]]


def named_lock(instruction: Instruction) -> str | None:
    """The lock of its own name that an instruction takes, gives back or sleeps on."""
    if isinstance(instruction, Acquire | Release | Sleep) and instruction.lock.space is Space.GLOBAL:
        return instruction.lock.name
    return None


def touched(instruction: Instruction) -> Cell | None:
    """The kernel's variable, or element of an array, that an instruction reads or writes."""
    if isinstance(instruction, Load | Store) and instruction.cell.space in (Space.GLOBAL, Space.PER_FRAME):
        return instruction.cell
    return None


def lock_use(program: Program) -> LockUse:
    """The locks and the words of a program."""
    held = _held(program)
    always: dict[str, Locks] = {}
    for index, instruction in enumerate(program.instructions):
        locks = held[index]
        if locks is not None and (cell := touched(instruction)) is not None and cell.name not in PAGES:
            always[cell.name] = always.get(cell.name, locks) & locks
    names = {name for locks in always.values() for name in locks}
    protected = {lock: frozenset(word for word, locks in always.items() if lock in locks) for lock in sorted(names)}
    return LockUse(held, protected)


def _held(program: Program) -> tuple[Locks | None, ...]:
    held: list[Locks | None] = [None] * len(program.instructions)
    held[program.trap] = frozenset()
    waiting = [program.trap]
    while waiting:
        index = waiting.pop()
        locks = held[index]
        assert locks is not None
        after = _after(program.instructions[index], locks)
        for follower in successors(index, program.instructions[index]):
            before = held[follower]
            joined = after if before is None else before & after
            if joined != before:
                held[follower] = joined
                waiting.append(follower)
    return tuple(held)


def _after(instruction: Instruction, locks: Locks) -> Locks:
    name = named_lock(instruction)
    if name is None:
        return locks
    return locks | {name} if isinstance(instruction, Acquire) else locks - {name}
