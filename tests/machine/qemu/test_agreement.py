"""The two machines agree: the same console, the same reports and the same events of the same workload on one hart."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from cowcheck.machine.elf import read_kernel
from cowcheck.machine.machine import MACHINES, Machine
from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.qemu.program import NAME
from cowcheck.machine.record.event import KIND, Ending, EventKind
from cowcheck.machine.record.kernel import Kernel, know
from cowcheck.machine.record.normal_form import Path, difference, normal_form
from cowcheck.machine.record.recorder import Recorder, Report, Rows
from cowcheck.machine.rig import Run
from tests.kernels.build import build, can_build
from tests.machine.qemu.one_at_a_time import files

BUDGET = 100_000_000
REAL = "COWCHECK_XV6"
pytestmark = pytest.mark.skipif(shutil.which(NAME) is None, reason=f"{NAME} is not installed")


@dataclass(frozen=True)
class Recorded:
    """What a machine told of the workload."""

    counts: str
    run: Run
    reports: list[tuple[int, tuple[int, ...]]]
    rows: Rows
    form: Mapping[int, tuple[Path, ...]]


def record(machine: Machine) -> Recorded:
    """Runs the workload."""
    taken: list[Rows] = []
    reports: list[tuple[int, tuple[int, ...]]] = []

    def hear(report: Report, recorder: Recorder) -> Ending | None:
        reports.append((report.pid, report.values[:4]))
        return Ending.DONE if report.values[0] == ReportKind.FINISHED else None

    run = machine.run(files(), lambda rows, texts: taken.append(rows), hear, BUDGET)
    rows = np.concatenate(taken)
    return Recorded(str(machine.counts), run, reports, rows, normal_form(rows.tolist()))


def kernel_named(name: str) -> Kernel:
    """The test kernel, or the one that the environment names."""
    if name == REAL:
        path = os.environ.get(REAL)
        if not path:
            pytest.skip(f"{REAL} names no xv6 kernel or tree")
        return know(read_kernel(path))
    if not can_build():
        pytest.skip("ziglang is not installed")
    return know(read_kernel(build()))


@pytest.fixture(scope="module", params=["test kernel", REAL])
def both(request: pytest.FixtureRequest) -> dict[str, Recorded]:
    """The workload on each machine, each with the counts that it has found itself."""
    kernel = kernel_named(request.param)
    return {name: record(kind.boot(kernel, harts=1, seed=0, counts=None)) for name, kind in MACHINES.items()}


def test_the_workload_ends_alike(both: dict[str, Recorded]) -> None:
    one, other = both["board"].run, both["qemu"].run
    assert (one.ending, one.text) == (other.ending, other.text)


def test_the_console_is_the_same(both: dict[str, Recorded]) -> None:
    assert both["board"].run.console == both["qemu"].run.console


def test_the_same_counts_are_found(both: dict[str, Recorded]) -> None:
    assert both["board"].counts == both["qemu"].counts


def test_programs_report_the_same(both: dict[str, Recorded]) -> None:
    """Process by process: whether a parent or its child goes on first after fork is the timer's doing."""
    assert by_process(both["board"].reports) == by_process(both["qemu"].reports)
    assert len(both["board"].reports) > 40
    assert len(by_process(both["board"].reports)) == 5


def by_process(reports: list[tuple[int, tuple[int, ...]]]) -> dict[int, list[tuple[int, ...]]]:
    found: dict[int, list[tuple[int, ...]]] = {}
    for pid, values in reports:
        found.setdefault(pid, []).append(values)
    return found


def test_the_events_come_to_the_same(both: dict[str, Recorded]) -> None:
    assert difference(both["board"].form, both["qemu"].form, ("board", "qemu")) == ""
    assert sum(map(len, both["qemu"].form.values())) > 20


def test_every_kind_of_event_is_told_by_both(both: dict[str, Recorded]) -> None:
    kinds = [{EventKind(int(kind)).name for kind in np.unique(told.rows[:, KIND])} for told in both.values()]
    assert kinds[0] - {"STORE"} == kinds[1] - {"STORE"}
    assert {"TRAP", "USER", "PTE", "OWN", "ALLOC", "FREE", "LIST", "STATE", "RUN", "FENCE", "SIZE", "END"} <= kinds[1]
