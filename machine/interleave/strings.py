"""``memset`` and ``memmove`` in an interleaving: the frames that they fill and read are logged as a whole."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import A0, A1, A2, BOARD, KERNBASE, PAGE, RA, RAM_BYTES, read
from cowcheck.machine.interleave.state import INTERLEAVING, Access
from cowcheck.machine.interleave.steps import log
from cowcheck.machine.native import CODE_CALLBACK, Record, Value, callback, carray, compiled, pointer
from cowcheck.machine.record.observer import OBSERVER
from cowcheck.machine.record.strings import fill, move

FILL, COPY = int(Access.FILL), int(Access.COPY)


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


@callback(CODE_CALLBACK)
def on_memset(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """The entry of ``memset``."""
    it = carray(pointer(user), 1, INTERLEAVING)[0]
    board = carray(pointer(it.board), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    if it.active and not observer.in_user[board.hart]:
        count = np.int64(read(engine, board, A2)) & 0xFFFFFFFF
        back = np.int64(read(engine, board, RA)) - 4
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
        log_range(it, board, observer, COPY, np.int64(read(engine, board, A1)), count, back)
        log_range(it, board, observer, FILL, np.int64(read(engine, board, A0)), count, back)
    move(engine, board, observer)
