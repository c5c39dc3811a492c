"""What came of one schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cowcheck.machine.interleave.schedule import Switch
from cowcheck.machine.record.event import Ending
from cowcheck.machine.record.event_buffer import Rows


class Wait(NamedTuple):
    """A hart that waits for a lock. ``holder`` is the hart that has it, -1 if none is known to."""

    hart: int
    lock: int
    pc: int
    holder: int


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of one schedule. ``steps`` and ``log`` are copies."""

    switches: tuple[Switch, ...]
    steps: np.ndarray[Any, Any]
    log: np.ndarray[Any, Any]
    rows: Rows
    texts: tuple[str, ...]
    ending: Ending | None  # None: all harts are back in user code, or have nothing to do
    text: str
    blocked: tuple[Wait, ...]  # the harts that wait when it ends

    @property
    def waiting(self) -> tuple[Wait, ...]:
        """The harts that wait for ever."""
        return self.blocked if self.ending is None else ()
