"""A large record that is put back to what it was, again and again: a copy-on-write mapping of it.

The record lies in a file of the system's memory. What is written to it after :meth:`Frozen.freeze` goes to private
copies of its pages, and they are thrown away to go back. So going back costs what was changed, not what there is.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import Any

import numpy as np


class Frozen:
    """One record of a numpy type. ``record`` is an array of one; after :meth:`thaw` it may be another array."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        if hasattr(os, "memfd_create"):
            self.file = os.memfd_create("cowcheck")
        else:
            handle, name = tempfile.mkstemp(prefix="cowcheck-")
            os.unlink(name)
            self.file = handle
        os.ftruncate(self.file, dtype.itemsize)
        self._map(mmap.MAP_SHARED)
        self.shared = self.record
        """What is written here after :meth:`freeze` is part of what it goes back to."""

    def _map(self, flags: int) -> None:
        self.memory = mmap.mmap(self.file, self.dtype.itemsize, flags=flags)
        self.record: np.ndarray[Any, Any] = np.frombuffer(self.memory, self.dtype, 1)

    def freeze(self) -> None:
        """What is in it now is what it goes back to."""
        self._map(mmap.MAP_PRIVATE)

    def thaw(self) -> np.ndarray[Any, Any]:
        """Goes back; gives the record."""
        if hasattr(mmap, "MADV_DONTNEED") and hasattr(os, "memfd_create"):
            self.memory.madvise(mmap.MADV_DONTNEED)
        else:
            self._map(mmap.MAP_PRIVATE)
        return self.record

    def __del__(self) -> None:
        os.close(self.file)
