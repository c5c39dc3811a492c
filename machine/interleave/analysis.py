"""What an execution's log shows: which accesses conflict, which of them no lock orders, and which executions are alike.

Two accesses *conflict* where two harts touch one word and one of them writes. *Happens before* is the order that each
hart's program, and the locks, give (Lamport 1978; as vector clocks, Fidge 1988, Mattern 1989; per word as FastTrack
does, Flanagan and Freund 2009). Conflicting accesses that it leaves unordered are a data race. A kernel without data
races behaves under every schedule as under one that switches harts at acquire only (Musuvathi and Qadeer 2007); where
there is one, its word becomes a preemption point too.

The *signature* of a prefix of an execution is a number that two prefixes share where they differ in nothing but the
order of accesses that do not conflict (the same Mazurkiewicz trace), so that they lead to the same state.

The free list is special. Where all that touch it hold one lock, and it never runs empty, taking a frame and giving one
back commute but for the number of the frame, which means nothing. So those accesses are left out of conflicts and
signatures (``plenty``), like what locks themselves are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cowcheck.machine.board.state import MOST_HARTS
from cowcheck.machine.interleave.conflicts import find_conflicts, mark_list
from cowcheck.machine.interleave.footprints import FootprintFinder, Footprints
from cowcheck.machine.interleave.objects import OBJECT, OBJECTS, RAM_END
from cowcheck.machine.interleave.order import MOST_FOUND, order
from cowcheck.machine.interleave.state import IS_FRAME, IS_LOCK, MOST_STEPS


@dataclass(frozen=True, slots=True)
class DataRace:
    """Two accesses to one word that nothing orders."""

    address: int
    first_pc: int
    second_pc: int
    second_writes: bool


@dataclass(frozen=True, slots=True)
class Analysis:
    """``signatures[n, h]``: what hart h had done, and seen, before step n; the row behind the last is of the end.
    ``conflicts[n]``: step n touches a word that conflicts, or takes a lock that two harts take."""

    signatures: np.ndarray[Any, np.dtype[np.uint64]]
    conflicts: np.ndarray[Any, np.dtype[np.uint8]]
    locks: tuple[int, ...]  # under which two harts touched words that conflict, and matter
    atomics: tuple[int, ...]  # words that two harts touched, by atomic instructions too
    shared: tuple[int, ...]  # words that two harts touched, and one wrote
    races: tuple[DataRace, ...]
    footprints: Footprints


@dataclass(frozen=True, slots=True)
class Subject:
    """What copy-on-write is about, as ranges of addresses: processes, counts, the heads of the free lists; and every
    frame that is kalloc's, from ``image_end`` on."""

    image_end: int
    processes: tuple[int, int]
    counts: tuple[int, int]
    heads: tuple[tuple[int, int], ...]

    def name_of(self, address: int) -> str:
        """What stands at an address; nothing for what copy-on-write is not about."""
        if self.counts[0] <= address < self.counts[1]:
            return "a reference count"
        if any(first <= address < end for first, end in self.heads):
            return "the free list"
        return "a page-table entry, or a page on the free list" if address >= self.image_end else ""


class Analyst:
    """Analyses logs of one kernel. ``plenty``: the free list never runs empty."""

    def __init__(self, ram: Any, subject: Subject, hot: Any, plenty: bool) -> None:
        self.ram, self.subject, self.hot, self.plenty = ram, subject, hot, plenty
        ranges = [subject.counts, subject.processes, *subject.heads, (subject.image_end, RAM_END)]
        self.ranges = np.array(ranges, np.int64)
        self.objects = np.zeros(OBJECTS, OBJECT)
        self.used = np.zeros(OBJECTS, np.int64)
        self.signatures = np.zeros((MOST_STEPS + 1, MOST_HARTS), np.uint64)
        self.conflicts = np.zeros(MOST_STEPS + 1, np.uint8)
        self.found = np.zeros((MOST_FOUND, 4), np.int64)
        self.footprints = FootprintFinder(subject.image_end, hot)

    def analyse(self, steps: Any, log: Any, harts: int) -> Analysis:
        """One execution's steps and log."""
        of_list = np.zeros(len(log), np.uint8)
        if self.plenty:
            mark_list(log, self.ranges, len(self.subject.heads), of_list)
        used, races = order(
            log, steps, self.ram, of_list, self.subject.image_end, self.objects, self.used, self.signatures, self.found
        )
        used = find_conflicts(log, steps, of_list, self.ranges, self.hot, self.objects, self.used, used, self.conflicts)
        objects = self.objects[self.used[:used]]
        keys, many = objects["key"], (objects["harts"] & (objects["harts"] - 1)) != 0
        of_word = (keys & (IS_LOCK | IS_FRAME)) == 0
        analysis = Analysis(
            self.signatures[: len(steps) + 1, :harts].copy(),
            self.conflicts[: len(steps)].copy(),
            _numbers(keys[many & ((keys & IS_LOCK) != 0)]),
            _numbers(keys[many & of_word & (objects["atomic"] != 0)]),
            _numbers(keys[many & of_word & (objects["writers"] != 0)]),
            tuple(DataRace(int(a), int(b), int(c), bool(d)) for a, b, c, d in self.found[:races]),
            self.footprints.find(steps, log, of_list),
        )
        self.objects["key"][self.used[:used]] = 0
        return analysis


def _numbers(keys: Any) -> tuple[int, ...]:
    return tuple(sorted(int(key) for key in keys))
