"""Stores to the reference counts, compiled: an array by frame, or a table that is searched for the frame."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE
from cowcheck.machine.native import Array, Record, Value, compiled
from cowcheck.machine.record.event import EventKind
from cowcheck.machine.record.numbers import number, overlaid, signed
from cowcheck.machine.record.observer import COUNTS_TABLE, emit, index_of

COUNT = int(EventKind.COUNT)


@compiled
def count_stored(
    observer: Record, board: Record, events: Array, ram: Array, offset: Value, size: Value, value: Value, pc: Value
) -> None:
    """A store to the reference counts: an array by frame, or a table that is searched for the frame.

    An entry of a table whose count goes to 0 is given up. It says nothing then: the frame may have one reference left.
    One whose frame has got another entry since is left over, until its own count is stored to again.
    """
    stride, width = observer.count_stride, observer.count_width
    low, high = np.int64(0), width  # what of an entry matters, from its count on
    if observer.counts == COUNTS_TABLE:
        low, high = min(low, observer.key_at), max(high, observer.key_at + 8)
    start = offset + KERNBASE - observer.count_base
    for index in range((start - high) // stride + 1, (start + size - 1 - low) // stride + 1):
        at = observer.count_base + index * stride - KERNBASE
        if at + KERNBASE < observer.count_first or at + KERNBASE >= observer.count_end:
            continue
        old = signed(number(ram, at, width), width)
        new = signed(overlaid(ram, at, width, offset, size, value), width)
        was, now, revived = index, index, False
        if observer.counts == COUNTS_TABLE:
            revived = observer.left_over[index] != 0
            key = at + observer.key_at
            was = index_of(number(ram, key, 8) << observer.key_shift)
            now = index_of(overlaid(ram, key, 8, offset, size, value) << observer.key_shift)
            if offset < key + 8 and key < offset + size:
                revived = leave_over(observer, ram, now, index) or revived
            else:
                observer.left_over[index] = 0
        if observer.counts == COUNTS_TABLE and old != 0 and (was != now or new == 0):
            given_up(observer, board, events, ram, at, was, old, pc)
        if was != now and new != 0:
            counted(observer, board, events, now, observer.count_offset, new, pc)
        elif was == now and (old != new or revived) and not (new == 0 and observer.counts == COUNTS_TABLE):
            counted(observer, board, events, now, old, new, pc)


@compiled
def counted(observer: Record, board: Record, events: Array, frame: Value, old: Value, new: Value, pc: Value) -> None:
    """Tells of a count, given as the kernel keeps it."""
    if 0 <= frame < FRAMES:
        running, zero = observer.hart_slot[board.hart], observer.count_offset
        emit(observer, board, events, COUNT, running, pc, frame + FIRST_PPN, old - zero, new - zero, 0)


@compiled
def given_up(
    observer: Record, board: Record, events: Array, ram: Array, at: Value, frame: Value, old: Value, pc: Value
) -> None:
    """A table's entry is its frame's no more: where the frame has another one, its count is that one's.

    What a frame's count is that has no entry, only the kernel knows: nothing is told of that.
    """
    other = entry_of(observer, ram, frame, at)
    if other >= 0:
        value = signed(number(ram, other, observer.count_width), observer.count_width)
        counted(observer, board, events, frame, old, value, pc)


@compiled
def leave_over(observer: Record, ram: Array, frame: Value, index: Value) -> Value:
    """A table's entry with this number is the frame's now; others that still have its key are left over. Gives whether
    one of them was the frame's until now."""
    observer.left_over[index] = 0
    at, other, found = observer.count_base - KERNBASE, 0, False
    while frame >= 0 and at + KERNBASE < observer.count_end:
        key = number(ram, at + observer.key_at, 8) << observer.key_shift
        if other != index and at + KERNBASE >= observer.count_first and index_of(key) == frame:
            found = found or observer.left_over[other] == 0
            observer.left_over[other] = 1
        at += observer.count_stride
        other += 1
    return found


@compiled
def entry_of(observer: Record, ram: Array, frame: Value, but: Value) -> Value:
    """The offset of a table's entry for a frame, other than the one at ``but``; -1 where there is none in use."""
    at, index = observer.count_base - KERNBASE, 0
    while frame >= 0 and at + KERNBASE < observer.count_end:
        if (
            at != but
            and not observer.left_over[index]
            and at + KERNBASE >= observer.count_first
            and index_of(number(ram, at + observer.key_at, 8) << observer.key_shift) == frame
            and number(ram, at, observer.count_width) != 0
        ):
            return at
        at += observer.count_stride
        index += 1
    return np.int64(-1)
