"""What a scenario's frames come to on a real kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowcheck.machine.program.pressure import spare_frames
from cowcheck.model.scenario_file import load_scenario

SCENARIOS = Path(__file__).parents[3] / "specs" / "scenarios"
SPARE = {
    "fault_no_frame": 0,  # 5: two roots, two leaf pages, the page they share
    "fault_one_frame": 1,
    "fork_no_frame": 0,  # 3: root, leaf page, page
    "fork_no_page_table": 5,  # 1 is left in the model; trapframe, root, and three pages below: no leaf
    "fork_no_second_leaf": 6,
    "read_no_frame": 0,
    "wait_no_frame": 0,
}


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.py")), ids=lambda path: path.stem)
def test_frames_are_spare_where_memory_runs_out_and_nowhere_else(path: Path) -> None:
    if path.stem != "__init__":
        assert spare_frames(load_scenario(path, path.name)) == SPARE.get(path.stem)


def test_more_frames_take_the_pressure_away() -> None:
    scenario = load_scenario(SCENARIOS / "fault_no_frame.py", "x.py")
    assert [spare_frames(scenario.resized(None, frames, None)) for frames in (5, 6, 7)] == [0, 1, None]
