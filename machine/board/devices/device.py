"""What a device is to the board: registers at a place, and perhaps an interrupt line."""

from __future__ import annotations

from typing import Protocol


class Device(Protocol):
    """A memory-mapped device. ``offset`` counts from its base; the board copies a device's state for a snapshot."""

    base: int
    size: int

    def read(self, offset: int, size: int) -> int:
        """The value that a load of ``size`` bytes sees."""
        ...

    def write(self, offset: int, size: int, value: int) -> None:
        """Takes a store of ``size`` bytes."""
        ...
