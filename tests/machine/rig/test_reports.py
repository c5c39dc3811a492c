"""A rig listens to reports of a workload's own programs, and to none of a program that is not our own."""

from __future__ import annotations

from collections.abc import Callable

from cowcheck.checker.check.plan import plan
from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.record.event import Ending
from cowcheck.machine.record.recorder import Recorder, Report
from cowcheck.machine.rig import Rig


def heard(rig: Rig, *, reports: bool) -> int:
    """How many reports were heard; the run ends with the last, or when a budget that is short is used up."""
    ((workload, _),) = plan(("store-text-alone",), 1).steps
    count = 0

    def hear(report: Report, recorder: Recorder) -> Ending | None:
        nonlocal count
        count += 1
        return Ending.DONE if report.values[0] == ReportKind.FINISHED else None

    rig.run(workload.files, lambda rows, texts: None, hear, 10_000_000, reports=reports)
    return count


def test_it_listens_or_not_whatever_it_did_before(rig_of: Callable[[int], Rig]) -> None:
    rig = rig_of(1)
    first = heard(rig, reports=True)
    assert first > 0
    assert heard(rig, reports=False) == 0
    assert heard(rig, reports=True) == first
