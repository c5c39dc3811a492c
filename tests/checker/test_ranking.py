"""Causes before consequences, then the shortest; the worst verdict of several."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cowcheck.checker.job import Job, run
from cowcheck.checker.ranking import ranked, worst
from cowcheck.checker.result import Result, Verdict, Violation


@pytest.fixture(scope="module")
def base() -> Result:
    return run(Job("kref-lock", "two-stores"))


def violation(base: Result, invariant: str, length: int, after: str = "") -> Violation:
    (found,) = base.violations
    setup = len(found.steps) - found.length
    return replace(found, invariant=invariant, steps=found.steps[: setup + length], after=after)


def test_a_consequence_is_never_the_finding(base: Result) -> None:
    """Be it the shorter one, and be its invariant stated first."""
    results = [
        replace(base, violations=(violation(base, "no-leak", 4, "freed-once"), violation(base, "progress", 9))),
        replace(base, violations=(violation(base, "no-leak", 9), violation(base, "freed-once", 3, "progress"))),
        replace(base, violations=(violation(base, "no-leak", 8),)),
    ]
    found = ranked(results)
    assert list(found) == ["no-leak", "progress", "freed-once"]
    assert [(it.number, it.violation.length) for it in found["no-leak"]] == [(2, 8), (1, 9), (0, 4)]
    assert all(it.result is results[it.number] for places in found.values() for it in places)


def test_the_worst_verdict(base: Result) -> None:
    every = [replace(base, verdict=verdict) for verdict in Verdict]
    order = (Verdict.ERROR, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
    for number, verdict in enumerate(order):
        assert worst(item for item in every if item.verdict in order[number:]) is verdict
