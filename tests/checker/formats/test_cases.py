"""From results to cases: nothing is judged anew, and nothing counts as checked that was not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cowcheck.checker.explore import Budget
from cowcheck.checker.formats.case import Case, Group, Report, Status, Suite
from cowcheck.checker.formats.of_designs import suites_of_designs
from cowcheck.checker.formats.of_kernels import suite_of_kernel
from cowcheck.checker.formats.reading import report_of
from cowcheck.checker.job import Job, failed, run
from cowcheck.checker.result import Result
from cowcheck.checker.verify.effect import Changed, Effect, Mapped
from cowcheck.checker.verify.from_json import from_document
from cowcheck.checker.verify.result import document as document_of
from cowcheck.specs.invariants import INVARIANTS

ROOT = Path(__file__).resolve().parents[3]
RECORDED = ("right", "races", "panic")


def cases(suite: Suite, group: Group) -> dict[str, Case]:
    return {case.name: case for case in suite.group(group)}


@pytest.mark.parametrize("name", RECORDED)
def test_a_result_that_is_read_back_is_the_same(name: str, document: Callable[[str], Any]) -> None:
    values = document(name)
    schema = json.loads((ROOT / "docs" / "kernel-results.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(values, schema)
    assert json.loads(json.dumps(document_of(from_document(values)))) == values


def test_what_steps_changed_is_read_back(document: Callable[[str], Any]) -> None:
    values = document("races")
    effect = {"changed": "count", "before": 2, "after": 1, "frame": 0x87F48, "pid": 0, "vpn": 0}
    finding = values["results"][0]["findings"][0]
    finding["mappings"] = [{"pid": 3, "vpn": 4, "pte": 0x21FD2001}]
    values["results"][0]["races"][0]["findings"][0]["lines"][0]["effect"] = effect
    for step in finding["steps"]:
        step["effect"] = effect
    read = from_document(values)
    assert json.loads(json.dumps(document_of(read))) == values
    assert read[0].findings[0].mappings == (Mapped(3, 4, 0x21FD2001),)
    (race, *_) = read[0].races or ()
    assert race.findings[0].lines[0].effect == Effect(Changed.COUNT, 2, 1, 0x87F48)


@pytest.mark.parametrize("name", RECORDED)
def test_every_invariant_workload_and_race_is_a_case(name: str, document: Callable[[str], Any]) -> None:
    values = document(name)["results"][0]
    (suite,) = report_of(document(name)).suites
    assert list(cases(suite, Group.INVARIANTS)) == [item["invariant"] for item in values["invariants"]]
    assert list(cases(suite, Group.WORKLOADS)) == [item["name"] for item in values["runs"]]
    assert list(cases(suite, Group.RACES)) == [item["race"] for item in values["races"]]
    due = {"holds": Status.PASSED, "violated": Status.FAILED, "not checked": Status.NOT_CHECKED}
    for item in values["invariants"]:
        assert cases(suite, Group.INVARIANTS)[item["invariant"]].status is due[item["status"]]


def test_an_invariant_that_fails_after_another_says_so(document: Callable[[str], Any]) -> None:
    values = document("races")
    values["results"][0]["findings"][0]["then"] = ["freed-once"]
    checks = {item["invariant"]: item for item in values["results"][0]["invariants"]}
    checks["freed-once"]["status"] = "violated"
    (suite,) = report_of(values).suites
    case = cases(suite, Group.INVARIANTS)["freed-once"]
    assert case.status is Status.FAILED
    assert [problem.invariant for problem in case.problems] == ["no-leak"]
    assert cases(suite, Group.RACES)["store+store"].violated == ("no-leak", "freed-once")


def test_a_race_finding_that_is_told_elsewhere_still_fails_its_race(document: Callable[[str], Any]) -> None:
    values = document("races")
    values["results"][0]["findings"][0]["run"] = "race store+exit"
    (suite,) = report_of(values).suites
    race = cases(suite, Group.RACES)["store+store"]
    assert race.status is Status.FAILED
    assert "hart 0, process 3" in race.problems[0].text


def test_parts_of_a_workload_are_one_case(document: Callable[[str], Any]) -> None:
    values = document("panic")
    runs = values["results"][0]["runs"]
    runs += [{**runs[1], "name": "fault-no-frame, from step 2", "ending": "done", "violated": []}]
    (suite,) = report_of(values).suites
    assert cases(suite, Group.WORKLOADS)["fault-no-frame"].status is Status.FAILED
    assert len(cases(suite, Group.WORKLOADS)) == 2


def test_a_violation_is_of_every_run_that_shows_it(toy_runs: Callable[..., Any]) -> None:
    result = toy_runs(["leak"], [], ["leak"])
    assert len(result.findings) < sum(len(run.violated) for run in result.runs)
    assert ["no-leak" in run.violated for run in result.runs] == [True, False, True]
    told = cases(suite_of_kernel(result), Group.WORKLOADS)
    assert [told[f"run {number}"].status for number in range(3)] == [Status.FAILED, Status.PASSED, Status.FAILED]


# --- designs ---


def test_every_invariant_and_scenario_of_a_design_is_a_case(designs: Report) -> None:
    wrong, other, right = designs.suites
    assert [suite.name for suite in designs.suites] == ["kref-lock", "kmake-unique", "lab-plan"]
    assert list(cases(right, Group.INVARIANTS)) == [item.name for item in INVARIANTS]
    assert {case.status for case in right.cases} == {Status.PASSED}
    assert list(cases(wrong, Group.SCENARIOS)) == ["two-stores", "sbrk-down"]
    assert cases(wrong, Group.INVARIANTS)["no-leak"].note.startswith("violated as well in ")
    assert [problem.after for problem in other.problems].count("") == 1  # one cause; the rest follows from it


def test_what_a_budget_ended_was_not_checked() -> None:
    results = [run(Job("lab-plan", "two-stores", budget=Budget(states=50))), run(Job("lab-plan", "fault-no-frame"))]
    (suite,) = suites_of_designs(results)
    told = cases(suite, Group.SCENARIOS)
    assert told["two-stores"].status is Status.NOT_CHECKED
    assert "50 states" in told["two-stores"].because
    assert told["fault-no-frame"].status is Status.PASSED
    assert {case.part for case in suite.group(Group.INVARIANTS)} == {0.5}


def test_what_a_first_violation_ended_was_not_checked_in_full() -> None:
    (suite,) = suites_of_designs([run(Job("kref-lock", "two-stores", keep_going=False))])
    told = cases(suite, Group.INVARIANTS)
    assert told["no-leak"].status is Status.FAILED
    assert told["isolation"].status is Status.NOT_CHECKED


def test_what_could_not_be_explored_is_an_error(explorations: list[Result]) -> None:
    wrong = failed(Job("lab-plan", "sbrk-down"), "internal", "KeyError: 1")
    (suite,) = suites_of_designs([explorations[-1], wrong])
    assert cases(suite, Group.SCENARIOS)["sbrk-down"].status is Status.ERROR
    assert {case.part for case in suite.group(Group.INVARIANTS)} == {0.5}
    (alone,) = suites_of_designs([wrong])
    assert {case.status for case in alone.group(Group.INVARIANTS)} == {Status.NOT_CHECKED}


def test_a_kernel_without_a_name_has_one(recorded: Callable[[str], Report], document: Callable[[str], Any]) -> None:
    (result,) = from_document(document("right"))
    suite = suite_of_kernel(replace(result, header=replace(result.header, kernel=""), runs=result.runs[:0]))
    assert suite.name
