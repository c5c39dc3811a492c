"""Whether a fork was seen that finds memory exhausted when ``uvmcopy`` has mapped some of the child's pages.

It shows in the events, whatever the kernel's functions are called: within one path of a process, pages of another
process are mapped, which is the child's, and then an allocation fails. What comes after is the error path of
``uvmcopy``, and a check in which that was never reached has not checked it.
"""

from __future__ import annotations

from collections.abc import Sequence

from cowcheck.checker.check.consumer import Consumer
from cowcheck.machine.record.event import KIND, PID, A, C, D, EventKind
from cowcheck.machine.record.recorder import Rows

NOT_SEEN = (
    "not checked: what fork undoes where memory runs out after it has mapped some of the child's pages, because no "
    "fork was seen that came to that"
)


class HalfWay:
    """Passes a recording on, and looks for such a fork."""

    def __init__(self, consumer: Consumer) -> None:
        self.seen = False
        self._consumer = consumer
        self._forking: set[int] = set()  # processes in whose path pages of another one were mapped

    def begin(self, name: str) -> None:
        """A run starts."""
        self._forking.clear()
        self._consumer.begin(name)

    def take(self, rows: Rows, texts: Sequence[str]) -> None:
        """Events."""
        if not self.seen:
            self._look(rows)
        self._consumer.take(rows, texts)

    def _look(self, rows: Rows) -> None:
        kind = rows[:, KIND]
        mapped = (kind == EventKind.PTE) & (rows[:, A] != rows[:, PID]) & (rows[:, C] == 0) & (rows[:, D] != 0)
        failed = (kind == EventKind.ALLOC) & (rows[:, A] == 0)
        for what, pid in rows[mapped | failed | (kind == EventKind.TRAP)][:, [KIND, PID]].tolist():
            match what:
                case EventKind.TRAP:
                    self._forking.discard(pid)
                case EventKind.PTE:
                    self._forking.add(pid)
                case _:
                    self.seen |= pid in self._forking
