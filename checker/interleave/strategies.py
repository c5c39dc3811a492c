"""The strategies by name. One more is a file, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cowcheck.checker.interleave.bounding import Bounding
from cowcheck.checker.interleave.dpor import DynamicReduction
from cowcheck.checker.interleave.pct import PriorityTesting
from cowcheck.checker.interleave.random_walk import RandomWalk
from cowcheck.checker.interleave.strategy import Strategy


@dataclass(frozen=True, slots=True)
class Settings:
    """What strategies are told. ``bound``: of preemptions; ``schedules``: after how many one that draws ends."""

    bound: int = 2
    schedules: int = 1000
    seed: int = 1


STRATEGIES: dict[str, Callable[[int, Settings], Strategy]] = {
    "bounding": lambda harts, settings: Bounding(harts, settings.bound),
    "dpor": lambda harts, settings: DynamicReduction(harts),
    "pct": lambda harts, settings: PriorityTesting(harts, settings.schedules, settings.seed),
    "random": lambda harts, settings: RandomWalk(harts, settings.schedules, settings.seed),
}
"""Each makes the search of one race, given the number of harts."""
