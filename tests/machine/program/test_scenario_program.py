"""Scenarios as workloads: texts, places, what is right; and those that no real process could run."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowcheck.machine.program import Case, Ending, ReportPoint, Watch, Workload, scenario_workload
from cowcheck.machine.program.kernel_age import FORK_WITHOUT_MEMORY
from cowcheck.model.errors import CowcheckError
from cowcheck.model.scenario import Scenario
from cowcheck.model.scenario_file import load_scenario

SCENARIOS = Path(__file__).parents[3] / "specs" / "scenarios"
STORED = "what process 4 (grandchild) put there by store page 0 (specs/scenarios/grandchild.py:35)"
WORKS, FAILS, KILLED = Ending.WORKS, Ending.FAILS, Ending.KILLED


def shipped(name: str) -> Scenario:
    path = SCENARIOS / f"{name}.py"
    return load_scenario(path, f"specs/scenarios/{name}.py")


def written(tmp_path: Path, body: str, pages: str = '("data",)', frames: int = 31) -> Scenario:
    path = tmp_path / "mine.py"
    header = f'SCENARIO = Scenario(name="mine", title="mine", harts=2, frames={frames}, pages={pages})\n'
    path.write_text(f"from cowcheck.model.user import Scenario\n\n{header}\n{body}", encoding="utf-8")
    return load_scenario(path, "mine.py")


def case(workload: Workload, text: str) -> Case:
    (found,) = [point for point in workload.points if isinstance(point, Case) and text in str(point)]
    return found


def all_points() -> list[tuple[str, ReportPoint]]:
    paths = sorted(path for path in SCENARIOS.glob("*.py") if path.stem != "__init__")
    return [(path.stem, point) for path in paths for point in scenario_workload(shipped(path.stem)).points]


def test_points_are_numbered_and_tell_who_and_where() -> None:
    workload = scenario_workload(shipped("two_stores"))
    assert [point.index for point in workload.points] == list(range(len(workload.points)))
    store = case(workload, "process 3 (child): operation 2")
    assert str(store) == "process 3 (child): operation 2: store page 0 (specs/scenarios/two_stores.py:26)"
    assert store.right == {WORKS}


def test_every_operation_has_a_right_ending_and_a_reason() -> None:
    for name, point in all_points():
        if isinstance(point, Case):
            assert point.right, (name, str(point))
        if isinstance(point, Case | Watch):
            assert point.reason, (name, str(point))


@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("store_guard", "(child): operation 2: store page 0", {KILLED}),
        ("store_guard", "(parent): operation 3: read() into page 0", {FAILS, KILLED}),
        ("store_text", "(child): operation 3: store page 0", {WORKS, KILLED}),
        ("store_text", "(child): operation 2: execute page 0", {WORKS}),
        ("store_text", "(parent): operation 3: read() into page 0", {WORKS, FAILS, KILLED}),
        ("store_given_back", "(parent): operation 4: read() into page 1", {FAILS, KILLED}),
        ("store_given_back", "(child): operation 4: store page 1", {KILLED}),
        ("fault_no_frame", "(child): operation 2: store page 0", {WORKS, FAILS, KILLED}),
        ("fork_no_frame", "(parent): operation 1: fork()", {WORKS, FAILS, KILLED}),
        ("kill_in_fault", "(child): operation 2: store page 0", {WORKS, FAILS, KILLED}),
        ("store_unmapped", "(third): operation 1: load page", {KILLED}),
        ("grandchild", "(child): operation 2: fork()", {WORKS}),
    ],
)
def test_what_is_right_follows_from_the_memory_and_the_pressure(name: str, text: str, right: set[Ending]) -> None:
    assert case(scenario_workload(shipped(name)), text).right == right


def test_what_is_due_is_the_own_last_store_or_what_was_inherited() -> None:
    workload = scenario_workload(shipped("grandchild"))
    seen = {
        point.text: {workload.values[due] for due in point.dues}
        for point in workload.points
        if isinstance(point, Watch) and point.process == "process 4 (grandchild)"
    }
    assert seen == {
        "operation 1: load page 0: the first word of page 0": {"what page 0 held at the start"},
        "operation 1: load page 0: the last word of page 0": {"what page 0 held at the start"},
        "operation 3: load page 0: the first word of page 0": {STORED},
        "operation 3: load page 0: the last word of page 0": {"what page 0 held at the start"},
        "operation 4: exit(), a last look at its pages: the first word of page 0": {STORED},
        "operation 4: exit(), a last look at its pages: the last word of page 0": {"what page 0 held at the start"},
    }


def test_memory_under_pressure_is_marked_and_old_kernels_are_spared() -> None:
    assert not scenario_workload(shipped("two_stores")).exhausts_memory
    assert scenario_workload(shipped("fault_no_frame")).exhausts_memory
    assert scenario_workload(shipped("fault_no_frame")).needs == frozenset()
    assert scenario_workload(shipped("fork_no_frame")).needs == {FORK_WITHOUT_MEMORY}


def test_a_workload_is_the_same_each_time() -> None:
    assert scenario_workload(shipped("store_text")) == scenario_workload(shipped("store_text"))


def test_exec_goes_on_in_a_program_of_its_own() -> None:
    workload = scenario_workload(shipped("two_execs"))
    assert sorted(workload.files) == ["exec1", "exec2", "init"]


def test_many_pages_are_read_from_a_file(tmp_path: Path) -> None:
    scenario = written(tmp_path, "def parent() -> None:\n    read(0, 3)\n    load(1)\n", '("data", "data", "data")')
    workload = scenario_workload(scenario)
    assert len(workload.files["read0"]) == 4096 + 16


@pytest.mark.parametrize(
    ("body", "pages", "said"),
    [
        ("def parent() -> None:\n    sbrk(-2)\n", '("data",)', "mine.py:6: sbrk(-2) gives back more than"),
        ("def parent() -> None:\n    load(0)\n", '("guard", "guard", "data")', "one guard page"),
        (
            "def parent() -> None:\n    kill(child)\n    fork(child)\n\ndef child() -> None:\n    pass\n",
            '("data",)',
            "mine.py:6: process 2 (parent) cannot know the pid of 'child'",
        ),
        ("def parent() -> None:\n" + "    read(0)\n" * 20, '("data",)', "more than 16 files"),
    ],
)
def test_what_no_process_could_do_is_refused(tmp_path: Path, body: str, pages: str, said: str) -> None:
    with pytest.raises(CowcheckError) as caught:
        scenario_workload(written(tmp_path, body, pages))
    assert said in str(caught.value)
