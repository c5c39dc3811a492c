"""The full tree of schedules, in an order that is drawn: no bound, nothing left out."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from cowcheck.checker.interleave.strategy import Outcome, Run, changes_of_hart, preemptions
from cowcheck.machine.interleave.schedule import Schedule


class Shuffled:
    """A search that runs every sequence of harts once. ``seed`` 0: depth first, with no drawing."""

    def __init__(self, harts: int, seed: int = 0) -> None:
        self.harts, self.random = harts, Random(seed) if seed else None
        self.complete, self.schedules, self.pruned, self.exhausted, self.left = -1, 0, 0, False, 0

    def search(self, run: Run) -> Iterator[Outcome]:
        """Each execution."""
        waiting: list[Schedule] = [((0, hart),) for hart in range(self.harts)]
        while waiting:
            schedule = waiting.pop(self.random.randrange(len(waiting)) if self.random else -1)
            execution, analysis = run(schedule)
            self.schedules += 1
            yield Outcome(execution, analysis, preemptions(execution))
            harts, enabled = execution.steps["hart"].tolist(), execution.steps["enabled"].tolist()
            assert changes_of_hart(harts)[: len(schedule)] == schedule, "what can go on must go on"
            for at in range(schedule[-1][0] + 1, len(harts)):
                for hart in range(self.harts):
                    if hart != harts[at] and enabled[at] >> hart & 1:
                        waiting.append(changes_of_hart([*harts[:at], hart]))
        self.exhausted = True
