"""The address that a faulting load or store meant, decoded from its instruction (RISC-V unprivileged ISA 20191213).

Unicorn does not hand the faulting address over, so it is computed again: base register plus offset, for the loads,
stores and atomics of RV64GC.
"""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import SP, X0, read
from cowcheck.machine.native import Record, Value, compiled


@compiled
def sign_extended(value: Value, bits: Value) -> Value:
    """The number whose low ``bits`` bits are ``value``'s, in two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


@compiled
def access_of(engine: Value, board: Record, instruction: Value) -> tuple[Value, Value]:
    """The address and the size in bytes of the access that ``instruction`` makes; size 0 where it makes none."""
    i = np.int64(instruction)
    if i & 3 == 3:
        opcode = i & 0x7F
        base = np.int64(read(engine, board, X0 + ((i >> 15) & 31)))
        size = 1 << ((i >> 12) & 3)
        if opcode == 0x03 or opcode == 0x07:  # LOAD, LOAD-FP
            return base + sign_extended(i >> 20, 12), size
        if opcode == 0x23 or opcode == 0x27:  # STORE, STORE-FP
            return base + sign_extended(((i >> 25) << 5) | ((i >> 7) & 31), 12), size
        if opcode == 0x2F:  # AMO
            return base, size
        return np.int64(0), 0
    quadrant, function = i & 3, (i >> 13) & 7
    if quadrant == 0 and function != 0 and function != 4:  # C.FLD C.LW C.LD C.FSD C.SW C.SD
        base = np.int64(read(engine, board, X0 + 8 + ((i >> 7) & 7)))
        high = ((i >> 10) & 7) << 3
        if function == 2 or function == 6:
            return base + (high | (((i >> 6) & 1) << 2) | (((i >> 5) & 1) << 6)), 4
        return base + (high | (((i >> 5) & 3) << 6)), 8
    if quadrant == 2 and function != 0 and function != 4:  # the same, relative to sp
        base = np.int64(read(engine, board, SP))
        if function == 2:
            return base + ((((i >> 12) & 1) << 5) | (((i >> 4) & 7) << 2) | (((i >> 2) & 3) << 6)), 4
        if function < 4:
            return base + ((((i >> 12) & 1) << 5) | (((i >> 5) & 3) << 3) | (((i >> 2) & 7) << 6)), 8
        if function == 6:
            return base + ((((i >> 9) & 15) << 2) | (((i >> 7) & 3) << 6)), 4
        return base + ((((i >> 10) & 7) << 3) | (((i >> 7) & 7) << 6)), 8
    return np.int64(0), 0
