"""Probabilistic concurrency testing: harts have priorities from a seed, and the highest that can goes on.

At ``depth`` - 1 steps, drawn too, the hart that is about to go on falls below all others. A bug that needs ``depth``
constraints on the order of n harts' k steps shows in one schedule with a probability of at least 1 / (n k^(depth - 1))
(Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized scheduler with probabilistic guarantees of finding bugs",
ASPLOS 2010). Which harts can go on before a step is known when a run has come there: so a schedule is run, and where it
departs from the priorities it is mended there and run again. What was run on the way is judged too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from cowcheck.checker.interleave.strategy import Outcome, Run, changes_of_hart, preemptions
from cowcheck.machine.interleave.schedule import Schedule

Step = tuple[int, int]
"""The hart that makes it, and the harts that could, as bits."""


@dataclass(slots=True)
class PriorityTesting:
    """The search, which ends after ``limit`` schedules, or as many draws. The same seed makes the same draws."""

    harts: int
    limit: int
    seed: int = 1
    depth: int = 3
    complete: int = -1
    schedules: int = 0
    pruned: int = 0  # schedules that had been run before
    exhausted: bool = False
    known: dict[Schedule, tuple[Step, ...]] = field(default_factory=dict)
    left: int = 0  # a sample has no rest

    def search(self, run: Run) -> Iterator[Outcome]:
        """Each execution."""
        random = Random(self.seed)
        longest = 1
        for _ in range(self.limit):
            order = random.sample(range(self.harts), self.harts)
            falls = {random.randrange(longest) for _ in range(self.depth - 1)}
            schedule: Schedule | None = ((0, order[0]),)
            while schedule is not None:
                if schedule not in self.known:
                    if self.schedules >= self.limit:
                        return
                    execution, analysis = run(schedule)
                    self.schedules += 1
                    steps = execution.steps
                    self.known[schedule] = tuple(zip(steps["hart"].tolist(), steps["enabled"].tolist(), strict=True))
                    longest = max(longest, len(steps))
                    yield Outcome(execution, analysis, preemptions(execution))
                else:
                    self.pruned += 1
                schedule = mended(schedule, self.known[schedule], order, falls)


def mended(schedule: Schedule, steps: Sequence[Step], order: Sequence[int], falls: set[int]) -> Schedule | None:
    """The schedule with one more switch, at the first step that the priorities would have had another hart make; None
    where there is none. ``order``: the harts, the one with the highest priority first."""
    order = list(order)
    for at, (hart, enabled) in enumerate(steps):
        if at in falls:
            falling = next(other for other in order if enabled >> other & 1)
            order.remove(falling)
            order.append(falling)
        due = next(other for other in order if enabled >> other & 1)
        if due != hart:
            if at <= schedule[-1][0]:
                return None  # the hart that was due could not go on after all
            return changes_of_hart([*(hart for hart, _ in steps[:at]), due])
    return None
