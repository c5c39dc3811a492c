"""Which steps are left out after those that stopped the kernel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cowcheck.checker.check.plan import plan
from cowcheck.checker.check.skipping import MOST_OF_A_KIND, MOST_RUNS, Skipping
from cowcheck.machine.program.workload import Step, Workload


def workload_of(kinds: str) -> Workload:
    """Steps of these kinds, a letter each."""
    steps = tuple(Step(number, f"step {number}", kind) for number, kind in enumerate(kinds))
    return replace(plan(("addresses",), None).steps[0][0], steps=steps)


def test_what_came_before_is_not_run_again() -> None:
    skipping = Skipping(workload_of("abcd"), ())
    assert skipping.stopped(1)
    assert [step.number for step in skipping.left] == [2, 3]
    assert skipping.reasons() == []


def test_of_a_kind_two_stop_the_kernel_and_the_others_are_spared() -> None:
    skipping = Skipping(workload_of("abababab"), ())
    assert skipping.stopped(0)
    assert skipping.stopped(2)
    assert [step.kind for step in skipping.left] == ["b", "b", "b"]
    (reason,) = skipping.reasons()
    assert reason.startswith(f"2 steps were not run, of kinds of which {MOST_OF_A_KIND} had stopped the kernel: a;")


def test_a_kernel_that_stops_in_every_kind_is_left_alone_in_the_end() -> None:
    skipping = Skipping(workload_of("".join(chr(0x100 + number) for number in range(MOST_RUNS + 5))), ())
    for number in range(MOST_RUNS - 1):
        assert skipping.stopped(number)
    assert not skipping.stopped(MOST_RUNS - 1)
    assert skipping.reasons() == [f"5 steps were not run: {MOST_RUNS} had stopped the kernel; mend those first"]


@pytest.mark.parametrize("number", [None, 1])
def test_without_a_step_that_is_to_blame_there_is_no_other_run(number: int | None) -> None:
    """The kernel stopped before the first, or in one that was to be skipped."""
    assert not Skipping(workload_of("abc"), (1,)).stopped(number)


def test_the_last_step_is_the_last() -> None:
    skipping = Skipping(workload_of("ab"), ())
    assert not skipping.stopped(1)
    assert skipping.reasons() == []
