"""SPIN on exports: it stores the states that the reference interpreter reaches, and finds what that finds."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cowcheck.checker.catalogue import Design, shipped_design
from cowcheck.checker.explore import Exploration
from cowcheck.checker.export.promela import promela
from cowcheck.model.scenario import Scenario

BROKEN = Path(__file__).parents[2] / "broken"

pytestmark = pytest.mark.skipif(
    shutil.which("spin") is None or shutil.which("gcc") is None, reason="spin and gcc are not both installed"
)

PAIRS = [
    ("lab-plan", "two-stores"),
    ("lab-plan", "kill-in-fault"),
    ("kref-lock", "two-stores"),  # a race: a leak
    ("kref-lock", "exec-after-fork"),  # steps that are wrong by themselves
    ("counter-in-trap", "store-unmapped"),  # panics
    ("kmake-unique", "fault-no-frame"),
    ("refcount-array", "fork-no-second-leaf"),
    ("refcount-array-no-mark", "wait-shared"),
]


class Counted(NamedTuple):
    """What SPIN says."""

    states: int
    broken: frozenset[str]
    deadlock: bool


def spin(text: str, folder: Path, *options: str) -> Counted:
    """Builds and runs the verifier of a model, as docs/export.md says, but that it is not optimised."""
    (folder / "model.pml").write_text(text, encoding="utf-8")
    for command in (
        ["spin", "-a", "model.pml"],
        ["gcc", "-O0", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c"],
        ["./pan", "-m100000", "-w20", *options],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "max search depth too small" not in done.stdout
    stored = re.search(r"^\s*([\d.e+]+) states, stored", done.stdout, re.MULTILINE)
    assert stored, done.stdout
    broken = re.findall(r"assertion violated (\w+)", done.stdout)
    return Counted(
        int(float(stored[1])),
        frozenset(name.replace("_", "-") for name in broken),
        "invalid end state" in done.stdout.replace("invalid end states", ""),
    )


@pytest.mark.parametrize(("design", "scenario"), PAIRS)
def test_spin_counts_the_states_of_the_reference_interpreter(
    design: str,
    scenario: str,
    tmp_path: Path,
    scenario_named: Callable[[str], Scenario],
    explore: Callable[..., Exploration],
) -> None:
    played = scenario_named(scenario)
    found = explore(shipped_design(design), played, symmetry=False)
    counted = spin(promela(shipped_design(design), played), tmp_path, "-c0")
    assert counted.states == found.states
    assert counted.broken == {finding.invariant for finding in found.findings if not finding.after}
    assert not counted.deadlock


def test_spin_stops_at_the_first_violation(tmp_path: Path, scenario_named: Callable[[str], Scenario]) -> None:
    counted = spin(promela(shipped_design("kref-lock"), scenario_named("two-stores")), tmp_path)
    assert counted.broken == {"no-leak"}
    assert counted.states < 2848


def test_spin_finds_a_deadlock(
    tmp_path: Path,
    compiled: Callable[[Path], Design],
    scenario_named: Callable[[str], Scenario],
    explore: Callable[..., Exploration],
) -> None:
    design, played = compiled(BROKEN / "patterns" / "p07_lock_order.py"), scenario_named("store-exit")
    found = explore(design, played, symmetry=False)
    assert "progress" in {finding.invariant for finding in found.findings}
    counted = spin(promela(design, played), tmp_path, "-c0")
    assert counted.states == found.states
    assert counted.deadlock
