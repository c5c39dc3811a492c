"""``memset`` and ``memmove`` of xv6, carried out at once (kernel/string.c).

A boot fills 128 MiB byte by byte: 400 million instructions. For ranges within RAM the result is the same, and the
stores are told to the recorder word by word where a frame matters, as if the kernel's own loop had made them.
"""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import A0, A1, A2, BOARD, KERNBASE, PAGE, PC, RA, RAM_BYTES, read, write
from cowcheck.machine.native import (
    CODE_CALLBACK,
    Array,
    Record,
    Value,
    callback,
    carray,
    compiled,
    pointer,
    uc_mem_write,
)
from cowcheck.machine.record.calls import note_caller
from cowcheck.machine.record.event import WIDTH
from cowcheck.machine.record.numbers import overlaid
from cowcheck.machine.record.observer import CAPACITY, OBSERVER, WATCH_DATA, WATCH_TABLE
from cowcheck.machine.record.stores import contents_stored, data_stored
from cowcheck.machine.record.tables import entry, table_written

NO_SOURCE = -1


@compiled
def in_data(observer: Record, pa: Value, count: Value) -> Value:
    """Whether a range lies in RAM behind the kernel's text, where stores go through."""
    return pa >= observer.text_end and count >= 0 and count <= RAM_BYTES and pa + count <= KERNBASE + RAM_BYTES


@compiled
def tell(
    observer: Record,
    board: Record,
    events: Array,
    ram: Array,
    start: Value,
    count: Value,
    source: Value,
    byte: Value,
    pc: Value,
) -> None:
    """Tells of the stores to ``count`` bytes at offset ``start``: copies of ``source``, or all ``byte``."""
    frame = start >> 12
    last = (start + count - 1) >> 12
    while frame <= last:
        board.dirty[frame] = 1
        watch = observer.watch[frame]
        if watch != 0 and observer.active:
            low = max(start, frame << 12)
            high = min(start + count, (frame + 1) << 12)
            if watch & (WATCH_TABLE | WATCH_DATA):
                words(observer, board, events, ram, low, high, start, source, byte, pc)
            contents_stored(observer, board, events, frame, pc)
        frame += 1


@compiled
def words(
    observer: Record,
    board: Record,
    events: Array,
    ram: Array,
    low: Value,
    high: Value,
    start: Value,
    source: Value,
    byte: Value,
    pc: Value,
) -> None:
    """The stores to one frame's bytes from ``low`` to ``high``, in pieces of a word at most."""
    frame = low >> 12
    at = low
    while at < high:
        word = (at >> 3) << 3
        size = min(word + 8, high) - at
        value = np.int64(0)
        for index in range(size):
            piece = np.int64(byte) if source == NO_SOURCE else np.int64(ram[source + (at - start) + index])
            value |= piece << (8 * index)
        if observer.watch[frame] & WATCH_TABLE:
            number = (at & (PAGE - 1)) >> 3
            new = overlaid(ram, word, 8, at, size, value)
            table_written(observer, board, events, ram, frame, number, entry(ram, frame, number), new, pc)
        if observer.watch[frame] & WATCH_DATA:
            data_stored(observer, board, events, ram, at, size, value, pc)
        for index in range(size):  # stores take effect in order, as the kernel's own would
            if source == NO_SOURCE:
                ram[at + index] = byte
        at += size


@compiled
def renew(engine: Value, board: Record, start: Value, count: Value) -> None:
    """RAM was changed behind Unicorn's back: writing the same bytes once more makes it forget code translated there."""
    uc_mem_write(engine, np.uint64(start), board.ram + np.uint64(start - KERNBASE), np.uint64(count))


@compiled
def fill(engine: Value, board: Record, observer: Record) -> None:
    """The hart is at the entry of ``memset``."""
    start, byte = np.int64(read(engine, board, A0)), np.int64(read(engine, board, A1)) & 255
    count = np.int64(read(engine, board, A2)) & 0xFFFFFFFF  # uint n
    if observer.in_user[board.hart] or not in_data(observer, start, count):
        return
    ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
    events = carray(pointer(observer.events), (CAPACITY, WIDTH), np.int64)
    back = read(engine, board, RA)
    if count > 0:
        note_caller(engine, board, observer, ram, np.int64(back) - 4, 0)
        tell(observer, board, events, ram, start - KERNBASE, count, NO_SOURCE, byte, np.int64(back) - 4)
        ram[start - KERNBASE : start - KERNBASE + count] = byte
        renew(engine, board, start, count)
    write(engine, board, PC, back)


@callback(CODE_CALLBACK)
def on_memset(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """``memset(dst, c, n)``, carried out at once where it stays within RAM."""
    board = carray(pointer(user), 1, BOARD)[0]
    fill(engine, board, carray(pointer(board.observer), 1, OBSERVER)[0])


@compiled
def move(engine: Value, board: Record, observer: Record) -> None:
    """The hart is at the entry of ``memmove``."""
    start, source = np.int64(read(engine, board, A0)), np.int64(read(engine, board, A1))
    count = np.int64(read(engine, board, A2)) & 0xFFFFFFFF
    if observer.in_user[board.hart] or not in_data(observer, start, count):
        return
    if source < KERNBASE or source + count > KERNBASE + RAM_BYTES:
        return
    ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
    events = carray(pointer(observer.events), (CAPACITY, WIDTH), np.int64)
    back = read(engine, board, RA)
    if count > 0:
        target, origin = start - KERNBASE, source - KERNBASE
        note_caller(engine, board, observer, ram, np.int64(back) - 4, 0)
        tell(observer, board, events, ram, target, count, origin, 0, np.int64(back) - 4)
        if origin < target:
            for index in range(count - 1, -1, -1):
                ram[target + index] = ram[origin + index]
        else:
            for index in range(count):
                ram[target + index] = ram[origin + index]
        renew(engine, board, start, count)
    write(engine, board, PC, back)


@callback(CODE_CALLBACK)
def on_memmove(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """``memmove(dst, src, n)``, carried out at once where both ranges lie in RAM."""
    board = carray(pointer(user), 1, BOARD)[0]
    move(engine, board, carray(pointer(board.observer), 1, OBSERVER)[0])
