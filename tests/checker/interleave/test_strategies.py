"""Strategies on a machine of a few words, where the number of schedules is known."""

from __future__ import annotations

from math import comb

import pytest

from cowcheck.checker.interleave.bounding import Bounding
from cowcheck.checker.interleave.dpor import DynamicReduction
from cowcheck.checker.interleave.pct import PriorityTesting, mended
from cowcheck.checker.interleave.random_walk import RandomWalk
from cowcheck.checker.interleave.strategies import STRATEGIES, Settings
from cowcheck.checker.interleave.strategy import Strategy, changes_of_hart
from tests.checker.interleave.fake import FakeMachine
from tests.checker.interleave.shuffled import Shuffled

INDEPENDENT = ("store x, store x", "store y, store y, store y"), "x y"
DEPENDENT = ("store x, store x", "store x, store x, store x"), "x"
READERS = ("load x, load x", "load x, load x, load x"), "x"
LOCKED = ("take L, load x, store x, give L", "take L, load x, store x, give L"), "L"
LOOKS = ("store x, load x, store x, load x", "load x, store x, load x"), "x"
DEADLOCK = ("take L, take M, give M, give L", "take M, take L, give L, give M"), "L M"


def search(strategy: Strategy, machine: FakeMachine) -> list[str]:
    """What came of each schedule, in their order."""
    return [outcome.execution.texts[0] for outcome in strategy.search(machine.run)]


def machine_of(what: tuple[tuple[str, ...], str]) -> FakeMachine:
    return FakeMachine(*what[0], hot=what[1])


@pytest.mark.parametrize("what", [INDEPENDENT, DEPENDENT, READERS])
def test_the_full_tree_has_every_order_of_steps(what: tuple[tuple[str, ...], str]) -> None:
    """Three steps and four, for each hart's first one does nothing."""
    machine = machine_of(what)
    bounding = Bounding(2, 20, prune=False)
    search(bounding, machine)
    assert bounding.schedules == machine.runs == comb(7, 3)
    search(Shuffled(2, seed=3), machine)
    assert machine.runs == 2 * comb(7, 3)


@pytest.mark.parametrize(
    ("what", "schedules"),
    [(INDEPENDENT, 1), (DEPENDENT, comb(5, 2)), (READERS, 1), (LOCKED, 2), (DEADLOCK, 3)],
)
def test_reduction_runs_one_schedule_of_those_that_commute(what: tuple[tuple[str, ...], str], schedules: int) -> None:
    """Two locks taken crosswise: either hart has both first, or each has one."""
    machine = machine_of(what)
    reduction = DynamicReduction(2)
    met = search(reduction, machine)
    assert reduction.schedules == machine.runs == len(met)
    assert reduction.schedules == schedules
    assert reduction.exhausted
    assert reduction.complete >= 4


def test_what_cannot_race_is_not_run_for_three_harts() -> None:
    """Two stores to one word, and a third hart that stores to another: two orders."""
    machine = FakeMachine("store x", "store x", "store y", hot="x y")
    reduction = DynamicReduction(3)
    assert len(search(reduction, machine)) == 2


def test_a_deadlock_is_met_by_reduction_and_by_two_bounds() -> None:
    machine = machine_of(DEADLOCK)
    for strategy in (DynamicReduction(2), Bounding(2, 1), Bounding(2, 1, prune=False)):
        waits = [outcome.execution.waiting for outcome in strategy.search(machine.run)]
        assert sum(len(harts) == 2 for harts in waits) >= 1
    assert not any(outcome.execution.waiting for outcome in Bounding(2, 0).search(machine.run))


def test_a_search_that_is_not_finished_claims_nothing() -> None:
    for strategy in (DynamicReduction(2), Bounding(2, 3)):
        outcomes = strategy.search(machine_of(DEPENDENT).run)
        for _ in range(3):
            next(outcomes)
        assert not strategy.exhausted
    assert DynamicReduction(2).complete == -1


def test_bounds_are_gone_through_one_after_the_other() -> None:
    bounding = Bounding(2, 2, prune=False)
    costs = [outcome.preemptions for outcome in bounding.search(machine_of(DEPENDENT).run)]
    assert costs == sorted(costs)
    assert (costs.count(0), costs.count(1)) == (2, 2 + 3)
    assert bounding.complete == 2


@pytest.mark.parametrize("name", ["pct", "random"])
def test_what_draws_ends_at_its_number_and_never_claims_to_be_complete(name: str) -> None:
    machine = machine_of(LOOKS)
    strategy = STRATEGIES[name](2, Settings(schedules=30, seed=7))
    met = search(strategy, machine)
    assert machine.runs == strategy.schedules <= 30
    assert (strategy.complete, strategy.exhausted) == (-1, False)
    assert len(set(met)) > 5, "it goes about"


@pytest.mark.parametrize("name", ["pct", "random"])
def test_a_seed_decides_every_draw(name: str) -> None:
    def schedules(seed: int) -> list[object]:
        strategy = STRATEGIES[name](2, Settings(schedules=20, seed=seed))
        return [outcome.execution.switches for outcome in strategy.search(machine_of(LOOKS).run)]

    assert schedules(4) == schedules(4)
    assert schedules(4) != schedules(5)


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_schedule_that_is_told_leads_to_what_was_told(name: str) -> None:
    """Also where switches were drawn to harts that could not go on."""
    machine = FakeMachine(
        "take L, store x, load y, give L, store y", "take L, store y, give L, load x", "load y, store x", hot="L x y"
    )
    strategy = STRATEGIES[name](3, Settings(schedules=60))
    for outcome in strategy.search(machine.run):
        again, _ = machine.run(outcome.execution.switches)
        assert again.texts == outcome.execution.texts
        assert again.steps.tolist() == outcome.execution.steps.tolist()


def test_priorities_are_kept_but_where_they_fall() -> None:
    """A hart that waits for a lock goes on as soon as it is free, if its priority is the higher."""
    machine = FakeMachine("take L, store x, give L, store y", "take L, store x, give L, store y", hot="L x y")
    execution, _ = machine.run(((0, 0), (2, 1)))
    steps = list(zip(execution.steps["hart"].tolist(), execution.steps["enabled"].tolist(), strict=True))
    assert [hart for hart, _ in steps] == [0, 0, 1, 0, 0, 1, 1, 1], "hart 1 waits, and hart 0 goes on to its end"
    assert mended(((0, 0),), [(0, 3), (0, 3)], [1, 0], set()) is None, "hart 1 was due at once, and could not"
    assert mended(((0, 0), (2, 1)), steps, [0, 1], {2}) == ((0, 0), (2, 1), (3, 0), (4, 1))
    assert mended(((0, 0),), [(0, 3), (0, 3), (1, 2)], [0, 1], set()) is None, "as the priorities have it"


def test_every_order_of_few_steps_is_drawn_in_time() -> None:
    machine = machine_of(LOOKS)
    everything = set(search(Bounding(2, 20, prune=False), machine))
    assert set(search(RandomWalk(2, 600), machine)) == everything
    assert set(search(PriorityTesting(2, 600, depth=4), machine)) == everything


def test_a_schedule_is_the_changes_of_hart() -> None:
    assert changes_of_hart([1, 1, 0, 0, 2, 1]) == ((0, 1), (2, 0), (4, 2), (5, 1))
    assert changes_of_hart([]) == ()
