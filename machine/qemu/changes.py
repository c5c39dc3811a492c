"""What a kernel has changed since it was last looked at, told as the stores that the board's recorder would have seen.

QEMU tells of no stores, so RAM is compared with a copy (the *shadow*) wherever a frame is watched, and each change is
put through the very code that a store goes through on the board, with the shadow as the RAM that still has the old
value. So the events are the same; what is lost is their order between two stops. They are told in a fixed one, in which
they make sense: frames taken off a free list, processes (a pid before the state that goes with it, a page table after
its process came to be and before it ended), page-table entries, counts, other changes to free lists, contents.

The shadow of a frame is right for as long as the frame is watched as data or as a table, and from when it was put on a
free list. What else a change leads to (a new page table, a freed frame's link) is copied before it is followed. The
hart itself sets the bits A and D of a PTE, which is no store of the kernel's.
"""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import FRAMES, KERNBASE, PAGE
from cowcheck.machine.native import Array, Record, Value, compiled
from cowcheck.machine.record.count_stores import count_stored
from cowcheck.machine.record.event import ProcessState
from cowcheck.machine.record.free_list import listed, relist
from cowcheck.machine.record.numbers import number, overlaps
from cowcheck.machine.record.observer import (
    COUNTS_NONE,
    COUNTS_TABLE,
    WATCH_DATA,
    WATCH_MAPPED,
    WATCH_TABLE,
    index_of,
)
from cowcheck.machine.record.stores import contents_stored, proc_stored
from cowcheck.machine.record.tables import is_branch, table_written, target

WORDS = PAGE // 8
UNUSED = int(ProcessState.UNUSED)
PTE_A, PTE_D = 1 << 6, 1 << 7
SET_BY_HART = PTE_A | PTE_D
MOST_CONTENTS = 2048  # frames whose contents are compared at one stop: 8 MiB
TABLES, MAPPED = np.uint64(0x0101010101010101 * WATCH_TABLE), np.uint64(0x0101010101010101 * WATCH_MAPPED)
NO_PC = 0  # which instruction made a change is not known


