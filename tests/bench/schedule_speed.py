"""How many schedules of a kernel's own code a second are run, analysed and judged, as in a check."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from cowcheck.checker.check.subject import open_kernel
from cowcheck.checker.interleave.explorer import Budget, Explorer
from cowcheck.checker.interleave.random_walk import RandomWalk
from cowcheck.checker.interleave.strategy import Outcome, Run
from cowcheck.model.errors import CowcheckError
from cowcheck.specs.races import Race
from tests.kernels.build import build, can_build

SCHEDULES = 2_000
PATHS = (
    (Race(("store", "store")), "two store faults: trap entry, handler, return"),
    (Race(("fork", "fork")), "two forks: system call, uvmcopy, return"),
    (Race(("shrink", "shrink")), "two frames given back: system call, uvmdealloc, kfree, return"),
)


class Rate(NamedTuple):
    """One race of one kernel."""

    kernel: str
    path: str
    schedules: int
    accesses: float  # logged in a schedule, in the mean
    seconds: float  # of CPU

    @property
    def a_second(self) -> float:
        return self.schedules / self.seconds


@dataclass(slots=True)
class _Timed(RandomWalk):
    """A random walk that yields every execution, and notes when it began and ended."""

    spent: list[float] = field(default_factory=list)
    accesses: int = 0

    def search(self, run: Run) -> Iterator[Outcome]:
        """So many schedules, one after the other; the first hundred find the points and warm everything up."""
        began = 0.0
        for number in range(SCHEDULES + 100):
            if number == 100:
                began, self.accesses = time.process_time(), 0
            draws = tuple((at, number >> (at % 13) & 1) for at in range(0, 52, 1 + number % 3))
            execution, analysis = run(draws)
            self.accesses += len(execution.log)
            yield Outcome(execution, analysis, 0)
        self.spent.append(time.process_time() - began)


def measure_schedules(tree: str) -> tuple[tuple[Rate, ...], str]:
    """The rates, and why there are none."""
    named = [(str(build()), "the test kernel")] if can_build() else []
    if tree:
        named.append((tree, "the xv6 tree"))
    rates: list[Rate] = []
    problem = "" if named else "there is no kernel: ziglang is not installed, and COWCHECK_XV6 names no tree"
    for path, name in named:
        try:
            rates += _rates(path, name)
        except CowcheckError as error:
            problem = f"{name}: {error}"
    return tuple(rates), problem


def _same(strategy: _Timed, harts: int) -> _Timed:
    return strategy


def _rates(path: str, name: str) -> Iterator[Rate]:
    submission = open_kernel(path)
    for race, what in PATHS:
        timed = _Timed(len(race.operations), SCHEDULES)
        explorer = Explorer(submission, partial(_same, timed), Budget(1 << 40, 1 << 60), sequels=False)
        explorer.explore(race)
        yield Rate(name, what, SCHEDULES, timed.accesses / SCHEDULES, timed.spent[-1])
