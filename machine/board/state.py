"""What the board's compiled callbacks share with Python: one record in memory that both sides read and write.

Numbers of the specification: RISC-V privileged architecture, version 1.12 (CSR fields, 3.1 and 4.1; causes, tables 3.6
and 4.2).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from unicorn import riscv_const

from cowcheck.machine.native import Record, Value, compiled, uc_reg_read, uc_reg_write

KERNBASE = 0x80000000  # xv6 kernel/memlayout.h; where QEMU's virt machine has its RAM
RAM_BYTES = 128 << 20  # xv6 kernel/memlayout.h: PHYSTOP - KERNBASE
PAGE = 4096
FRAMES = RAM_BYTES // PAGE
FIRST_PPN = KERNBASE // PAGE
MOST_HARTS = 8  # xv6 kernel/param.h: NCPU

USER, SUPERVISOR, MACHINE = 0, 1, 3  # privilege levels

PC = riscv_const.UC_RISCV_REG_PC
PRIV = riscv_const.UC_RISCV_REG_PRIV
X0 = riscv_const.UC_RISCV_REG_X0
RA, SP, TP = X0 + 1, X0 + 2, X0 + 4
A0, A1, A2, A7 = X0 + 10, X0 + 11, X0 + 12, X0 + 17

LINE_MSIP, LINE_STIP, LINE_MTIP, LINE_SEIP = 1 << 3, 1 << 5, 1 << 7, 1 << 9  # bits of mip that devices hold up

SIE, MIE, SPIE, MPIE, SPP, MPP = 1 << 1, 1 << 3, 1 << 5, 1 << 7, 1 << 8, 3 << 11  # bits of mstatus
SUM, MXR = 1 << 18, 1 << 19


class Stop(IntEnum):
    """Why the board's engine came back from running code, as its callbacks leave it in ``stop``."""

    NONE = 0  # the quantum's instructions are done
    WFI = 1  # the hart waits for an interrupt
    STUCK = 2  # a trap where the hart has no handler for it
    ASKED = 3  # whoever watches the board asked for it (an observer's callback)


BOARD = np.dtype(
    [
        ("ram", np.uint64),  # address of the RAM's first byte in this process
        ("observer", np.uint64),  # address of the observer's record, for its callbacks
        ("scratch", np.uint64, (1,)),  # where a register's value passes through
        ("hart", np.int64),  # the hart that the engine runs now
        ("stop", np.int64),  # Stop
        ("time", np.int64),  # mtime
        ("retired", np.int64),  # instructions, all harts together, until the quantum in progress
        ("ran", np.int64),  # bytes of code that ran in the turn in progress
        ("turn", np.int64),  # bytes of code that the turn is long
        ("traps", np.int64),
        ("faults", np.int64),  # exceptions that the kernel itself raised, in supervisor or machine mode
        ("lines", np.int64, (MOST_HARTS,)),  # interrupt lines that devices hold up, as bits of mip
        ("mtimecmp", np.uint64, (MOST_HARTS,)),
        ("stimecmp", np.uint64, (MOST_HARTS,)),  # Sstc
        ("menvcfg", np.uint64, (MOST_HARTS,)),
        ("dirty", np.uint8, (FRAMES,)),  # frames that may differ from the last snapshot
    ]
)
"""The record. Everything in it is plain data, so a snapshot of it is a copy."""


@compiled
def read(engine: Value, board: Record, register: Value) -> Value:
    """A register's value. Machine-mode CSRs are garbage unless the privilege is machine mode (:func:`privilege`)."""
    uc_reg_read(engine, register, board.scratch.ctypes.data)
    return board.scratch[0]


@compiled
def write(engine: Value, board: Record, register: Value, value: Value) -> None:
    """Sets a register."""
    board.scratch[0] = value
    uc_reg_write(engine, register, board.scratch.ctypes.data)
