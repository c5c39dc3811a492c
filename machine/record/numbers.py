"""Numbers in RAM, compiled: as they stand there, and as they will once a store is done."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.native import Array, Value, compiled


@compiled
def number(ram: Array, offset: Value, width: Value) -> Value:
    """``width`` bytes of RAM as an unsigned number (64 bits: as the signed one)."""
    value = np.int64(0)
    for byte in range(width):
        value |= np.int64(ram[offset + byte]) << (8 * byte)
    return value


@compiled
def overlaid(ram: Array, field: Value, width: Value, offset: Value, size: Value, value: Value) -> Value:
    """What the ``width`` bytes at ``field`` will be once ``size`` bytes of ``value`` are stored at ``offset``."""
    result = np.int64(0)
    for byte in range(width):
        at = field + byte - offset
        if 0 <= at < size:
            result |= ((np.int64(value) >> (8 * at)) & 255) << (8 * byte)
        else:
            result |= np.int64(ram[field + byte]) << (8 * byte)
    return result


@compiled
def overlaps(field: Value, width: Value, offset: Value, size: Value) -> Value:
    """Whether two ranges of bytes meet."""
    return field < offset + size and offset < field + width


@compiled
def signed(value: Value, width: Value) -> Value:
    """A count as its C type would have it: bytes are unsigned (a count of 200 is one), wider ones signed."""
    if width == 1 or width == 8:
        return value
    bits = 8 * width
    return value - (1 << bits) if value >> (bits - 1) else value
