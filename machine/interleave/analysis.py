"""What an execution's log shows: which accesses conflict, which of them no lock orders, and which executions are alike.

Two accesses *conflict* where two harts touch one word and one of them writes. *Happens before* is the order that each
hart's program, and the locks, give (Lamport 1978; as vector clocks, Fidge 1988, Mattern 1989; per word as FastTrack
does, Flanagan and Freund 2009). Conflicting accesses that it leaves unordered are a data race. A kernel without data
races behaves under every schedule as under one that switches harts at acquire only (Musuvathi and Qadeer 2007); where
there is one, its word becomes a preemption point too; so does a frame that the kernel fills or copies while nothing
orders that with what another hart does to it.

The *signature* of a prefix of an execution is a number that two prefixes share where they differ in nothing but the
order of accesses that do not conflict (the same Mazurkiewicz trace), so that they lead to the same state.

The free list is special. Where all that touch it hold one lock, and it never runs empty, taking a frame and giving one
back commute but for the number of the frame, which means nothing. So those accesses are left out of conflicts and
signatures (``plenty``), like what locks themselves are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from cowcheck.machine.board.state import FRAMES, KERNBASE, MOST_HARTS
from cowcheck.machine.interleave.conflicts import KNOWN, find_conflicts, learn, mark_list
from cowcheck.machine.interleave.footprints import FootprintFinder, Footprints
from cowcheck.machine.interleave.keys import name_rows
from cowcheck.machine.interleave.objects import OBJECT, OBJECTS, RAM_END
from cowcheck.machine.interleave.order import MOST_FOUND, order
from cowcheck.machine.interleave.state import IS_FRAME, IS_LOCK, MOST_STEPS
from cowcheck.model.errors import CowcheckError


@dataclass(frozen=True, slots=True)
class DataRace:
    """Two accesses to one word that nothing orders; or to one frame, with IS_FRAME, that user code uses or the kernel
    fills or copies."""

    address: int
    first_pc: int
    second_pc: int
    second_writes: bool


@dataclass(frozen=True, slots=True)
class Analysis:
    """``signatures[n, h]``: what hart h had done, and seen, before step n; the row behind the last is of the end.
    ``conflicts[n]``: step n touches a word that conflicts, or takes locks that another hart takes in the
    other order."""

    signatures: np.ndarray[Any, np.dtype[np.uint64]]
    conflicts: np.ndarray[Any, np.dtype[np.uint8]]
    locks: tuple[int, ...]  # under which two harts touched words that conflict, and matter
    atomics: tuple[int, ...]  # words that two harts touched, by atomic instructions too
    shared: tuple[int, ...]  # words that two harts touched, and one wrote
    races: tuple[DataRace, ...]
    footprints: Footprints
    grown: bool  # more conflicts are known than before: in earlier executions, steps may conflict that did not


@dataclass(frozen=True, slots=True)
class Subject:
    """What copy-on-write is about, as ranges of addresses: processes, counts, the heads of the free lists; and every
    frame that is kalloc's, from ``image_end`` on."""

    image_end: int
    processes: tuple[int, int]
    counts: tuple[int, int]
    heads: tuple[tuple[int, int], ...]
    count_base: int = 0  # where the count of the first frame of RAM is, or would be
    count_stride: int = 0  # bytes from a frame's count to the next one's; 0 where there is no array

    def name_of(self, address: int) -> str:
        """What stands at an address; nothing for what copy-on-write is not about."""
        if self.counts[0] <= address < self.counts[1]:
            return "a reference count"
        if any(first <= address < end for first, end in self.heads):
            return "the free list"
        return "a page-table entry, or a page on the free list" if address >= self.image_end else ""


class Analyst:
    """Analyses logs of one race of one kernel. ``plenty``: the free list never runs empty.

    It remembers what conflicts: a word that two harts touched in one execution is looked at in every later one, in
    which perhaps one of them does not come to it.
    """

    def __init__(self, ram: Any, subject: Subject, hot: Any, plenty: bool) -> None:
        self.ram, self.subject, self.hot, self.plenty = ram, subject, hot, plenty
        ranges = [subject.counts, subject.processes, *subject.heads, (subject.image_end, RAM_END)]
        self.ranges = np.array(ranges, np.int64)
        self.counts = np.array([*subject.counts, subject.count_base, subject.count_stride], np.int64)
        self.objects = np.zeros(OBJECTS, OBJECT)
        self.used = np.zeros(OBJECTS, np.int64)
        self.names = np.zeros(FRAMES, np.int64)
        self.signatures = np.zeros((MOST_STEPS + 1, MOST_HARTS), np.uint64)
        self.conflicts = np.zeros(MOST_STEPS + 1, np.uint8)
        self.found = np.zeros((MOST_FOUND, 4), np.int64)
        self.known = np.zeros(1 + KNOWN, np.int64)
        self.orders = np.zeros(1 + KNOWN, np.int64)  # pairs of locks, one taken while the other was held
        self.footprints = FootprintFinder(hot)

    def analyse(self, steps: Any, log: Any, harts: int) -> Analysis:
        """One execution's steps and log."""
        of_list, words, frames = (
            np.zeros(len(log), np.uint8),
            np.zeros(len(log), np.int64),
            np.zeros(len(log), np.int64),
        )
        knew, ordered = int(self.known[0]), int(self.orders[0])
        if self.plenty:
            mark_list(log, self.ranges, len(self.subject.heads), of_list)
        name_rows(log, of_list, self.subject.image_end, self.counts, self.names, words, frames)
        used, races = order(
            log, steps, self.ram, of_list, words, frames, self.objects, self.used, self.signatures, self.found
        )
        used = find_conflicts(
            log, steps, of_list, words, self.ranges, self.hot, self.objects, self.used, used, self.known,
            self.conflicts, self.orders,
        )  # fmt: skip
        if int(self.orders[0]) > ordered:
            self._find_cycles()
        if max(int(self.known[0]), int(self.orders[0])) >= KNOWN // 2:
            raise CowcheckError("more words are shared than any xv6 shares")
        objects = self.objects[self.used[:used]]
        keys, many = objects["key"], (objects["harts"] & (objects["harts"] - 1)) != 0
        of_word = (keys & (IS_LOCK | IS_FRAME)) == 0
        analysis = Analysis(
            self.signatures[: len(steps) + 1, :harts].copy(),
            self.conflicts[: len(steps)].copy(),
            _numbers(keys[many & ((keys & IS_LOCK) != 0)]),
            _numbers(objects["address"][many & of_word & (objects["atomic"] != 0)]),
            _numbers(objects["address"][many & of_word & (objects["writers"] != 0)]),
            tuple(DataRace(int(a), int(b), int(c), bool(d)) for a, b, c, d in self.found[:races]),
            self.footprints.find(steps, log, of_list, words, frames),
            int(self.known[0]) > knew,
        )
        self.objects["key"][self.used[:used]] = 0
        return analysis

    def _find_cycles(self) -> None:
        """Locks that are taken in a cycle of orders may lead to a deadlock (Havelund, "Using runtime analysis to guide
        model checking of Java programs", SPIN 2000): taking them is a conflict."""
        pairs = self.orders[1:][self.orders[1:] != 0]
        order = nx.DiGraph(zip((pairs >> 32).tolist(), (pairs & 0xFFFFFFFF).tolist(), strict=True))
        for component in nx.strongly_connected_components(order):
            if len(component) > 1:
                for lock in component:
                    learn(self.known, (KERNBASE + lock) | IS_LOCK)


def _numbers(keys: Any) -> tuple[int, ...]:
    return tuple(sorted({int(key) for key in keys}))
