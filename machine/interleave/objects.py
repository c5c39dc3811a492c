"""What a log is about, compiled: the words, frames and locks that were touched, in a hash table."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import KERNBASE, MOST_HARTS, RAM_BYTES
from cowcheck.machine.interleave.hashing import spread
from cowcheck.machine.interleave.state import Access
from cowcheck.machine.native import Array, Record, Value, compiled

LOAD, STORE = int(Access.LOAD), int(Access.STORE)
OBJECT_BITS = 16
OBJECTS = 1 << OBJECT_BITS
RAM_END = KERNBASE + RAM_BYTES

OBJECT = np.dtype(
    [
        ("key", np.int64),
        ("address", np.int64),  # of the word that was touched last
        ("harts", np.int64),  # that touched it, as bits; of a lock: under it, a word that conflicts
        ("writers", np.int64),  # of a lock: that took it
        ("atomic", np.int64),
        ("write_hart", np.int64),
        ("write_clock", np.int64),
        ("write_pc", np.int64),
        ("write_hash", np.uint64),
        ("read_hash", np.uint64),  # of the reads since, in any order
        ("read_clock", np.int64, (MOST_HARTS,)),
        ("read_pc", np.int64, (MOST_HARTS,)),
        ("clocks", np.int64, (MOST_HARTS,)),  # of a lock or an atomic: what its last holder had seen
    ]
)


@compiled
def place_of(objects: Array, used: Array, count: Value, key: Value) -> Value:
    """Where an object stands, and how many there are; it is added if it was not met."""
    at = spread(key, OBJECT_BITS)
    while objects[at].key != 0 and objects[at].key != key:
        at = (at + 1) & (OBJECTS - 1)
    if objects[at].key == 0:
        it = objects[at]
        it.key = key
        it.address = key
        it.harts = it.writers = it.atomic = 0
        it.write_hart, it.write_clock, it.write_pc = -1, 0, 0
        it.write_hash = it.read_hash = np.uint64(0)
        for hart in range(MOST_HARTS):
            it.read_clock[hart] = it.read_pc[hart] = it.clocks[hart] = 0
        used[count] = at
        count += 1
    return at, count


@compiled
def is_kernel_word(row: Record) -> Value:
    """Whether a row is a load or a store of the kernel's own code, but for the trampoline's."""
    return (row.kind == LOAD or row.kind == STORE) and KERNBASE <= row.pc < RAM_END


@compiled
def variable(row: Record) -> Value:
    """The key of what a row touches, which may be a part of a word: the counts of two frames do not race.

    Who touches a whole word, and who touches a part that is not its first, are not taken to touch the same.
    """
    return (row.object & ~np.int64(7)) | ((row.object & np.int64(7)) << np.int64(56))


@compiled
def within(ranges: Array, first: Value, end: Value, address: Value) -> Value:
    """Whether the address lies in one of the ranges of these numbers."""
    found = False
    for place in range(first, end):
        found = found or ranges[place, 0] <= address < ranges[place, 1]
    return found
