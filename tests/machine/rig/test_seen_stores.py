"""Stores to kernel stacks are left out, and nothing is told otherwise for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cowcheck.checker.check.plan import plan
from cowcheck.machine.board.state import BOARD, FRAMES, KERNBASE, PAGE, Stop
from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.record import seen_stores
from cowcheck.machine.record.event import Ending
from cowcheck.machine.record.observer import OBSERVER, WATCH_MAPPED, look_at
from cowcheck.machine.record.recorder import Recorder, Report, Rows
from cowcheck.machine.record.seen_stores import kernel_stacks, longest_runs
from cowcheck.machine.rig import Rig


def recorded(rig: Rig) -> Rows:
    """Every event of a workload."""
    taken: list[Rows] = []
    ((workload, _),) = plan(("two-stores",), None).steps

    def hear(report: Report, recorder: Recorder) -> Ending | None:
        return Ending.DONE if report.values[0] == ReportKind.FINISHED else None

    run = rig.run(workload.files, lambda rows, texts: taken.append(rows), hear, workload.instructions)
    assert run.ending is Ending.DONE
    return np.concatenate(taken)


@pytest.fixture
def rig(rig_of: Callable[[int], Rig]) -> Rig:
    return rig_of(2)


def test_the_stacks_of_every_process_are_left_out(rig: Rig) -> None:
    recorded(rig)
    assert len(rig.recorder.board.unseen) == rig.kernel.layout.procs.count
    assert rig.recorder.observer["unseen"].sum() == rig.kernel.layout.procs.count


def test_the_events_are_those_of_all_stores(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    without = recorded(rig)
    monkeypatch.setattr(seen_stores, "kernel_stacks", lambda board, kernel: np.zeros(0, np.int64))
    assert np.array_equal(recorded(rig), without)
    assert len(rig.recorder.board.unseen) == 0


def test_a_stack_that_is_free_when_a_recording_begins_is_seen(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's list of free frames begins with this one, so it is the first to be given out."""
    due = recorded(rig)
    rig.recorder.board.restore(rig.snapshot)
    free = (rig.recorder.word(rig.kernel.layout.free_lists[0].head) - KERNBASE) // PAGE
    last = free - 200  # some way down the list, which goes down in RAM

    monkeypatch.setattr(seen_stores, "kernel_stacks", lambda board, kernel: np.array([last, free], np.int64))
    assert np.array_equal(recorded(rig), due)
    assert len(rig.recorder.board.unseen) == 0


def test_going_back_restores_what_was_left_out(rig: Rig) -> None:
    recorded(rig)
    board = rig.recorder.board
    assert len(board.unseen)
    board.restore(rig.snapshot)
    assert np.array_equal(board.ram, rig.snapshot.ram)


@pytest.mark.parametrize("unseen", [True, False])
def test_a_stack_that_comes_to_be_watched_stops_the_board(unseen: bool) -> None:
    observer, board = np.zeros(1, OBSERVER), np.zeros(1, BOARD)
    board["turn"] = 1000
    observer["unseen"][0, 77] = unseen
    look_at(observer[0], board[0], 77, WATCH_MAPPED)
    assert observer["watch"][0, 77] == WATCH_MAPPED
    assert bool(observer["unseen_used"][0]) == unseen
    assert (int(board["stop"][0]), int(board["turn"][0])) == ((Stop.ASKED, 0) if unseen else (Stop.NONE, 1000))


def test_stacks_are_read_from_the_processes(rig: Rig) -> None:
    recorded(rig)
    found = kernel_stacks(rig.recorder.board, rig.kernel)
    assert len(found) == rig.kernel.layout.procs.count
    assert (np.diff(found) > 0).all()
    assert 0 <= found[0] <= found[-1] < FRAMES


@pytest.mark.parametrize(
    ("frames", "most", "kept"),
    [
        ([], 3, []),
        ([5, 6, 7], 1, [5, 6, 7]),
        ([1, 3, 4, 5, 9, 10], 2, [3, 4, 5, 9, 10]),
        ([1, 3, 4, 5, 9, 10], 9, [1, 3, 4, 5, 9, 10]),
    ],
)
def test_only_the_longest_runs_are_left_out(frames: list[int], most: int, kept: list[int]) -> None:
    assert longest_runs(np.array(frames, np.int64), most).tolist() == kept
