"""A path is told only where it leads, step by step, to the violation that it is said to lead to."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from cowcheck.checker.catalogue import shipped_design
from cowcheck.checker.job import Job, load, run
from cowcheck.checker.result import Result
from cowcheck.checker.retrace import Claim, Unlike, retrace
from cowcheck.model.errors import CowcheckError
from cowcheck.model.system import Action

LOST = Job("kref-lock", "two-stores")
FOR_EVER = Job("counter-in-trap", "store-text-alone")
AND_SO = Job("kmake-unique", "fault-no-frame")

explored = cache(run)


def claim(result: Result, number: int = 0) -> Claim:
    violation = result.violations[number]
    steps = len(violation.steps)
    schedule = violation.schedule
    return Claim(violation.invariant, schedule[:steps], schedule[steps:], violation.after)


@pytest.mark.parametrize("oracle", [False, True])
@pytest.mark.parametrize("job", [LOST, FOR_EVER, AND_SO], ids=lambda job: str(job.design))
def test_a_violation_is_the_same_again(job: Job, oracle: bool) -> None:
    result = explored(job)
    for number, violation in enumerate(result.violations):
        assert retrace(*load(job), claim(result, number), oracle=oracle).violation == violation


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda it: it._replace(path=it.path[:-1]), "does not break no-leak"),
        (lambda it: it._replace(path=()), "no steps"),
        (lambda it: it._replace(path=(*it.path, it.path[-1])), "already"),
        (lambda it: it._replace(invariant="freed-once"), "does not break freed-once"),
        (lambda it: it._replace(after="freed-once"), "freed-once, which it is said to follow from, holds"),
        (lambda it: it._replace(cycle=it.path[-1:]), "has a cycle"),
        (lambda it: it._replace(invariant="progress"), "not end in a state that is stuck"),
    ],
)
def test_a_claim_that_is_not_borne_out_is_refused(change: object, words: str) -> None:
    assert callable(change)
    with pytest.raises(Unlike, match=words):
        retrace(*load(LOST), change(claim(explored(LOST))))


def test_a_cycle_must_come_back() -> None:
    right = claim(explored(FOR_EVER))
    assert len(right.cycle) > 1
    with pytest.raises(Unlike, match="do not lead back"):
        retrace(*load(FOR_EVER), right._replace(cycle=right.cycle[:-1]))


@pytest.mark.parametrize("action", [Action(8), Action(3, True), Action(1)])
def test_an_action_that_is_not_enabled_is_refused(action: Action) -> None:
    right = claim(explored(LOST))
    with pytest.raises(CowcheckError, match="cannot run here"):
        retrace(*load(LOST), right._replace(path=(*right.path[:-1], action)))


@pytest.mark.parametrize("offset", [-1, 0])
def test_a_count_with_an_offset_is_told_as_it_is_stored(tmp_path: Path, offset: int) -> None:
    """The rows show what the array holds; the sentence speaks of the count that it stands for."""
    path = tmp_path / "off.py"
    text = shipped_design("lab-plan").linked.unit.text
    changed = text.replace('count="kmem.refcnt"', f'count="kmem.refcnt", count_offset={offset}')
    assert changed != text
    path.write_text(changed, "utf-8")
    violations = run(Job(str(path), "two-stores", keep_going=False)).violations
    if offset:
        assert violations[0].message.endswith("(kmem.refcnt is 1, which stands for 2.)")
    else:
        assert not violations
