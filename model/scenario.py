"""Scenarios: what the user processes do. A scenario is a file of small user programs, parsed and never run.

One function is one program; the one that no other forks is where the scenario starts. Setup comes first: until every
live process has reached its first ``meet()``, one process runs at a time, the lowest first, so that the interleavings
explored are those of what comes after; a later ``meet()`` is a barrier and nothing more. Operations are numbered
through; ``upc`` (a process's place in the scenario) is that number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from cowcheck.model.errors import CowcheckError, Place

PAGE_KINDS = ("text", "data", "guard")
"""What a page of the program's image may be: R X U, R W U, or R W without U (xv6's stack guard)."""

MAX_PAGES = 16
MAX_HARTS = 8
MAX_FRAMES = 31
MAX_PROCESSES = 8


class OpKind(StrEnum):
    """What a user process can do; the names are those of the functions in a scenario file."""

    LOAD = "load"
    STORE = "store"
    EXECUTE = "execute"
    FORK = "fork"
    WAIT = "wait"
    EXIT = "exit"
    READ = "read"
    EXEC = "exec"
    SBRK = "sbrk"
    KILL = "kill"
    MEET = "meet"
    REAP = "reap"  # init's life: to wait for orphans


ACCESSES = frozenset({OpKind.LOAD, OpKind.STORE, OpKind.EXECUTE})
"""What user code does to memory without the kernel."""


@dataclass(frozen=True, slots=True)
class Op:
    """One operation: ``page`` and ``pages`` for accesses, ``target`` a program's name for fork and kill."""

    kind: OpKind
    program: str
    place: Place
    page: int = 0
    pages: int = 1
    target: str = ""

    @property
    def subject(self) -> str:
        """The operation as the subject of a sentence: ``child's store to page 0``."""
        words = {OpKind.LOAD: "load of", OpKind.STORE: "store to", OpKind.EXECUTE: "jump to"}
        if self.kind in words:
            return f"{self.program}'s {words[self.kind]} page {self.page}"
        return f"{self.program}'s {self}"

    def __str__(self) -> str:
        match self.kind:
            case OpKind.LOAD | OpKind.STORE | OpKind.EXECUTE:
                return f"{self.kind} page {self.page}"
            case OpKind.WAIT if self.page >= 0:
                return f"wait() into page {self.page}"
            case OpKind.READ:
                span = f"page {self.page}" if self.pages == 1 else f"pages {self.page}-{self.page + self.pages - 1}"
                return f"read() into {span}"
            case OpKind.SBRK:
                return f"sbrk({self.pages:+d} page{'' if abs(self.pages) == 1 else 's'})"
            case OpKind.FORK:
                return f"fork() of '{self.target}'"
            case OpKind.KILL:
                return f"kill('{self.target}')"
            case OpKind.MEET:
                return "meet"
            case _:
                return f"{self.kind}()"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Programs over ``pages`` (the image, a kind each), with ``frames`` frames of RAM, on ``harts`` harts.

    ``ops`` holds init's reap first, then each program's operations, each ended by an exit; ``starts`` maps a program to
    its first operation.
    """

    name: str
    title: str
    harts: int
    frames: int
    pages: tuple[str, ...]
    ops: tuple[Op, ...]
    starts: Mapping[str, int]
    first: str
    processes: int  # slots of the process table, init's included
    shown: str
    source: str
    leaf_pages: int = MAX_PAGES  # pages that one leaf page of a page table maps (hardware: 512)

    def resized(self, harts: int | None, frames: int | None, pages: int | None) -> Scenario:
        """The same scenario with other sizes. Raises :class:`CowcheckError` for a size that cannot be."""
        for name, value, most in (
            ("harts", harts, MAX_HARTS),
            ("frames", frames, MAX_FRAMES),
            ("pages", pages, MAX_PAGES),
        ):
            if value is not None and not 1 <= value <= most:
                raise CowcheckError(f"--{name} {value}: give a number from 1 to {most}")
        kinds = self.pages
        if pages is not None:
            least = 1 + max((op.page + op.pages - 1 for op in self.ops if _inside(op, len(kinds))), default=0)
            if pages < least:
                raise CowcheckError(f"--pages {pages}: scenario '{self.name}' uses {least} pages; give {least} or more")
            kinds = (kinds + ("data",) * pages)[:pages]
        sized = replace(self, harts=harts or self.harts, frames=frames or self.frames, pages=kinds)
        if sized.table_pages > MAX_PAGES:
            raise CowcheckError(
                f"scenario '{self.name}' could grow to {sized.table_pages} pages; {MAX_PAGES} are the most: "
                "give the image fewer pages, or sbrk() fewer"
            )
        needed = len(sized.pages) + 1 + -(-len(sized.pages) // sized.leaf_pages)
        if sized.frames < needed:
            raise CowcheckError(
                f"{sized.frames} frames are too few for scenario '{self.name}': its first process needs {needed} "
                f"({len(sized.pages)} pages, and the rest for its page table); give --frames {needed} or more"
            )
        return sized

    @property
    def table_pages(self) -> int:
        """Entries of a leaf page table that are modelled: the image's and those that sbrk can add."""
        return len(self.pages) + sum(op.pages for op in self.ops if op.kind is OpKind.SBRK and op.pages > 0)

    @property
    def leaf_count(self) -> int:
        """Leaf pages that a page table may have."""
        return -(-self.table_pages // self.leaf_pages)


def _inside(op: Op, count: int) -> bool:
    return (op.kind in ACCESSES or op.kind in (OpKind.READ, OpKind.WAIT)) and 0 <= op.page < count
