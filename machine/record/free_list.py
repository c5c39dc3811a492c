"""Following the free lists, compiled: which frames stand on one, and how often.

A store to a list's head is a push or a pop where the links say so; a compiler may store the head of a push before the
link, under the same lock. For anything else (a list that moves from one hart
to another, one whose links were overwritten) all lists are walked, and what differs is told.
"""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE, PAGE
from cowcheck.machine.native import Array, Record, Value, compiled
from cowcheck.machine.record.event import EventKind
from cowcheck.machine.record.numbers import number
from cowcheck.machine.record.observer import WATCH_FREE, emit, index_of
from cowcheck.machine.record.tables import suspect

LIST = int(EventKind.LIST)


@compiled
def listed(observer: Record, board: Record, events: Array, frame: Value, step: Value, pc: Value) -> None:
    """A frame goes on (1) or off (-1) the free list."""
    observer.on_list[frame] += step
    if observer.on_list[frame] > 0:
        observer.watch[frame] |= np.uint8(WATCH_FREE)
    else:
        observer.watch[frame] &= ~np.uint8(WATCH_FREE)
        suspect(observer, frame, observer.hart_slot[board.hart])
    emit(observer, board, events, LIST, observer.hart_slot[board.hart], pc, frame + FIRST_PPN, step, 0, 0)


@compiled
def head_stored(
    observer: Record, board: Record, events: Array, ram: Array, index: Value, old: Value, new: Value, pc: Value
) -> None:
    """The free list's head changes: a push, a pop, or something else, for which the list is walked anew."""
    before, after = index_of(old), index_of(new)
    if old == new:
        if before >= 0 and number(ram, before * PAGE + observer.next_at, 8) == old:
            # It was put on the list while it was the first there, and leads to itself; or it is taken off then.
            listed(observer, board, events, before, 1 if observer.on_list[before] < 2 else -1, pc)
        return
    if after >= 0 and number(ram, after * PAGE + observer.next_at, 8) == old:
        listed(observer, board, events, after, 1, pc)
    elif (
        before >= 0
        and number(ram, before * PAGE + observer.next_at, 8) == new
        and observer.on_list[before] > 0
        and (is_last(observer, before) if new == 0 else after >= 0 and observer.on_list[after] > 0)
    ):
        listed(observer, board, events, before, -1, pc)
    elif (
        after >= 0
        and observer.on_list[after] == 0
        and (before < 0 or number(ram, before * PAGE + observer.next_at, 8) != new)
    ):
        listed(observer, board, events, after, 1, pc)  # a push: the compiler stores the link after the head
        observer.awaited_frame[index], observer.awaited_link[index] = after, old
    else:
        relist(observer, board, events, ram, index, new, pc)


@compiled
def is_awaited(observer: Record, offset: Value, size: Value, value: Value) -> Value:
    """Whether a store is of the link that is still due of a frame which was put on a list; it is then no longer."""
    for index in range(observer.lists):
        frame = observer.awaited_frame[index]
        if frame >= 0 and offset == frame * PAGE + observer.next_at and size == 8:
            observer.awaited_frame[index] = -1
            return value == observer.awaited_link[index]
    return False


@compiled
def is_last(observer: Record, frame: Value) -> Value:
    """Whether a list may be empty once this frame is off: no other one is on a list, or there are several lists."""
    if observer.lists > 1:
        return True
    others = 0
    for other in range(FRAMES):
        others += other != frame and observer.on_list[other] > 0
    return others == 0


@compiled
def relist(observer: Record, board: Record, events: Array, ram: Array, changed: Value, head: Value, pc: Value) -> None:
    """Walks every free list, the changed one from ``head``, and tells how the frames on them differ from before."""
    times = np.zeros(FRAMES, np.uint8)
    for index in range(observer.lists):
        at = head if index == changed else number(ram, observer.list_heads[index] - KERNBASE, 8)
        frame = index_of(at)
        while frame >= 0 and times[frame] < 2:
            times[frame] += 1
            frame = index_of(number(ram, frame * PAGE + observer.next_at, 8))
    for frame in range(FRAMES):
        while observer.on_list[frame] < times[frame]:
            listed(observer, board, events, frame, 1, pc)
        while observer.on_list[frame] > times[frame]:
            listed(observer, board, events, frame, -1, pc)
