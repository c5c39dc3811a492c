"""On the test kernel, right and with bugs: no search finds what another does not, where both go through the tree."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cowcheck.checker.interleave.bounding import Bounding
from cowcheck.checker.interleave.dpor import DynamicReduction
from cowcheck.checker.interleave.explorer import Explorer
from cowcheck.checker.interleave.strategies import STRATEGIES, Settings
from cowcheck.checker.interleave.strategy import Outcome, Run, Strategy
from cowcheck.specs.races import Race
from tests.checker.interleave.shuffled import Shuffled

RACES = (Race(("shrink", "shrink")), Race(("store", "shrink")), Race(("store", "store")))
LOST, FREED = "no-leak", "no-free-frame-mapped"
KERNELS: dict[str, tuple[str, ...]] = {
    "": (),
    "VARIANT_LOCK_PER_FRAME": (),
    "BUG_COUNT_TESTED_AFTER_RELEASE": (FREED,),
    "BUG_NO_LOCK": (LOST,),
    "BUG_CHECK_THEN_ACT": (LOST,),
    "BUG_COPIED_AFTER_DROP": ("isolation",),
}
"""Kernels, and what is wrong with them in some of the races."""


def found(explorer: Explorer, race: Race, new: Callable[[int], Strategy], everything: bool = False) -> set[str]:
    """The invariants that are broken, by a search that comes to its end."""
    explorer.new_strategy, explorer.everything = new, everything
    result = explorer.explore(race)
    assert not result.problem
    assert result.exhausted
    return {finding.finding.invariant for finding in result.findings}


def explorer_with(explorer_alone: Callable[..., Explorer], flag: str) -> Explorer:
    return explorer_alone(*[flag] if flag else [])


@pytest.mark.parametrize("flag", list(KERNELS))
def test_every_search_comes_to_one_verdict(explorer_alone: Callable[..., Explorer], flag: str) -> None:
    """The full tree in two orders, pruned to what may differ, and reduced by what commutes."""
    explorer = explorer_with(explorer_alone, flag)
    met: set[str] = set()
    for race in RACES:
        everything = found(explorer, race, lambda harts: Bounding(harts, 100, prune=False))
        if race in RACES[:2]:
            assert found(explorer, race, lambda harts: Shuffled(harts, seed=1)) == everything
        assert found(explorer, race, lambda harts: Bounding(harts, 100)) == everything
        assert found(explorer, race, DynamicReduction) == everything
        met |= everything
    assert met == set(KERNELS[flag])


@pytest.mark.parametrize("flag", list(KERNELS))
def test_more_preemption_points_lose_no_bug(explorer_alone: Callable[..., Explorer], flag: str) -> None:
    """Every word that two harts touch, and the giving back of locks."""
    explorer = explorer_with(explorer_alone, flag)
    for race in RACES[:2]:
        assert found(explorer, race, DynamicReduction) <= found(explorer, race, DynamicReduction, everything=True)


@pytest.mark.parametrize("name", ["pct", "random"])
def test_what_draws_finds_a_bug_that_shows_often(explorer_alone: Callable[..., Explorer], name: str) -> None:
    explorer = explorer_with(explorer_alone, "BUG_NO_LOCK")
    explorer.new_strategy = lambda harts: STRATEGIES[name](harts, Settings(schedules=60, seed=2))
    result = explorer.explore(RACES[0])
    assert {finding.finding.invariant for finding in result.findings} == {LOST}
    assert (result.complete, result.exhausted) == (-1, False)


class Twice:
    """Bounding, that runs every schedule once more when all are run, in the opposite order."""

    def __init__(self, harts: int) -> None:
        self.inner, self.run = Bounding(harts, 2), 0
        self.complete, self.schedules, self.pruned, self.exhausted, self.left = -1, 0, 0, False, 0
        self.states: list[object] = []

    def search(self, run: Run) -> object:
        """Each execution of the first time."""
        outcomes: list[Outcome] = []
        for outcome in self.inner.search(run):
            outcomes.append(outcome)
            yield outcome
        for outcome in reversed(outcomes):
            again, analysis = run(outcome.execution.switches)
            assert again.rows.tolist() == outcome.execution.rows.tolist()
            assert again.steps.tolist() == outcome.execution.steps.tolist()
            assert again.log.tolist() == outcome.execution.log.tolist()
            assert (analysis.signatures == outcome.analysis.signatures).all()
        self.exhausted = True


@pytest.mark.parametrize("flag", ["", "BUG_COUNT_TESTED_AFTER_RELEASE"])
def test_a_schedule_leads_to_the_same_events_again(explorer_alone: Callable[..., Explorer], flag: str) -> None:
    explorer = explorer_with(explorer_alone, flag)
    for race in RACES:
        found(explorer, race, Twice)  # type: ignore[arg-type]


def test_a_schedule_leads_to_the_same_state_again(explorer_alone: Callable[..., Explorer]) -> None:
    """Whatever was run in between; the digests of a lost update and of a right end differ."""
    explorer = explorer_with(explorer_alone, "BUG_NO_LOCK")
    found(explorer, RACES[0], DynamicReduction)
    interleaver = explorer.at(2)

    def state(*schedule: tuple[int, int]) -> int:
        interleaver.run(schedule)
        return interleaver.digest()

    right, lost = state((0, 0)), state((0, 0), (2, 1))
    assert right != lost
    assert [state((0, 1)), state((0, 0), (2, 1)), state((0, 0))] == [right, lost, right]


def test_a_hart_that_is_stopped_before_a_store_has_not_made_it(explorer_alone: Callable[..., Explorer]) -> None:
    """And does nothing twice: each hart makes the steps that it makes alone, whenever it is stopped."""
    explorer = explorer_with(explorer_alone, "BUG_NO_LOCK")
    found(explorer, RACES[0], DynamicReduction)
    interleaver = explorer.at(2)
    alone = interleaver.run(((0, 0),))
    kinds = [[int(step["kind"]) for step in alone.steps if step["hart"] == hart] for hart in (0, 1)]
    for at in range(1, len(kinds[0])):
        stopped = interleaver.run(((0, 0), (at, 1)))
        assert [[int(step["kind"]) for step in stopped.steps if step["hart"] == hart] for hart in (0, 1)] == kinds
