"""User programs that try a kernel, made without a toolchain; what they report, and what is right.

``workloads`` makes them, a machine runs them from the image of :func:`cowcheck.machine.disk.make_image`, and an
:class:`Observer` is fed with what they report.
"""

from __future__ import annotations

from cowcheck.machine.program.kernel_age import inabilities, steps_beyond
from cowcheck.machine.program.outcome import Observation, Observer, Outcome
from cowcheck.machine.program.report import REPORT_VA, Case, Ending, ReportKind, ReportPoint, Watch
from cowcheck.machine.program.scenario_program import scenario_workload
from cowcheck.machine.program.workload import Step, Workload
from cowcheck.machine.program.workloads import sweeps, workloads

__all__ = [
    "REPORT_VA",
    "Case",
    "Ending",
    "Observation",
    "Observer",
    "Outcome",
    "ReportKind",
    "ReportPoint",
    "Step",
    "Watch",
    "Workload",
    "inabilities",
    "scenario_workload",
    "steps_beyond",
    "sweeps",
    "workloads",
]
