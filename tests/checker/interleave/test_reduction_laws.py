"""On random programs: what the full tree of schedules meets, the searches that leave schedules out meet too."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cowcheck.checker.interleave.bounding import Bounding
from cowcheck.checker.interleave.dpor import DynamicReduction
from cowcheck.checker.interleave.strategy import Strategy
from tests.checker.interleave.fake import FakeMachine
from tests.checker.interleave.programs import random_machine
from tests.checker.interleave.shuffled import Shuffled

MOST_SCHEDULES = 1500
SEEDS = st.integers(0, 1 << 32)
QUICK = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def met(strategy: Strategy, machine: FakeMachine) -> set[str] | None:
    """What the search meets: values that harts saw and left, panics, deadlocks. None where the tree is too large."""
    found = set()
    for outcome in strategy.search(machine.run):
        found.add(outcome.execution.texts[0])
        if strategy.schedules > MOST_SCHEDULES:
            return None
    assert strategy.exhausted
    return found


@QUICK
@given(SEEDS)
def test_reduction_meets_what_the_full_tree_meets(seed: int) -> None:
    machine = random_machine(seed, panics=True)
    everything = met(Shuffled(machine.harts), machine)
    if everything is not None:
        assert met(DynamicReduction(machine.harts), machine) == everything


@QUICK
@given(SEEDS)
@example(320)  # a word that two harts share in one order only
@example(334)  # locks that are taken in both orders, in one schedule only
def test_pruning_loses_nothing_within_a_bound(seed: int) -> None:
    """Whatever is known of conflicts when the search begins: nothing, each time."""
    for bound in (0, 1, 2):
        machine = random_machine(seed)
        everything = met(Bounding(machine.harts, bound, prune=False), machine)
        pruned = met(Bounding(machine.harts, bound), random_machine(seed))
        assert everything is None or (pruned is not None and everything <= pruned)


@QUICK
@given(SEEDS)
def test_pruning_loses_nothing_without_a_bound(seed: int) -> None:
    machine = random_machine(seed)
    everything = met(Shuffled(machine.harts), machine)
    assert everything is None or met(Bounding(machine.harts, 100), machine) == everything


@QUICK
@given(SEEDS, st.integers(1, 1000))
def test_the_order_of_search_changes_nothing(seed: int, order: int) -> None:
    machine = random_machine(seed, panics=True)
    assert met(Shuffled(machine.harts, order), machine) == met(Bounding(machine.harts, 100, prune=False), machine)


@QUICK
@given(SEEDS)
def test_more_preemption_points_lose_nothing(seed: int) -> None:
    """Every word and every lock is a point."""
    few = random_machine(seed)
    programs = [", ".join(" ".join(operation) for operation in program) for program in few.programs]
    many = FakeMachine(*programs, hot="x y z L M")
    some, more = met(DynamicReduction(few.harts), few), met(DynamicReduction(many.harts), many)
    if some is not None and more is not None:
        assert some <= more
