"""The lines that are said to have run are those whose instructions ran, and all others are reported."""

from __future__ import annotations

import pytest

from cowcheck.checker.catalogue import find_design, find_scenario
from cowcheck.checker.coverage import own_files, reached_lines, unreached_lines
from cowcheck.checker.explore import Explorer
from cowcheck.checker.job import Job, run
from cowcheck.checker.judge import Judge
from cowcheck.model.system import Model


@pytest.mark.parametrize(
    ("name", "scenario"), [("lab-plan", "store-exit"), ("kref-lock", "two-stores"), ("kmake-unique", "read-no-frame")]
)
def test_the_lines_of_blocks_are_those_of_the_instructions_that_ran(name: str, scenario: str) -> None:
    design, ran = find_design(name), set[int]()
    Explorer(Model(design.program, find_scenario(scenario), watch=lambda index, _: ran.add(index)), Judge()).run()
    told = run(Job(name, scenario)).reached
    places = {design.program.instructions[index].place for index in ran}
    files = own_files(design)
    assert {(file, line) for file, lines in told.items() for line in lines} == {
        (place.file, place.line) for place in places if place.file in files
    }


def test_nothing_has_run_before_a_search() -> None:
    design = find_design("lab-plan")
    model = Model(design.program, find_scenario("two-stores"))
    assert reached_lines(design, model.interpreter) == {}
    everything = unreached_lines(design, [])
    assert len(everything) == len({line.source for line in everything}) > 40
    assert all(line.source.startswith("specs/designs/lab_plan.py:") and line.code for line in everything)


def test_scenarios_are_taken_together() -> None:
    design = find_design("lab-plan")
    one, two = (run(Job("lab-plan", scenario)).reached for scenario in ("two-stores", "read-shared"))
    left = {line.source for line in unreached_lines(design, [one, two])}
    assert left == {line.source for line in unreached_lines(design, [one])} & {
        line.source for line in unreached_lines(design, [two])
    }
    assert left < {line.source for line in unreached_lines(design, [one])}


def test_a_line_that_only_panics_is_told_apart() -> None:
    lines = unreached_lines(find_design("lab-plan"), [run(Job("lab-plan", "two-stores")).reached])
    assert {line.code.partition("(")[0] for line in lines if line.panic} == {"panic"}
    assert not any(line.code.startswith("panic") for line in lines if not line.panic)


def test_parts_taken_from_another_design_count() -> None:
    files = {line.source.rpartition(":")[0] for line in unreached_lines(find_design("kmake-unique"), [])}
    assert files == {"specs/designs/kmake_unique.py", "specs/designs/lab_plan.py"}
