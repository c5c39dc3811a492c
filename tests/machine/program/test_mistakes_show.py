"""A kernel's mistakes show as findings, by the invariant that they break and with the operation that they are in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cowcheck.machine.program import Observation, Workload, scenario_workload, sweeps
from cowcheck.model.scenario_file import load_scenario

SCENARIOS = Path(__file__).parents[3] / "specs" / "scenarios"
SWEEPS = {workload.name: workload for workload in sweeps()}
Run = Callable[..., Observation]


def scenario(name: str) -> Workload:
    path = SCENARIOS / f"{name}.py"
    return scenario_workload(load_scenario(path, path.name))


def found(observation: Observation) -> set[str]:
    return {outcome.invariant for outcome in observation.wrong}


def test_a_page_that_stays_writable_shows_another_process_s_store(run_workload: Run) -> None:
    wrong = run_workload(scenario("two_stores"), "no-cow").wrong
    assert {outcome.invariant for outcome in wrong} == {"isolation"}
    assert "operation" in wrong[0].point.text
    assert wrong[0].point.place is not None
    assert "put there by store page 0 (two_stores.py:" in wrong[0].seen


def test_a_copyout_into_a_shared_page_is_seen_by_the_sharer(run_workload: Run) -> None:
    seen = run_workload(scenario("read_shared"), "copyout-shares")
    assert found(seen) == {"isolation"}
    assert "read() into page 0" in seen.wrong[0].seen


def test_every_system_call_that_writes_to_shared_memory_is_told(run_workload: Run) -> None:
    seen = run_workload(SWEEPS["addresses"], "copyout-shares")
    blamed = {outcome.during.partition(": ")[2].partition(" ")[0] for outcome in seen.wrong}
    assert found(seen) == {"isolation"}
    assert blamed == {"read()", "fstat()", "wait()", "pipe()"}


def test_a_failed_copy_that_is_ignored_is_found_where_memory_is_out(run_workload: Run) -> None:
    seen = run_workload(SWEEPS["allocations"], "copyout-ignores")
    assert found(seen) == {"isolation"}
    assert all(outcome.spare is not None for outcome in seen.wrong)
    assert {outcome.point.process for outcome in seen.wrong} == {"process 2 (the coordinator)"}


def test_a_mark_that_is_lost_for_want_of_memory_shows_when_there_is_some_again(run_workload: Run) -> None:
    """copyout fails rightly, and the page is read-only from then on: no look at its contents tells."""
    seen = run_workload(SWEEPS["allocations"], "mark-cleared")
    assert found(seen) == {"no-undue-failure"}
    assert all("when there is memory again after its " in outcome.point.text for outcome in seen.wrong)
    assert {outcome.spare for outcome in seen.wrong} == {None}
    texts = " ".join(outcome.point.text for outcome in seen.wrong)
    assert "read()" in texts
    assert "heap page 1" in texts


def test_a_lost_frame_is_counted_by_the_program_itself(run_workload: Run) -> None:
    seen = run_workload(SWEEPS["allocations"], "leak")
    assert found(seen) == {"no-leak"}


def test_a_fault_that_is_taken_for_ever_is_no_progress(run_workload: Run) -> None:
    seen = run_workload(scenario("store_guard"), "no-kill")
    assert not seen.finished
    assert found(seen) == {"progress"}
    assert [outcome.point.text for outcome in seen.wrong] == ["operation 2: store page 0"]  # not the parent's wait()


@pytest.mark.parametrize("name", ["fault_no_frame", "read_no_frame"])
def test_sbrk_that_never_fails_is_noted(name: str, run_workload: Run) -> None:
    seen = run_workload(scenario(name), "lazy")
    assert any("memory never ran out" in note for note in seen.notes)
