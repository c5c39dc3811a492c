"""Following the free lists, compiled: which frames stand on one, and how often.

A store to a list's head is a push or a pop where the links say so. A compiler may store the head of a push before the
link, under the same lock: what the link will be is then awaited. It is looked at when it is stored, and when the head
is stored again. A head that is stored first may look like a pop, where a frame is freed that is free already: the link
tells which it was. For anything else (a list that moves from one hart to another, one whose links were overwritten, a
link that is not what was awaited) all lists are walked, and what differs is told.
"""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE, PAGE
from cowcheck.machine.native import Array, Record, Value, compiled
from cowcheck.machine.record.event import EventKind
from cowcheck.machine.record.numbers import number
from cowcheck.machine.record.observer import WATCH_FREE, emit, index_of, look_at
from cowcheck.machine.record.tables import suspect

LIST = int(EventKind.LIST)
NOTHING, PUSHED, POPPED, WALKED = 0, 1, 2, 3  # what was told at the store of a head


@compiled
def listed(observer: Record, board: Record, events: Array, frame: Value, step: Value, pc: Value) -> None:
    """A frame goes on (1) or off (-1) the free list."""
    observer.on_list[frame] += step
    if observer.on_list[frame] > 0:
        look_at(observer, board, frame, WATCH_FREE)
    else:
        observer.watch[frame] &= ~np.uint8(WATCH_FREE)
        suspect(observer, frame, observer.hart_slot[board.hart])
    emit(observer, board, events, LIST, observer.hart_slot[board.hart], pc, frame + FIRST_PPN, step, 0, 0)


@compiled
def put_on(observer: Record, board: Record, events: Array, frame: Value, link: Value, pc: Value) -> None:
    """A frame goes on a list, and leads to what was the first there."""
    observer.followed_by[frame] = index_of(link)
    listed(observer, board, events, frame, 1, pc)


@compiled
def head_stored(
    observer: Record, board: Record, events: Array, ram: Array, index: Value, old: Value, new: Value, pc: Value
) -> None:
    """The free list's head changes: a push, a pop, or something else, for which the list is walked anew."""
    settle(observer, board, events, ram, index, old, pc)
    before, after = index_of(old), index_of(new)
    if old == new:
        if before < 0:
            return
        if number(ram, before * PAGE + observer.next_at, 8) != old:
            await_link(observer, index, after, old, NOTHING)
        elif observer.on_list[before] < 2:  # it was put on the list while it was the first there: it leads to itself
            put_on(observer, board, events, before, old, pc)
        else:
            listed(observer, board, events, before, -1, pc)
    elif after >= 0 and number(ram, after * PAGE + observer.next_at, 8) == old:
        put_on(observer, board, events, after, old, pc)
    elif (
        before >= 0
        and number(ram, before * PAGE + observer.next_at, 8) == new
        and observer.on_list[before] > 0
        and observer.followed_by[before] == after
        and (after < 0 or observer.on_list[after] > 0)
    ):
        listed(observer, board, events, before, -1, pc)
        if after >= 0:
            await_link(observer, index, after, old, POPPED)
    elif (
        after >= 0
        and observer.on_list[after] == 0
        and (before < 0 or number(ram, before * PAGE + observer.next_at, 8) != new)
    ):
        put_on(observer, board, events, after, old, pc)  # the compiler stores the link after the head
        await_link(observer, index, after, old, PUSHED)
    else:
        relist(observer, board, events, ram, index, new, pc)
        if after >= 0:
            await_link(observer, index, after, old, WALKED)


@compiled
def await_link(observer: Record, index: Value, frame: Value, value: Value, told: Value) -> None:
    """The frame that the head leads to may yet get this link."""
    observer.awaited_frame[index], observer.awaited_link[index], observer.awaited_told[index] = frame, value, told


@compiled
def settle(observer: Record, board: Record, events: Array, ram: Array, index: Value, head: Value, pc: Value) -> None:
    """No link is awaited any more in the list that begins at ``head``; a push whose link never came was none."""
    frame = observer.awaited_frame[index]
    observer.awaited_frame[index] = -1
    if (
        frame >= 0
        and observer.awaited_told[index] == PUSHED
        and number(ram, frame * PAGE + observer.next_at, 8) != observer.awaited_link[index]
    ):
        relist(observer, board, events, ram, index, head, pc)


@compiled
def link_stored(
    observer: Record, board: Record, events: Array, ram: Array, offset: Value, size: Value, value: Value, pc: Value
) -> Value:
    """A store to a frame on a list: whether it is of a link that was awaited. Another link there ends that list."""
    for index in range(observer.lists):
        frame = observer.awaited_frame[index]
        if frame < 0 or offset != frame * PAGE + observer.next_at or size != 8:
            continue
        told = observer.awaited_told[index]
        awaited = value == observer.awaited_link[index]
        if told == (WALKED if awaited else PUSHED):
            observer.awaited_link[index], observer.awaited_told[index] = value, PUSHED  # it is not in RAM yet
            relist(observer, board, events, ram, -1, 0, pc)
        elif awaited and told != PUSHED:  # the frame was on the list: it was the first half of a push
            if told == POPPED:
                listed(observer, board, events, index_of(value), 1, pc)
            put_on(observer, board, events, frame, value, pc)
        observer.awaited_frame[index] = -1
        return awaited
    return False


@compiled
def link(observer: Record, ram: Array, frame: Value) -> Value:
    """The link of a frame on a list, as it stands in RAM or is awaited."""
    for index in range(observer.lists):
        if observer.awaited_frame[index] == frame and observer.awaited_told[index] == PUSHED:
            return observer.awaited_link[index]
    return number(ram, frame * PAGE + observer.next_at, 8)


@compiled
def relist(observer: Record, board: Record, events: Array, ram: Array, changed: Value, head: Value, pc: Value) -> None:
    """Walks every free list, the changed one (-1: none) from ``head``, and tells how the frames on them differ."""
    times = np.zeros(FRAMES, np.uint8)
    for index in range(observer.lists):
        at = head if index == changed else number(ram, observer.list_heads[index] - KERNBASE, 8)
        frame = index_of(at)
        while frame >= 0 and times[frame] < 2:
            times[frame] += 1
            observer.followed_by[frame] = index_of(link(observer, ram, frame))
            frame = np.int64(observer.followed_by[frame])
    for frame in range(FRAMES):
        while observer.on_list[frame] < times[frame]:
            listed(observer, board, events, frame, 1, pc)
        while observer.on_list[frame] > times[frame]:
            listed(observer, board, events, frame, -1, pc)
