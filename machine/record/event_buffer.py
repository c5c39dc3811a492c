"""The buffer of events: callbacks fill it, Python adds rows of its own, and a sink takes it.

A row that carries text has its number in a list that is passed on with the rows. Whenever rows are passed on, the
source places of the kernel's addresses in them go before them, each once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cowcheck.machine.board.board import Board
from cowcheck.machine.interruption import held
from cowcheck.machine.native import address_of
from cowcheck.machine.record.event import BY, PC, WIDTH, EventKind
from cowcheck.machine.record.kernel import Kernel
from cowcheck.machine.record.observer import CAPACITY, OBSERVER
from cowcheck.machine.record.texts import shortened

Rows = np.ndarray[Any, np.dtype[np.int64]]
Sink = Callable[[Rows, Sequence[str]], None]
"""Takes rows, and the texts that they name by number; the rows are the sink's to keep."""


@dataclass(slots=True)
class EventBuffer:
    """Rows of one board and its kernel, and the record that the callbacks share with Python (:data:`OBSERVER`)."""

    board: Board
    kernel: Kernel
    sink: Sink
    record: Any = field(init=False)
    observer: Any = field(init=False)
    events: Rows = field(init=False)
    texts: list[str] = field(init=False, default_factory=list)
    told: set[int] = field(init=False, default_factory=set)
    printed: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.record = np.zeros(1, OBSERVER)
        self.observer = self.record[0]
        self.events = np.zeros((CAPACITY, WIDTH), np.int64)
        self.observer["events"] = address_of(self.events)

    def forget(self) -> None:
        """Forgets the texts and places that were passed on, and what was printed until now."""
        self.texts.clear()
        self.told.clear()
        self.printed = len(self.board.uart.printed)

    def tell(self, kind: EventKind, *values: int, hart: int | None = None, pc: int = 0, pid: int | None = None) -> None:
        """Adds one row from Python; ``pid`` is that of the hart's process where none is given."""
        self._make_room()
        observer, shared = self.observer, self.board.shared
        hart = int(shared["hart"]) if hart is None else hart
        slot = int(observer["hart_slot"][hart])
        row = int(observer["count"])
        self.events[row] = 0
        if pid is None:
            pid = int(observer["slot_pid"][slot]) if slot >= 0 else 0
        self.events[row, :5] = (kind, hart, pid, pc, int(shared["retired"]))
        self.events[row, 5 : 5 + len(values)] = [signed(value) for value in values]
        observer["count"] = row + 1

    def text(self, text: str) -> int:
        """The number of a text, for the next row that is told."""
        self._make_room()
        self.texts.append(shortened(text))
        return len(self.texts) - 1

    def _make_room(self) -> None:
        """Makes room for a row in a buffer that is full."""
        if int(self.observer["count"]) >= CAPACITY:
            self._pass_on()

    def drain(self) -> None:
        """Gives the sink what was recorded and what was printed."""
        self._console()
        self._pass_on()

    def _pass_on(self) -> None:
        """Gives the buffer to the sink, with the places that its rows name for the first time."""
        with held():
            self._pass_on_whole()

    def _pass_on_whole(self) -> None:
        count = int(self.observer["count"])
        rows = self.events[:count].copy()
        self.observer["count"] = 0
        for pc in np.unique(rows[:, (PC, BY)]):
            if int(pc) and int(pc) not in self.told:
                self.told.add(int(pc))
                self.tell(EventKind.PLACE, int(pc), self.text(self.kernel.place(int(pc))))
        places = self.events[: int(self.observer["count"])].copy()
        self.observer["count"] = 0
        texts = list(self.texts)
        self.texts.clear()
        self.sink(np.concatenate([places, rows]), texts)

    def _console(self) -> None:
        """Tells of the lines that were printed since."""
        printed = self.board.uart.printed
        while (end := printed.find(b"\n", self.printed)) >= 0:
            line = printed[self.printed : end].decode("utf-8", "backslashreplace").rstrip("\r")
            self.printed = end + 1
            self.tell(EventKind.CONSOLE, self.text(line))


def signed(value: int) -> int:
    """A register's value as the row's signed 64 bits."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
