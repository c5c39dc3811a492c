"""Gradescope's results: always valid, and no points for what was not checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from cowcheck.checker.formats.case import Case, Fault, Group, Report, Status
from cowcheck.checker.formats.gradescope import Points, gradescope
from cowcheck.checker.formats.reading import report_of
from cowcheck.specs.invariants import INVARIANTS
from tests.checker.formats.hostile import harmless, reports

TEST = {
    "type": "object",
    "required": ["name", "score", "max_score", "status", "output", "number"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "score": {"type": "number", "minimum": 0},
        "max_score": {"type": "number", "minimum": 0},
        "status": {"enum": ["passed", "failed"]},
        "output": {"type": "string"},
        "number": {"type": "string"},
    },
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "required": ["score", "tests"],
    "properties": {
        "score": {"type": "number", "minimum": 0},
        "output": {"type": "string"},
        "output_format": {"enum": ["text"]},
        "test_output_format": {"enum": ["text"]},
        "test_name_format": {"enum": ["text"]},
        "visibility": {"enum": ["visible"]},
        "stdout_visibility": {"enum": ["hidden"]},
        "tests": {"type": "array", "items": TEST},
    },
    "additionalProperties": False,
}
"""What Gradescope's documentation of results.json allows, as far as it is used here; every text is plain."""

POINTS: Points = {
    **{(Group.INVARIANTS, item.name): 4.0 for item in INVARIANTS},
    **{(Group.WORKLOADS, name): 1.0 for name in ("two-stores", "fault-no-frame")},
    **{(Group.RACES, name): 2.5 for name in ("store+store", "store+exit")},
}


def graded(report: Report, points: Points = POINTS) -> dict[str, Any]:
    values = json.loads(gradescope(report, points))
    jsonschema.validate(values, SCHEMA)
    assert values["score"] == pytest.approx(sum(test["score"] for test in values["tests"]))
    return {test["name"]: test for test in values["tests"]} | {"all": values}


def test_a_right_kernel_has_all_points(recorded: Callable[[str], Report]) -> None:
    assert graded(recorded("right"))["all"]["score"] == 4 * len(INVARIANTS) + 2 + 5


def test_a_violation_costs_its_points_and_is_told(
    recorded: Callable[[str], Report], golden: Callable[[str, str], None]
) -> None:
    golden("formats-gradescope-races.json", gradescope(recorded("races"), POINTS))
    told = graded(recorded("races"))
    assert told["all"]["score"] == 4 * len(INVARIANTS) + 2 + 5 - 4 - 2.5
    assert (told["race store+store"]["score"], told["race store+exit"]["score"]) == (0, 2.5)
    assert "kref_put (kernel/kref.c:89)" in told["invariant no-leak"]["output"]


def test_what_was_not_checked_gives_no_points(recorded: Callable[[str], Report]) -> None:
    told = graded(recorded("panic"))
    (name,) = {
        case.name for suite in recorded("panic").suites for case in suite.cases if case.status is Status.NOT_CHECKED
    }
    assert told[f"invariant {name}"]["score"] == 0
    assert "Not checked: " in told[f"invariant {name}"]["output"]
    more = graded(recorded("right"), {(Group.RACES, "read+read"): 3.0})
    assert more["race read+read"]["score"] == 0
    assert "did not run it" in more["race read+read"]["output"]


def test_what_holds_in_half_of_the_runs_gives_half_of_the_points(recorded: Callable[[str], Report]) -> None:
    """The second of its two workloads panics: `holds` was judged until then."""
    told = graded(recorded("panic"))
    assert told["invariant no-leak"]["score"] == 2.0
    assert "50%" in told["invariant no-leak"]["output"]
    assert told["invariant kernel-survives"]["score"] == 0
    assert (told["workload two-stores"]["score"], told["workload fault-no-frame"]["score"]) == (1, 0)


@pytest.mark.parametrize("ending", ["", "budget", "damaged", "hang", "broken", "panic"])
def test_a_workload_that_did_not_end_gives_no_points(ending: str, document: Callable[[str], Any]) -> None:
    values = document("right")
    values["results"][0]["runs"][0]["ending"] = ending
    told = graded(report_of(values))
    assert told["workload two-stores"]["score"] == 0
    assert told["invariant no-leak"]["score"] == 2.0


def test_workloads_that_were_left_out_count_as_not_run(document: Callable[[str], Any]) -> None:
    values = document("right")
    values["results"][0]["runs"].append(
        {"name": "6 more workloads", "events": 1, "ending": "budget", "text": "they were not run", "violated": []}
    )
    assert graded(report_of(values))["invariant no-leak"]["score"] == 1.0


def test_a_violation_that_no_finding_tells_of_costs_the_workloads_points(document: Callable[[str], Any]) -> None:
    """Each cause is told once, of the first run that shows it; the others show it all the same."""
    values = document("right")
    values["results"][0]["runs"][0]["violated"] = ["no-leak"]
    assert graded(report_of(values))["workload two-stores"]["score"] == 0


def test_a_race_that_was_begun_gives_a_part(document: Callable[[str], Any]) -> None:
    values = document("right")
    values["results"][0]["races"][0].update(schedules=30, left=10, complete=0, exhausted=False)
    values["results"][0]["races"][1].update(problem="its processes never met", schedules=0)
    told = graded(report_of(values))
    assert told["race store+store"]["score"] == 1.87  # three quarters, rounded down
    assert told["race store+exit"]["score"] == 0


@pytest.mark.parametrize("kind", ["input", "signal", "internal", "unfinished"])
def test_a_fault_gives_no_points_and_is_told(kind: str) -> None:
    told = graded(Report("check", fault=Fault(kind, "the reason")))
    assert told["all"]["score"] == 0
    assert len(told["all"]["tests"]) == len(POINTS)
    assert "the reason" in told["all"]["output"]
    assert all("the reason" in test["output"] for test in told["all"]["tests"])


def test_a_score_is_never_rounded_up_to_full_marks(recorded: Callable[[str], Report]) -> None:
    (suite,) = recorded("right").suites
    case = Case(Group.RACES, "store+store", Status.PASSED, part=0.99999)
    report = Report("check", (replace(suite, cases=(case,)),))
    told = graded(report, {(Group.RACES, "store+store"): 100.0})["race store+store"]
    assert told["score"] == 99.99
    assert told["status"] == "failed"


@given(reports)
def test_no_text_harms_it(report: Report) -> None:
    cases = [case for suite in report.suites for case in suite.cases]
    points = {(case.group, case.name): 2.0 for case in cases}
    values = graded(report, {**points, (Group.RACES, "never"): 1.0})["all"]
    for text in (values["output"], *(test[key] for test in values["tests"] for key in ("name", "output"))):
        assert harmless(text)
    assert all(test["score"] <= test["max_score"] for test in values["tests"])
    names = {case.name for case in cases if case.status is Status.PASSED}
    assert all(test["score"] == 0 or names for test in values["tests"])
