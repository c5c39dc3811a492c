"""Merged runs: a process that holds a lock runs on to its release in one step, where nobody can tell the difference.

Fewer states, for the ones in the middle of a critical section are not kept. That is sound where the steps that are
merged commute with every step that another process can take in between (R. Lipton, "Reduction: a method of proving
properties of parallel programs", CACM 18(12), 1975), and no state in the middle is left unjudged. One lock is chosen,
L, and a run merges

1. a read or write of a word that the program touches under L alone, everywhere (``model/locks.py``). Nobody else can
   take L meanwhile, so nobody else touches the word;
2. a read or write of a page that no other process can reach in this state: no register of another process, no other
   page table and no other hart's TLB names the frame, and the free list is L's. Nobody can come to know it before L is
   released;
3. the release of L: it disables nothing;
4. the taking of L by a process that keeps its hart anyway (interrupts off, or another lock held). One that does not may
   take a hart that another process would have had, so there the run begins after it.

While a process is in the middle of a run it keeps its hart, and what it does is invisible to the others' steps: so any
execution can be reordered, step by step, into one in which the others move first, from the state before the run, and
the run follows as a whole, through the very states in the middle that the execution came by. Two processes are never in
the middle at once, for both would hold L. So every state is either kept or passed in the middle of a run, and there it
is judged as well. Three things look at memory without asking for a lock, all of them ghosts of cowcheck's:
``out_of_memory`` of an operation that ends and ``free`` of a page that is touched depend on the free list, so in the
middle of a run, once it has changed the list, what the others' next steps would report is judged too; a program that
never tests the free list has its memory looked at in every step, and is refused.

Where a violation is found its state is not gone on from, and the order of steps may decide which one comes first. So a
search with merged runs that finds one is begun anew without: what is reported never depends on the merging.

The premises are read off the program at hand. A lock that was removed somewhere leaves its words unprotected: then they
are not merged, and where no lock protects anything, merging is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cowcheck.model.analysis import tests_free_list
from cowcheck.model.ir import Acquire, Primitive, Program, Release, Space, Type, is_shared, successors
from cowcheck.model.layout import FREE_LIST
from cowcheck.model.locks import PAGES, LockUse, lock_use, named_lock, touched

WORD, PAGE, RELEASE, ACQUIRE, REPORTS = 1, 2, 4, 8, 16
"""What an instruction is to a run: the four kinds above; and a step from here may give an invariant a view."""


@dataclass(frozen=True, slots=True)
class Merging:
    """The lock, and for each instruction what it is to a run, as bits."""

    lock: str
    kinds: bytes


class Refused(Exception):
    """The premise does not hold of this program; the words say why."""


@lru_cache(maxsize=32)
def merging_of(program: Program) -> Merging:
    """The runs of a program. Raises :class:`Refused`."""
    if not tests_free_list(program):
        raise Refused("it never tests the free list's head, so whether memory is out is looked at in every step")
    use = lock_use(program)
    candidates = {lock: _kinds(program, use, lock) for lock in use.protected}
    if not candidates:
        raise Refused("no lock protects a variable of its kernel everywhere")
    lock = max(candidates, key=lambda name: sum(kind & (WORD | PAGE | RELEASE) > 0 for kind in candidates[name]))
    return Merging(lock, candidates[lock])


def _kinds(program: Program, use: LockUse, lock: str) -> bytes:
    pages = FREE_LIST in use.protected[lock] and not any(
        one.type is Type.FRAME and one.name != FREE_LIST and one.name not in use.protected[lock]
        for one in program.globals
    )
    kinds = bytearray(len(program.instructions))
    for index, instruction in enumerate(program.instructions):
        held = use.held[index]
        if held is None:
            continue
        cell = touched(instruction)
        if isinstance(instruction, Acquire) and named_lock(instruction) == lock:
            kinds[index] = ACQUIRE
        elif lock not in held:
            continue
        elif isinstance(instruction, Release) and named_lock(instruction) == lock:
            kinds[index] = RELEASE
        elif cell is not None and cell.name in use.protected[lock]:
            kinds[index] = WORD
        elif cell is not None and cell.name in PAGES and pages:
            kinds[index] = PAGE
    for index in _reporting(program):
        kinds[index] |= REPORTS
    return bytes(kinds)


def _reporting(program: Program) -> set[int]:
    """The instructions from which a step may come to one that gives an invariant a view that knows the free list."""
    found = {index for index, instruction in enumerate(program.instructions) if _reports(program, index)}
    before: dict[int, list[int]] = {}
    for index, instruction in enumerate(program.instructions):
        for follower in successors(index, instruction):
            if not is_shared(program.instructions[follower]):  # the step goes on
                before.setdefault(follower, []).append(index)
    waiting = list(found)
    while waiting:
        for index in before.get(waiting.pop(), ()):
            if index not in found:
                found.add(index)
                waiting.append(index)
    return found


def _reports(program: Program, index: int) -> bool:
    instruction = program.instructions[index]
    if isinstance(instruction, Primitive):
        return instruction.name in ("sret", "zombify")
    cell = touched(instruction)
    return cell is not None and cell.space is Space.PER_FRAME and cell.name in PAGES
