"""Numbers made of numbers, compiled: places in hash tables, and signatures."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.native import Value, compiled

PRIME = 0x9E3779B97F4A7C15  # 2 ** 64 over the golden ratio (Knuth, The Art of Computer Programming 3, section 6.4)


@compiled
def spread(key: Value, bits: Value) -> Value:
    """A place for a key in a table of ``1 << bits`` entries."""
    return np.int64((np.uint64(key) * np.uint64(PRIME)) >> np.uint64(64 - bits))


@compiled
def mixed(first: Value, second: Value) -> Value:
    """One number of two."""
    value = (np.uint64(first) ^ (np.uint64(second) * np.uint64(PRIME))) * np.uint64(0xD6E8FEB86659FD93)
    return value ^ (value >> np.uint64(32))
