"""Instructions that the board carries out in Unicorn's stead, as compiled callbacks."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import BOARD, KERNBASE, PC, RAM_BYTES, X0, Stop, write
from cowcheck.machine.native import CODE_CALLBACK, Value, callback, carray, pointer, uc_emu_stop

STOP_WFI = int(Stop.WFI)


@callback(CODE_CALLBACK)
def on_block(engine: int, pc: int, size: int, user: int) -> None:
    """A translated block is about to run: it is counted, by its bytes, and the turn ends where there were enough."""
    board = carray(pointer(user), 1, BOARD)[0]
    board.ran += size
    if board.ran >= board.turn:
        uc_emu_stop(engine)


@callback(CODE_CALLBACK)
def on_mhartid(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """``csrr rd, mhartid``: Unicorn's is always 0, and cannot be written."""
    board = carray(pointer(user), 1, BOARD)[0]
    ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
    offset = np.int64(pc) - KERNBASE
    target = (ram[offset] >> 7) | ((ram[offset + 1] & 15) << 1)
    if target != 0:
        write(engine, board, X0 + np.int64(target), np.uint64(board.hart))
    write(engine, board, PC, pc + np.uint64(4))


@callback(CODE_CALLBACK)
def on_wfi(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """``wfi``: the hart's turn ends, and it gets none until an interrupt is pending."""
    board = carray(pointer(user), 1, BOARD)[0]
    board.stop = STOP_WFI
    write(engine, board, PC, pc + np.uint64(4))
    uc_emu_stop(engine)
