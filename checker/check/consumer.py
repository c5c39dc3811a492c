"""Who takes a recording as it is made: a verifier, a trace file, or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cowcheck.machine.record.recorder import Rows


class Consumer(Protocol):
    """Takes the runs of a recording, one after the other."""

    def begin(self, name: str) -> None:
        """A run starts."""
        ...

    def take(self, rows: Rows, texts: Sequence[str]) -> None:
        """Events."""
        ...
