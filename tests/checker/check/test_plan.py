"""Which workloads a check runs, and on how many harts."""

from __future__ import annotations

import pytest

from cowcheck.checker.catalogue import scenarios
from cowcheck.checker.check.plan import Plan, all_workloads, plan
from cowcheck.model.errors import CowcheckError


def test_without_a_name_everything_runs() -> None:
    """Every scenario, and the sweeps over every address and every allocation; those on one hart first."""
    steps = plan((), None).steps
    names = [workload.name for workload, _ in steps]
    assert sorted(names) == sorted(workload.name for workload in all_workloads())
    assert {*scenarios(), "addresses", "allocations"} <= set(names)
    assert len(names) == len(set(names))
    assert [harts for _, harts in steps] == sorted(workload.harts for workload, _ in steps)


def test_named_workloads_run_once() -> None:
    chosen = plan(("two-stores", "store-exit", "two-stores"), None)
    assert {(workload.name, harts) for workload, harts in chosen.steps} == {("two-stores", 2), ("store-exit", 2)}
    assert len(chosen.steps) == 2


def test_the_number_of_harts() -> None:
    assert plan(("two-stores", "three-children"), None).harts == 3
    assert {harts for _, harts in plan((), 5).steps} == {5}
    assert Plan(()).harts == 1


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(CowcheckError, match=r"unknown workload 'tow-stores'; known: .*two-stores"):
        plan(("tow-stores",), None)
