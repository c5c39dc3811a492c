"""What each step of an execution touches, so that two steps that commute are told from two that do not.

Two steps of different harts *depend* on each other where both touch one word of the kernel's image, or one frame behind
it, and one of them writes; or where one takes or gives back a lock that the other takes. A lock that a step takes and
gives back is free again behind it: to another step that does the same it is no matter.

Frames and counts go by the names of ``keys.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from cowcheck.machine.board.state import MOST_HARTS, PAGE
from cowcheck.machine.interleave.hashing import spread
from cowcheck.machine.interleave.state import IS_COUNT, IS_LOCK, MOST_LOGGED, MOST_STEPS, Access
from cowcheck.machine.interleave.steps import slot_of
from cowcheck.machine.native import Array, Value, compiled
from cowcheck.model.errors import CowcheckError

STORE, FILL = int(Access.STORE), int(Access.FILL)
ACQUIRE, RELEASE = int(Access.ACQUIRE), int(Access.RELEASE)
TABLE_BITS = 16
TABLE = 1 << TABLE_BITS
MOST_TOUCHED = MOST_LOGGED + MOST_STEPS


class Use(IntEnum):
    """What a step does to an object."""

    READS = 0  # or takes a lock and gives it back, or waits for it
    WRITES = 1  # or takes a lock and keeps it
    GIVES = 2  # a lock that it took in an earlier step


READS, WRITES, GIVES = int(Use.READS), int(Use.WRITES), int(Use.GIVES)

ENTRY = np.dtype([("key", np.int64), ("stamp", np.int64), ("place", np.int64), ("balance", np.int64)])


@dataclass(frozen=True, slots=True)
class Footprints:
    """Of step n: ``objects[starts[n] : starts[n + 1]]``, each once, and the :class:`Use` of each.

    An object is a word's address, a lock's with IS_LOCK, a frame's name with IS_FRAME, or with IS_COUNT its count.
    """

    starts: np.ndarray[Any, np.dtype[np.int64]]
    objects: np.ndarray[Any, np.dtype[np.int64]]
    uses: np.ndarray[Any, np.dtype[np.int8]]


class FootprintFinder:
    """Finds the footprints of one kernel's executions. ``hot``: the table of preemption points."""

    def __init__(self, hot: Any) -> None:
        self.hot = hot
        self.table = np.zeros(TABLE, ENTRY)
        self.stamp = 0
        self.starts = np.zeros(MOST_STEPS + 1, np.int64)
        self.objects, self.uses = np.zeros(MOST_TOUCHED, np.int64), np.zeros(MOST_TOUCHED, np.int8)

    def find(self, steps: Any, log: Any, of_list: Any, words: Any, frames: Any) -> Footprints:
        """One execution's. ``of_list`` marks the rows of the log that are of the free list, and commute; ``words`` and
        ``frames`` are what each row touches (:func:`keys.name_rows`)."""
        count = find_footprints(
            log, steps, of_list, self.hot, self.table, self.stamp, words, frames, self.starts, self.objects,
            self.uses,
        )  # fmt: skip
        if count < 0:
            raise CowcheckError("a schedule touches more memory than can be followed")
        self.stamp += len(steps) + 1
        return Footprints(self.starts[: len(steps) + 1].copy(), self.objects[:count].copy(), self.uses[:count].copy())


@compiled
def entry_of(table: Array, key: Value, stamp: Value) -> Value:
    """Where an object stands in the table, or would; what earlier steps have left there is free."""
    at = spread(key, TABLE_BITS)
    while table[at].stamp == stamp and table[at].key != key:
        at = (at + 1) & (TABLE - 1)
    return at


@compiled
def touch(table: Array, stamp: Value, objects: Array, uses: Array, count: Value, key: Value, writes: Value) -> Value:
    """Notes that the step touches an object. Gives the number of notes, and the object's place in the table."""
    at = entry_of(table, key, stamp)
    it = table[at]
    if it.stamp != stamp:
        it.key, it.stamp, it.place, it.balance = key, stamp, count, 0
        objects[count], uses[count] = key, READS
        count += 1
    if writes:
        uses[it.place] = WRITES
    return count, at


@compiled
def settle_locks(table: Array, stamp: Value, objects: Array, uses: Array, first: Value, end: Value) -> None:
    """The step is over: a lock was taken and kept, or given back that was taken before, or neither."""
    for place in range(first, end):
        if objects[place] & IS_LOCK:
            balance = table[entry_of(table, objects[place], stamp)].balance
            if balance > 0:
                uses[place] = WRITES
            elif balance < 0:
                uses[place] = GIVES


@compiled
def find_footprints(
    log: Array,
    steps: Array,
    of_list: Array,
    hot: Array,
    table: Array,
    stamp: Value,
    words: Array,
    frames: Array,
    starts: Array,
    objects: Array,
    uses: Array,
) -> Value:
    """Fills ``starts``, ``objects`` and ``uses``. Gives the number of objects; -1 where there is no room."""
    lock_next = np.zeros(len(steps), np.int64)  # a lock that the hart comes to behind the step; 0 for none
    comes_to = np.zeros(MOST_HARTS, np.int64)
    for number in range(len(steps) - 1, -1, -1):
        step = steps[number]
        lock_next[number] = comes_to[step.hart]
        comes_to[step.hart] = 0
        if step.kind == ACQUIRE and hot[slot_of(hot, step.object | IS_LOCK)] == 0:
            comes_to[step.hart] = step.object | IS_LOCK
    count = at = 0
    for number in range(len(steps)):
        starts[number] = count
        stamp += 1
        end = steps[number + 1].logged if number + 1 < len(steps) else len(log)
        while at < end:
            row = log[at]
            room = MOST_TOUCHED - count
            if room < 2 + PAGE // 8:
                return -1
            if row.kind == ACQUIRE or row.kind == RELEASE:
                count, place = touch(table, stamp, objects, uses, count, row.object | IS_LOCK, False)
                table[place].balance += 1 if row.kind == ACQUIRE else -1
            elif not of_list[at]:
                writes = row.kind == STORE or row.kind == FILL
                if frames[at]:
                    count, place = touch(table, stamp, objects, uses, count, frames[at], writes)
                elif words[at] & IS_COUNT:
                    count, place = touch(table, stamp, objects, uses, count, words[at], writes)
                else:
                    for word in range(words[at], row.object + max(row.size, 1), 8):
                        count, place = touch(table, stamp, objects, uses, count, word, writes)
            at += 1
        if lock_next[number]:  # no point of its own: the hart was stopped there, since the lock was held
            count, place = touch(table, stamp, objects, uses, count, lock_next[number], False)
        settle_locks(table, stamp, objects, uses, starts[number], count)
    starts[len(steps)] = count
    return count
