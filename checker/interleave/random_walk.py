"""A random walk: before each step, a hart is drawn. It covers nothing for certain, and goes through anything.

The draws of one schedule are made before it is run; where the hart that was drawn cannot go on, the one that did goes
on, or the next that can. The schedule that is told is what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

from cowcheck.checker.interleave.strategy import Outcome, Run, changes_of_hart, preemptions
from cowcheck.machine.interleave.schedule import Schedule

STEPS_AHEAD = 8  # more than the longest schedule yet has: the next one may be longer


@dataclass(slots=True)
class RandomWalk:
    """The search, which ends after ``limit`` schedules. The same seed makes the same draws."""

    harts: int
    limit: int
    seed: int = 1
    complete: int = -1
    schedules: int = 0
    pruned: int = 0  # schedules that had been run before
    exhausted: bool = False
    seen: set[Schedule] = field(default_factory=set)
    left: int = 0  # a sample has no rest

    def search(self, run: Run) -> Iterator[Outcome]:
        """Each execution that is not like one before."""
        random = Random(self.seed)
        longest = 0
        while self.schedules < self.limit:
            draws = [random.randrange(self.harts) for _ in range(longest + STEPS_AHEAD)]
            execution, analysis = run(tuple(enumerate(draws)))
            self.schedules += 1
            longest = max(longest, len(execution.steps))
            schedule = changes_of_hart(execution.steps["hart"].tolist())
            if schedule in self.seen:
                self.pruned += 1
                continue
            self.seen.add(schedule)
            yield Outcome(replace(execution, switches=schedule), analysis, preemptions(execution))