@compiled
def catch_up(
    observer: Record, board: Record, events: Array, ram: Array, shadow: Array, frames: Array, fresh: Array, tell: Value
) -> None:
    """Tells of every change since the last time, on the hart that runs now.

    ``frames`` are those that hold data of the kernel's; ``fresh`` says of which mapped frames the shadow is right.
    ``tell``: changes to the contents of mapped frames are the kernel's doing; else user code made them.
    """
    words, old_words = ram.view(np.int64), shadow.view(np.int64)
    frame_taken(observer, board, events, words, old_words)
    for slot in range(observer.slots):
        process_changed(observer, board, events, ram, shadow, words, old_words, slot)
    watch = observer.watch.view(np.uint64)
    for eight in range(FRAMES // 8):
        if watch[eight] & TABLES:
            for frame in range(eight * 8, eight * 8 + 8):
                if observer.watch[frame] & WATCH_TABLE:
                    table_changed(observer, board, events, ram, shadow, words, old_words, frame)
    if observer.counts != COUNTS_NONE:
        if observer.counts == COUNTS_TABLE:
            counts_changed(observer, board, events, shadow, words, old_words, False)
        counts_changed(observer, board, events, shadow, words, old_words, True)
    lists_changed(observer, board, events, shadow, words, old_words)
    for place in range(frames.size):
        renew(words, old_words, frames[place])
    left = MOST_CONTENTS
    for eight in range(FRAMES // 8):
        if watch[eight] & MAPPED:
            for frame in range(eight * 8, eight * 8 + 8):
                if observer.watch[frame] & WATCH_MAPPED:
                    left -= contents_changed(observer, board, events, words, old_words, fresh, frame, left > 0, tell)


@compiled
def renew(words: Array, old_words: Array, frame: Value) -> None:
    """Makes the shadow of a frame right."""
    for place in range(frame * WORDS, frame * WORDS + WORDS):
        if old_words[place] != words[place]:
            old_words[place] = words[place]


@compiled
def field_changed(
    observer: Record, board: Record, events: Array, ram: Array, shadow: Array, offset: Value, width: Value
) -> None:
    """A field of a process, at ``offset`` of RAM: told where it is not as it was."""
    value = number(ram, offset, width)
    if value != number(shadow, offset, width):
        proc_stored(observer, board, events, shadow, offset, width, value, NO_PC)
        for byte in range(width):
            shadow[offset + byte] = ram[offset + byte]


@compiled
def process_changed(
    observer: Record,
    board: Record,
    events: Array,
    ram: Array,
    shadow: Array,
    words: Array,
    old_words: Array,
    slot: Value,
) -> None:
    """The fields of one ``struct proc`` that matter."""
    base = observer.proc + slot * observer.proc_stride - KERNBASE
    field_changed(observer, board, events, ram, shadow, base + observer.pid_at, 4)
    if observer.killed_at < observer.proc_stride:
        field_changed(observer, board, events, ram, shadow, base + observer.killed_at, observer.killed_size)
    state = number(ram, base + observer.state_at, 4)
    ends = not 0 <= state < 8 or observer.state_names[state] == UNUSED
    if not ends:
        field_changed(observer, board, events, ram, shadow, base + observer.state_at, 4)
    field_changed(observer, board, events, ram, shadow, base + observer.sz_at, 8)
    if observer.trapframe_at >= 0:
        field_changed(observer, board, events, ram, shadow, base + observer.trapframe_at, 8)
    root = number(ram, base + observer.pagetable_at, 8)
    if root != number(shadow, base + observer.pagetable_at, 8):
        renew_tables(observer, words, old_words, index_of(root), 2)
        field_changed(observer, board, events, ram, shadow, base + observer.pagetable_at, 8)
    if ends:
        field_changed(observer, board, events, ram, shadow, base + observer.state_at, 4)


@compiled
def renew_tables(observer: Record, words: Array, old_words: Array, frame: Value, level: Value) -> None:
    """Makes the shadow right of a page table that is linked in now, and of all below it.

    Tables that are followed already are left alone: what changed in them is still to be told.
    """
    if frame < 0 or observer.watch[frame] & WATCH_TABLE:
        return
    renew(words, old_words, frame)
    if level == 0:
        return
    for place in range(frame * WORDS, frame * WORDS + WORDS):
        pte = words[place]
        below = target(pte)
        if not is_branch(pte) or below < 0 or observer.watch[below] & WATCH_TABLE:
            continue
        renew(words, old_words, below)
        if level == 2:
            for inner in range(below * WORDS, below * WORDS + WORDS):
                leaves = target(words[inner])
                if is_branch(words[inner]) and leaves >= 0 and observer.watch[leaves] & WATCH_TABLE == 0:
                    renew(words, old_words, leaves)


@compiled
def table_changed(
    observer: Record,
    board: Record,
    events: Array,
    ram: Array,
    shadow: Array,
    words: Array,
    old_words: Array,
    frame: Value,
) -> None:
    """The entries of one page table that is followed."""
    level = np.int64(observer.table_level[frame])
    for index in range(WORDS):
        place = frame * WORDS + index
        old, new = old_words[place], words[place]
        if old == new:
            continue
        if (old ^ new) & ~SET_BY_HART != 0:
            if level > 0 and is_branch(new):
                renew_tables(observer, words, old_words, target(new), level - 1)
            table_written(observer, board, events, shadow, frame, index, old, new, NO_PC)
        old_words[place] = new


@compiled
def counts_changed(
    observer: Record, board: Record, events: Array, shadow: Array, words: Array, old_words: Array, counts: Value
) -> None:
    """The words of the reference counts: those that hold a count, or the rest (a table's keys), which come first."""
    first = (observer.count_first - KERNBASE) >> 3
    end = (observer.count_end - KERNBASE + 7) >> 3
    for place in range(first, end):
        if old_words[place] == words[place]:
            continue
        at = (place << 3) + KERNBASE - observer.count_base
        entry = max(at - observer.count_width + 1, 0) // observer.count_stride * observer.count_stride
        holds = False
        while entry < at + 8:
            if overlaps(entry, observer.count_width, at, 8):
                holds = True
            entry += observer.count_stride
        if holds != counts:
            if observer.counts == COUNTS_TABLE and not counts:
                old_words[place] = words[place]
            continue
        if counts:
            count_stored(observer, board, events, shadow, place << 3, 8, words[place], NO_PC)
            old_words[place] = words[place]


@compiled
def frame_taken(observer: Record, board: Record, events: Array, words: Array, old_words: Array) -> None:
    """A free list whose first frame was taken off: its head is what that frame led to."""
    for index in range(observer.lists):
        place = (observer.list_heads[index] - KERNBASE) >> 3
        old, new = old_words[place], words[place]
        frame = index_of(old)
        if old != new and frame >= 0 and old_words[link_of(observer, frame)] == new and observer.on_list[frame] > 0:
            listed(observer, board, events, frame, -1, NO_PC)
            old_words[place] = new


@compiled
def link_of(observer: Record, frame: Value) -> Value:
    """The word of a free frame that leads to the next."""
    return (frame * PAGE + observer.next_at) >> 3


@compiled
def lists_changed(
    observer: Record, board: Record, events: Array, shadow: Array, words: Array, old_words: Array
) -> None:
    """The free lists whose head, or whose first frame's link, is another: a frame put on, or else whatever came of it.

    A frame that is put on twice in turn leads to itself, and the head stays the same. Where several lists changed,
    frames may have moved from one to another: only what came of that is told.
    """
    changed, pushed = 0, -1
    for index in range(observer.lists):
        place = (observer.list_heads[index] - KERNBASE) >> 3
        old, new = old_words[place], words[place]
        frame = index_of(new)
        if old == new and (frame < 0 or old_words[link_of(observer, frame)] == words[link_of(observer, frame)]):
            continue
        changed += 1
        pushed = frame if frame >= 0 and words[link_of(observer, frame)] == old else -1
        old_words[place] = new
        steps = 0
        while frame >= 0 and (steps == 0 or observer.on_list[frame] == 0) and steps < FRAMES:
            renew(words, old_words, frame)
            frame = index_of(words[link_of(observer, frame)])
            steps += 1
    if changed == 1 and pushed >= 0:
        listed(observer, board, events, pushed, 1, NO_PC)
    elif changed > 0:
        relist(observer, board, events, shadow, -1, 0, NO_PC)


@compiled
def contents_changed(
    observer: Record,
    board: Record,
    events: Array,
    words: Array,
    old_words: Array,
    fresh: Array,
    frame: Value,
    look: Value,
    tell: Value,
) -> Value:
    """The contents of a mapped frame, unless it is plainly the running process's own; gives 1 where they were
    compared."""
    own = observer.mapped[frame] <= 1 and observer.mapper[frame] == observer.hart_slot[board.hart]
    if own or not look or observer.watch[frame] & (WATCH_DATA | WATCH_TABLE):
        fresh[frame] = 0
        return 0
    same = True
    for place in range(frame * WORDS, frame * WORDS + WORDS):
        if old_words[place] != words[place]:
            same = False
            old_words[place] = words[place]
    if not same and fresh[frame] and tell:
        contents_stored(observer, board, events, frame, NO_PC)
    fresh[frame] = 1
    return 1
