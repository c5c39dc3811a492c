"""Which frames the kernel can still reach: a conservative scan of its memory, as a garbage collector makes.

Roots are the words of the kernel's data, of its stacks that are in use, and of the harts' registers. A word that is an
address within a frame, or a PTE that leads to it, reaches it; a frame that is reached and is nobody's yet is the
kernel's, and its own words are followed in turn. A frame that is neither free, nor mapped, nor reached is lost: nothing
in the machine still knows of it.

The kernel's own page table is no such chain: it maps all of RAM at its own addresses, and says nothing of a frame by
that. Its tables are the kernel's, and so is what it maps elsewhere: the stacks.

A stale word may keep a lost frame reachable, so a leak may be told later or not at all; a frame that is used is never
told to be lost. Two kinds of words are known to say nothing and are left out: the reference counts (a table that is
searched holds addresses), and the part of a stack below its stack pointer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE, PAGE, RAM_BYTES
from cowcheck.machine.native import Array, Value, compiled
from cowcheck.machine.record.observer import index_of
from cowcheck.machine.record.tables import ENTRIES, entry, is_branch, is_leaf, target

FREE, MAPPED, KNOWN, REACHED = 1, 2, 4, 8  # how a frame is accounted for, as bits


@compiled
def mark(words: Array, accounted: Array, queue: Array, queued: Value, first_frame: Value) -> Value:
    """Marks the frames that words reach and that nothing accounts for yet; gives the new length of the queue."""
    for place in range(words.size):
        word = np.int64(words[place])
        if word == 0:
            continue
        frame = index_of(word)
        if frame < 0 and word & 1:
            frame = index_of(((word >> 10) & 0xFFFFFFFFFFF) << 12)  # a PTE
        if frame >= first_frame and accounted[frame] == 0:
            accounted[frame] = REACHED
            queue[queued] = frame
            queued += 1
    return queued


@compiled
def follow(ram_words: Array, accounted: Array, queue: Array, queued: Value, first_frame: Value) -> None:
    """Follows the words of every frame that was reached."""
    done = 0
    while done < queued:
        start = queue[done] * (PAGE // 8)
        done += 1
        queued = mark(ram_words[start : start + PAGE // 8], accounted, queue, queued, first_frame)


@compiled
def mark_kernel(ram: Array, root: Value, accounted: Array) -> None:
    """Accounts for the tables of the kernel's page table, and for frames that it maps at other addresses than
    theirs."""
    accounted[root] |= KNOWN
    for index in range(ENTRIES):
        pte, page = entry(ram, root, index), np.int64(index) << 18
        middle = mark_entry(pte, page, 1 << 18, accounted)
        if middle < 0:
            continue
        for inner in range(ENTRIES):
            pte, within = entry(ram, middle, inner), page + (inner << 9)
            leaves = mark_entry(pte, within, 1 << 9, accounted)
            if leaves < 0:
                continue
            for last in range(ENTRIES):
                mark_entry(entry(ram, leaves, last), within + last, 0, accounted)


@compiled
def mark_entry(pte: Value, vpn: Value, pages: Value, accounted: Array) -> Value:
    """One entry of the kernel's page table, for ``pages`` pages from ``vpn`` on (0: of the lowest level, for one page).

    Gives the frame of the next table, -1 for none.
    """
    frame = target(pte)
    if frame < 0:
        return np.int64(-1)
    if is_leaf(pte):
        if frame + FIRST_PPN != vpn:
            accounted[frame : frame + max(pages, 1)] |= np.uint8(KNOWN)
        return np.int64(-1)
    if pages == 0 or not is_branch(pte):
        return np.int64(-1)
    accounted[frame] |= KNOWN
    return frame


class Reach:
    """A scan over one RAM. ``roots`` are added range by range; :meth:`frames` ends it."""

    def __init__(
        self, ram: np.ndarray[Any, np.dtype[np.uint8]], first_frame: int, accounted: np.ndarray[Any, Any]
    ) -> None:
        """``accounted``: a byte a frame, not 0 where it is free, mapped or the kernel's by another token."""
        self.words = ram.view(np.int64)
        self.first_frame = first_frame
        self.accounted = accounted
        self.queue = np.zeros(FRAMES, np.int64)
        self.queued = 0

    def add_kernel(self, table: int) -> None:
        """The kernel's page table is at this physical address."""
        root = int(index_of(np.int64(table)))
        if root >= 0:
            mark_kernel(self.words.view(np.uint8), root, self.accounted)

    def add_range(self, first: int, end: int) -> None:
        """The words of a range of RAM, by physical address, are roots."""
        low, high = max(first, KERNBASE) - KERNBASE, min(end, KERNBASE + RAM_BYTES) - KERNBASE
        if low < high:
            self.add(self.words[(low + 7) // 8 : high // 8])

    def add(self, words: np.ndarray[Any, np.dtype[np.int64]]) -> None:
        """Words from elsewhere are roots: registers."""
        self.queued = mark(words, self.accounted, self.queue, self.queued, self.first_frame)

    def frames(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """How each frame is accounted for, reached ones included."""
        follow(self.words, self.accounted, self.queue, self.queued, self.first_frame)
        return self.accounted
