"""Conflicts in a log, compiled: the steps that touch what another hart touches, the locks held there, and which
accesses to the free list commute."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import MOST_HARTS
from cowcheck.machine.interleave.objects import is_kernel_word, place_of, within
from cowcheck.machine.interleave.state import IS_LOCK, MOST_HELD, Access
from cowcheck.machine.interleave.steps import slot_of
from cowcheck.machine.native import Array, Record, Value, compiled

STORE, ACQUIRE, RELEASE = int(Access.STORE), int(Access.ACQUIRE), int(Access.RELEASE)


@compiled
def hold(held: Array, depth: Array, row: Record) -> Value:
    """Follows which locks each hart holds."""
    hart = row.hart
    if row.kind == ACQUIRE and depth[hart] < MOST_HELD:
        held[hart, depth[hart]] = row.object
        depth[hart] += 1
    elif row.kind == RELEASE:
        kept = 0
        for place in range(depth[hart]):
            if held[hart, place] != row.object:
                held[hart, kept] = held[hart, place]
                kept += 1
        depth[hart] = kept


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
def find_conflicts(
    log: Array,
    steps: Array,
    of_list: Array,
    ranges: Array,
    hot: Array,
    objects: Array,
    used: Array,
    count: Value,
    conflicts: Array,
) -> Value:
    """Which steps touch words that conflict, and which locks are held there. Gives the number of objects.

    The step that takes a lock counts too, if such a word is touched under it: once it is taken, no other hart gets
    there.
    """
    for at in range(len(log)):
        row = log[at]
        if row.kind == ACQUIRE:
            place, count = place_of(objects, used, count, row.object | IS_LOCK)
            objects[place].writers |= 1 << row.hart
        elif is_kernel_word(row) and not of_list[at]:
            place, count = place_of(objects, used, count, row.object & ~np.int64(7))
            objects[place].harts |= 1 << row.hart
            if row.kind == STORE:
                objects[place].writers |= 1 << row.hart
    conflicts[: len(steps) + 1] = 0
    held, depth = np.zeros((MOST_HARTS, MOST_HELD), np.int64), np.zeros(MOST_HARTS, np.int64)
    taken = np.zeros((MOST_HARTS, MOST_HELD), np.int64)  # in the places of the locks that are held: the step
    step = -1
    for at in range(len(log)):
        while step + 1 < len(steps) and steps[step + 1].logged <= at:
            step += 1
        row = log[at]
        if row.kind == ACQUIRE and depth[row.hart] < MOST_HELD:
            taken[row.hart, depth[row.hart]] = step
        elif row.kind == RELEASE:
            forget(held, depth, taken, row)
        hold(held, depth, row)
        if step >= 0 and row.kind == ACQUIRE and hot[slot_of(hot, row.object | IS_LOCK)] != 0:
            place, count = place_of(objects, used, count, row.object | IS_LOCK)
            if objects[place].writers & (objects[place].writers - 1):
                conflicts[step] = 1  # from here on, who takes the lock as well does not come to what it guards
        if not is_kernel_word(row) or of_list[at]:
            continue
        place, count = place_of(objects, used, count, row.object & ~np.int64(7))
        word = objects[place]
        if word.writers == 0 or word.harts & (word.harts - 1) == 0:
            continue
        matters = within(ranges, 0, len(ranges), row.object)
        if step >= 0 and (matters or hot[slot_of(hot, word.key)] != 0):
            conflicts[step] = 1
            for index in range(depth[row.hart]):
                conflicts[max(taken[row.hart, index], 0)] = 1
        if matters:
            for index in range(depth[row.hart]):
                place, count = place_of(objects, used, count, held[row.hart, index] | IS_LOCK)
                objects[place].harts |= 1 << row.hart
    return count
