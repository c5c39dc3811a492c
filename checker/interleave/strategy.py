"""What a strategy is: something that chooses the next schedule, given what came of those before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from cowcheck.machine.interleave.analysis import Analysis
from cowcheck.machine.interleave.execution import Execution
from cowcheck.machine.interleave.schedule import Schedule


class Outcome(NamedTuple):
    """One schedule that was run."""

    execution: Execution
    analysis: Analysis
    preemptions: int


Run = Callable[[Schedule], tuple[Execution, Analysis]]


class Strategy(Protocol):
    """A search through the schedules of one race."""

    schedules: int  # that were run
    pruned: int  # that were not, since they lead where others have led
    complete: int  # the greatest bound of which every schedule was run; -1 for none
    exhausted: bool  # nothing is left to run

    @property
    def left(self) -> int:
        """Schedules that are known, and still to be run; others may come of them."""
        ...

    def search(self, run: Run) -> Iterator[Outcome]:
        """Runs schedules, and gives each outcome; the search ends where nobody asks for the next."""
        ...


def preemptions(execution: Execution) -> int:
    """How often a hart was switched away from that could have gone on."""
    steps = execution.steps
    before = 0
    for at in range(1, len(steps)):
        last = int(steps["hart"][at - 1])
        before += int(steps["hart"][at]) != last and bool(int(steps["enabled"][at]) >> last & 1)
    return before


def changes_of_hart(harts: Sequence[int]) -> Schedule:
    """The schedule under which these harts make these steps."""
    return tuple((at, hart) for at, hart in enumerate(harts) if at == 0 or hart != harts[at - 1])
