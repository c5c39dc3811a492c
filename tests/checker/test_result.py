"""Results are plain values: they survive pickling and JSON, and the JSON is what its schema says."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from cowcheck.checker.coverage import unreached_lines
from cowcheck.checker.explore import Budget
from cowcheck.checker.job import Job, load, run
from cowcheck.checker.result import Coverage, Result, Verdict, document, from_document, setup_length
from cowcheck.model.errors import CowcheckError

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "results.schema.json").read_text("utf-8"))
JOBS = (
    Job("lab-plan", "two-stores"),
    Job("kref-lock", "two-stores"),
    Job("kmake-unique", "fault-no-frame"),
    Job("counter-in-trap", "store-text-alone"),
    Job("lab-plan", "two-stores", budget=Budget(states=100)),
    Job("lab-plan", "no-such-scenario"),
)


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [run(job) for job in JOBS]


@pytest.fixture(scope="module")
def values(results: list[Result]) -> Any:
    """The JSON document, as a program that reads the file has it."""
    design, _ = load(JOBS[0])
    coverage = Coverage(design.name, 2, unreached_lines(design, [results[0].reached]))
    assert coverage.unreached
    return json.loads(json.dumps(document(results, [coverage])))


def test_the_verdicts(results: list[Result]) -> None:
    verdicts = [result.verdict for result in results]
    assert verdicts == [
        Verdict.PASS, Verdict.FAIL, Verdict.FAIL, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR
    ]  # fmt: skip


def test_the_json_is_valid(values: Any) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(values)


@pytest.mark.parametrize(
    ("index", "verdict"), [(0, "fail"), (1, "pass"), (0, "error"), (4, "pass"), (1, "inconclusive")]
)
def test_the_schema_refuses_a_verdict_that_its_result_does_not_bear_out(values: Any, index: int, verdict: str) -> None:
    result = {**values["results"][index], "verdict": verdict}
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate({**values, "results": [result]})


@pytest.mark.parametrize("part", ["verdict", "subject", "stats", "violations"])
def test_the_schema_refuses_a_result_without_a_part(values: Any, part: str) -> None:
    result = {name: value for name, value in values["results"][0].items() if name != part}
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate({**values, "results": [result]})


def test_json_and_back_is_the_same(results: list[Result], values: Any) -> None:
    assert from_document(values) == results


def test_pickling_and_back_is_the_same(results: list[Result]) -> None:
    assert pickle.loads(pickle.dumps(results)) == results


@pytest.mark.parametrize("damage", [{"schema": "cowcheck/results/9"}, {"results": [{}]}, {"results": [3]}])
def test_other_json_is_refused(values: Any, damage: dict[str, Any]) -> None:
    with pytest.raises(CowcheckError):
        from_document({**values, **damage})


def test_a_step_has_what_the_documents_promise(values: Any) -> None:
    step = values["results"][1]["violations"][0]["steps"][-1]
    assert {"hart", "action", "source", "changes"} <= step.keys()
    assert step["source"].startswith("specs/designs/kref_lock.py:")
    assert any("refcnt 1 -> 0" in change for change in step["changes"])


def test_the_setup_comes_first_and_is_not_counted(results: list[Result]) -> None:
    violation = results[1].violations[0]
    skipped = setup_length(violation.steps)
    assert [step.setup for step in violation.steps] == [True] * skipped + [False] * (len(violation.steps) - skipped)
    assert 0 < violation.length == len(violation.steps) - skipped
    assert len(violation.schedule) == len(violation.steps) + len(violation.cycle)


def test_what_follows_from_a_violation_says_so(results: list[Result]) -> None:
    first, *others = results[2].violations
    assert (first.invariant, first.after, first.after_step) == ("mapping-in-ram", "", 0)
    assert {(other.after, other.after_step) for other in others} == {("mapping-in-ram", len(first.steps))}


def test_what_was_not_judged_is_told(results: list[Result]) -> None:
    assert results[0].not_checked == {}
    assert list(results[4].not_checked) == ["progress"]
    assert results[4].stats.stopped == "100 states"
    only = run(Job("kref-lock", "two-stores", invariants=("freed-once",)))
    assert only.verdict is Verdict.PASS
    assert only.not_checked["no-leak"] == "not asked for"
    assert "freed-once" not in only.not_checked
