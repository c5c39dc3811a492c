"""What a program tells the outside, without a kernel's help: it calls ``report``, and an observer reads its registers.

``report`` is ``nop; ret`` at a fixed address (:data:`REPORT_VA`). A machine stops, or calls back, where user code
comes to it, and finds

====  =====================================================================
a0    the kind (:class:`ReportKind`)
a1    the index of a :class:`ReportPoint`: who, what, where in the scenario
a2    a value: what was seen, the result of a system call
a3    a second value: what was due
a4    the process's number in the workload (pid 1 is 1; not a pid otherwise)
====  =====================================================================

It may put an answer into a0, which the program takes for :attr:`ReportKind.ASK` and :attr:`ReportKind.NEXT`. With
nobody there ``report`` returns what it was given, and the program goes on as if nothing had been asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from cowcheck.model.errors import Place

REPORT_VA = 0x100
"""In the first page of every program, above the kernel's own first program (``initcode``, 52 bytes from address 0)."""


class ReportKind(IntEnum):
    """a0 of a report. The numbers are unlike any answer, so that a program can tell its own kind from one."""

    STARTED = 0xC0C_0001  # a process runs its first instruction
    BEGIN = 0xC0C_0002  # the operation of this point comes next
    END = 0xC0C_0003  # it is over, with result a2
    SEEN = 0xC0C_0004  # a2 was seen in memory where a3 was due
    LEAVE = 0xC0C_0005  # the process exits
    EXHAUSTED = 0xC0C_0006  # memory is out: a2 pages were taken
    ASK = 0xC0C_0007  # how many frames are to be free? Without an answer a2
    BEFORE = 0xC0C_0008  # a quiet moment: as many frames are free ...
    AFTER = 0xC0C_0009  # ... as now, when what was begun in between has gone
    FREE = 0xC0C_000A  # a2 frames were free by the program's own count, a3 before
    FINISHED = 0xC0C_000B  # every process but pid 1 has ended and was waited for
    NEXT = 0xC0C_000C  # which case comes next? Without an answer number a2


class Ending(StrEnum):
    """How an operation may end."""

    WORKS = "works"
    FAILS = "fails"
    KILLED = "that process is killed"


WORKS = frozenset({Ending.WORKS})
FAILS = frozenset({Ending.FAILS})
KILLED = frozenset({Ending.KILLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPoint:
    """A place in a workload that reports come from: ``text`` says what goes on there, as the subject of a sentence."""

    index: int
    process: str
    text: str
    place: Place | None = None  # of the scenario
    relieved: bool = False  # memory was out, and is no longer

    def __str__(self) -> str:
        return f"{self.process}: {self.text}" + (f" ({self.place})" if self.place else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(ReportPoint):
    """An operation, from ``BEGIN`` to ``END``, and how it may rightly end. A process that is never heard of again after
    ``BEGIN`` was killed in it."""

    right: frozenset[Ending]
    reason: str
    works: tuple[int, int] = (0, 0)  # the results, from first to last, that mean success
    fails: tuple[int, int] = (-1, -1)  # those that mean failure: -1, or less than was asked for
    starved: bool = False  # memory is out: nothing but success, failure or a kill may follow
    writes: bool = False  # it changes user memory
    waits: bool = False  # it takes as long as another process does, and is not to blame where that one hangs

    def ending(self, result: int) -> Ending | None:
        """What a result means; None for one that no xv6 kernel gives."""
        if self.works[0] <= result <= self.works[1]:
            return Ending.WORKS
        return Ending.FAILS if self.fails[0] <= result <= self.fails[1] else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch(ReportPoint):
    """A word of memory: what may rightly be seen there. Where ``dues`` is empty the report says what is due, in a3."""

    dues: frozenset[int]
    reason: str
    invariant: str = "isolation"  # what it would be a violation of to see anything else


@dataclass(slots=True)
class Points:
    """The points of a workload as they are made: an index is a point's place in the list."""

    made: list[ReportPoint]

    @property
    def next(self) -> int:
        return len(self.made)

    def add(self, point: ReportPoint) -> int:
        assert point.index == len(self.made)
        self.made.append(point)
        return point.index
