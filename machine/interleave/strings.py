"""``memset`` and ``memmove`` in an interleaving: the frames that they fill and read are logged as a whole.

A frame that is filled, or copied from, while nothing orders that with another hart's use of it, is a preemption point.
"""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import A0, A1, A2, BOARD, KERNBASE, PAGE, RA, RAM_BYTES, read
from cowcheck.machine.interleave.state import INTERLEAVING, IS_FRAME, Access, Halt
from cowcheck.machine.interleave.steps import is_hot, log, step
from cowcheck.machine.native import CODE_CALLBACK, Record, Value, callback, carray, compiled, pointer
from cowcheck.machine.record.observer import OBSERVER
from cowcheck.machine.record.strings import fill, move

FILL, COPY, NONE = int(Access.FILL), int(Access.COPY), int(Halt.NONE)


@compiled
def log_range(it: Record, board: Record, observer: Record, kind: Value, start: Value, count: Value, pc: Value) -> None:
    """The frames of a range of RAM."""
    if start < KERNBASE or count <= 0 or start + count > KERNBASE + RAM_BYTES:
        return
    at = start
    while at < start + count:
        size = min(PAGE - (at & (PAGE - 1)), start + count - at)
        log(it, board, observer, kind, at, pc, size)
        at += size


@compiled
def comes_to(
    engine: Value, board: Record, observer: Record, it: Record, kind: Value, address: Value, pc: Value
) -> Value:
    """False where the hart is stopped before it fills or copies a frame that is a preemption point."""
    at = np.int64(address) & ~np.int64(PAGE - 1)
    if not KERNBASE <= at < KERNBASE + RAM_BYTES or not it.hot_frame[(at - KERNBASE) >> 12]:
        return True
    if not is_hot(it, at | IS_FRAME):
        return True
    return step(engine, board, observer, it, carray(pointer(board.ram), RAM_BYTES, np.uint8), kind, at, pc)


@callback(CODE_CALLBACK)
def on_memset(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """The entry of ``memset``."""
    it = carray(pointer(user), 1, INTERLEAVING)[0]
    board = carray(pointer(it.board), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    if it.active and not observer.in_user[board.hart]:
        count = np.int64(read(engine, board, A2)) & 0xFFFFFFFF
        back = np.int64(read(engine, board, RA)) - 4
        if not comes_to(engine, board, observer, it, FILL, np.int64(read(engine, board, A0)), back):
            return
        log_range(it, board, observer, FILL, np.int64(read(engine, board, A0)), count, back)
    fill(engine, board, observer)


@callback(CODE_CALLBACK)
def on_memmove(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """The entry of ``memmove``."""
    it = carray(pointer(user), 1, INTERLEAVING)[0]
    board = carray(pointer(it.board), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    if it.active and not observer.in_user[board.hart]:
        count = np.int64(read(engine, board, A2)) & 0xFFFFFFFF
        back = np.int64(read(engine, board, RA)) - 4
        if not comes_to(engine, board, observer, it, COPY, np.int64(read(engine, board, A1)), back):
            return
        log_range(it, board, observer, COPY, np.int64(read(engine, board, A1)), count, back)
        log_range(it, board, observer, FILL, np.int64(read(engine, board, A0)), count, back)
    move(engine, board, observer)
