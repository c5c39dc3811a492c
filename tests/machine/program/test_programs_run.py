"""The programs do what they say: run on a stand-in for xv6, right and with mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from cowcheck.machine.program import Observation, Workload, scenario_workload, sweeps
from cowcheck.model.scenario_file import load_scenario

ROOT = Path(__file__).parents[3]
SCENARIOS = sorted(path for path in (ROOT / "specs" / "scenarios").glob("*.py") if path.stem != "__init__")
SWEEPS = {workload.name: workload for workload in sweeps()}
Run = Callable[..., Observation]


def scenario(name: str) -> Workload:
    path = ROOT / "specs" / "scenarios" / f"{name}.py"
    return scenario_workload(load_scenario(path, path.name))


def violated(observation: Observation) -> Counter[str]:
    return Counter(outcome.invariant for outcome in observation.wrong)


def complaints(observation: Observation) -> list[str]:
    return [str(outcome) for outcome in observation.wrong]


@pytest.mark.parametrize("mistakes", [(), ("eager",)], ids=["cow", "eager"])
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_right_kernel_runs_every_scenario_right(path: Path, mistakes: tuple[str, ...], run_workload: Run) -> None:
    seen = run_workload(scenario_workload(load_scenario(path, path.name)), *mistakes, frames=200)
    assert complaints(seen) == []
    assert seen.finished


@pytest.mark.parametrize("year", [2019, 2025])
@pytest.mark.parametrize("name", SWEEPS)
def test_a_right_kernel_runs_every_sweep_right(name: str, year: int, run_workload: Run) -> None:
    seen = run_workload(SWEEPS[name], year=year)
    assert complaints(seen) == []
    assert seen.finished
    assert seen.unreached == ()
