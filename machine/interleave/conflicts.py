"""Conflicts in a log, compiled: the steps that touch what another hart touches, the locks held there, and which
accesses to the free list commute."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import KERNBASE, MOST_HARTS, PAGE
from cowcheck.machine.interleave.hashing import spread
from cowcheck.machine.interleave.objects import is_kernel_word, place_of, within
from cowcheck.machine.interleave.state import IS_FRAME, IS_LOCK, MOST_HELD, Access
from cowcheck.machine.interleave.steps import slot_of, without
from cowcheck.machine.native import Array, Record, Value, compiled

STORE, ACQUIRE, RELEASE = int(Access.STORE), int(Access.ACQUIRE), int(Access.RELEASE)
FILL, COPY = int(Access.FILL), int(Access.COPY)
KNOWN_BITS = 14
KNOWN = 1 << KNOWN_BITS


@compiled
def hold(held: Array, depth: Array, row: Record) -> Value:
    """Follows which locks each hart holds."""
    hart = row.hart
    if row.kind == ACQUIRE and depth[hart] < MOST_HELD:
        held[hart, depth[hart]] = row.object
        depth[hart] += 1
    elif row.kind == RELEASE:
        depth[hart] = without(held[hart], depth[hart], row.object)


@compiled
def forget(held: Array, depth: Array, taken: Array, row: Record) -> None:
    """What ``taken`` says of a lock goes when it is released."""
    hart, kept = row.hart, 0
    for place in range(depth[hart]):
        if held[hart, place] != row.object:
            taken[hart, kept] = taken[hart, place]
            kept += 1


@compiled
def mark_list(log: Array, ranges: Array, heads: Value, of_list: Array) -> None:
    """Marks the accesses to the free list, if one lock is held at all that touch a head."""
    held, depth = np.zeros((MOST_HARTS, MOST_HELD), np.int64), np.zeros(MOST_HARTS, np.int64)
    common, known = np.zeros(MOST_HELD, np.int64), -1
    for at in range(len(log)):
        row = log[at]
        hold(held, depth, row)
        if not is_kernel_word(row) or not within(ranges, 2, 2 + heads, row.object):
            continue
        kept = 0
        for place in range(depth[row.hart]):
            lock, was = held[row.hart, place], known < 0
            for other in range(known):
                was = was or common[other] == lock
            if was:
                common[kept] = lock
                kept += 1
        known = kept
    if known <= 0:
        return
    depth[:] = 0
    for at in range(len(log)):
        row = log[at]
        hold(held, depth, row)
        if not is_kernel_word(row) or within(ranges, 0, 1, row.object):
            continue
        if not within(ranges, 2, len(ranges), row.object):
            continue
        for place in range(depth[row.hart]):
            if held[row.hart, place] == common[0]:
                of_list[at] = 1


@compiled
def is_known(known: Array, key: Value) -> Value:
    """Whether a key stands in the table, whose first entry is how many do."""
    return known[known_place(known, key)] == key


@compiled
def known_place(known: Array, key: Value) -> Value:
    """Where a key stands in the table, or would."""
    at = spread(key, KNOWN_BITS)
    while known[1 + at] != 0 and known[1 + at] != key:
        at = (at + 1) & (KNOWN - 1)
    return 1 + at


@compiled
def learn(known: Array, key: Value) -> None:
    """Puts a key into the table, if there is room."""
    place = known_place(known, key)
    if known[place] == 0 and known[0] < KNOWN // 2:
        known[place] = key
        known[0] += 1


@compiled
def pair_of(outer: Value, inner: Value) -> Value:
    """Two locks as one key."""
    return (outer - KERNBASE) << 32 | (inner - KERNBASE)


@compiled
def find_conflicts(
    log: Array,
    steps: Array,
    of_list: Array,
    words: Array,
    ranges: Array,
    hot: Array,
    objects: Array,
    used: Array,
    count: Value,
    known: Array,
    conflicts: Array,
    orders: Array,
) -> Value:
    """Which steps touch words that conflict, and which locks are held there. Gives the number of objects.

    ``orders`` learns which lock was taken while which was held (:func:`pair_of`). ``known``: the words that conflict in
    an execution that was seen, this one included; and the locks (with IS_LOCK) that are taken in both orders. The step
    that takes a lock counts too, if such a word is touched under it: once it is taken, no other hart gets there.
    """
    for at in range(len(log)):
        row = log[at]
        if is_kernel_word(row) and not of_list[at]:
            place, count = place_of(objects, used, count, words[at])
            objects[place].harts |= 1 << row.hart
            objects[place].address = row.object & ~np.int64(7)
            if row.kind == STORE:
                objects[place].writers |= 1 << row.hart
    for number in range(count):
        word = objects[used[number]]
        if word.writers != 0 and word.harts & (word.harts - 1) != 0:
            learn(known, word.key)
    conflicts[: len(steps) + 1] = 0
    held, depth = np.zeros((MOST_HARTS, MOST_HELD), np.int64), np.zeros(MOST_HARTS, np.int64)
    taken = np.zeros((MOST_HARTS, MOST_HELD), np.int64)  # in the places of the locks that are held: the step
    step = -1
    for at in range(len(log)):
        while step + 1 < len(steps) and steps[step + 1].logged <= at:
            step += 1
        row = log[at]
        if row.kind == ACQUIRE:
            for index in range(depth[row.hart]):
                learn(orders, pair_of(held[row.hart, index], row.object))
            if depth[row.hart] < MOST_HELD:
                taken[row.hart, depth[row.hart]] = step
            if step >= 0 and is_known(known, row.object | IS_LOCK):
                conflicts[step] = 1  # who takes the locks in the other order may come between
        elif row.kind == RELEASE:
            forget(held, depth, taken, row)
        hold(held, depth, row)
        if step >= 0 and (row.kind == FILL or row.kind == COPY):
            frame = (row.object & ~np.int64(PAGE - 1)) | IS_FRAME
            if hot[slot_of(hot, frame)] != 0:
                conflicts[step] = 1
        if not is_kernel_word(row) or of_list[at] or not is_known(known, words[at]):
            continue
        matters = within(ranges, 0, len(ranges), row.object)
        if step >= 0 and (matters or hot[slot_of(hot, row.object & ~np.int64(7))] != 0):
            conflicts[step] = 1
            for index in range(depth[row.hart]):
                conflicts[max(taken[row.hart, index], 0)] = 1
        if matters:
            for index in range(depth[row.hart]):
                place, count = place_of(objects, used, count, held[row.hart, index] | IS_LOCK)
                objects[place].harts |= 1 << row.hart
    return count
