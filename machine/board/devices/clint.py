"""The core-local interruptor at 0x02000000: each hart's timer and software interrupt (SiFive FU540 manual, chapter 9).

Kernels until 2023 use it in machine mode; later ones use Sstc's ``stimecmp``, a CSR that the trap code emulates. The
registers live in the board's shared record, because the clock is there.
"""

from __future__ import annotations

from typing import Any

from cowcheck.machine.board.state import LINE_MSIP, LINE_MTIP, MOST_HARTS

MTIMECMP, MTIME = 0x4000, 0xBFF8


class Clint:
    """The registers, as views of the shared record."""

    base = 0x02000000
    size = 0x10000

    def __init__(self, board: Any) -> None:
        self.board = board

    def read(self, offset: int, size: int) -> int:
        """A load of four or eight bytes."""
        value, shift = 0, 8 * (offset & 7)
        if offset < 4 * MOST_HARTS:
            return int(bool(self.board["lines"][offset // 4] & LINE_MSIP))
        if MTIMECMP <= offset < MTIMECMP + 8 * MOST_HARTS:
            value = int(self.board["mtimecmp"][(offset - MTIMECMP) // 8])
        elif MTIME <= offset < MTIME + 8:
            value = int(self.board["time"])
        return value >> shift & ((1 << 8 * size) - 1)

    def write(self, offset: int, size: int, value: int) -> None:
        """A store of four or eight bytes; an 8-byte store may arrive as two of 4."""
        if offset < 4 * MOST_HARTS:
            self.hold(offset // 4, LINE_MSIP, bool(value & 1))
        elif MTIMECMP <= offset < MTIMECMP + 8 * MOST_HARTS:
            hart = (offset - MTIMECMP) // 8
            old = int(self.board["mtimecmp"][hart])
            self.board["mtimecmp"][hart] = replaced(old, offset & 7, size, value)
            self.hold(hart, LINE_MTIP, int(self.board["mtimecmp"][hart]) <= int(self.board["time"]))
        elif MTIME <= offset < MTIME + 8:
            self.board["time"] = replaced(int(self.board["time"]), offset & 7, size, value) & ((1 << 63) - 1)

    def hold(self, hart: int, line: int, up: bool) -> None:
        """Puts a hart's line up or down."""
        lines = int(self.board["lines"][hart])
        self.board["lines"][hart] = lines | line if up else lines & ~line


def replaced(old: int, byte: int, size: int, value: int) -> int:
    """The 64-bit word ``old`` with ``size`` bytes from ``byte`` on replaced by ``value``."""
    mask = ((1 << 8 * size) - 1) << 8 * byte
    return (old & ~mask | value << 8 * byte & mask) & ((1 << 64) - 1)
