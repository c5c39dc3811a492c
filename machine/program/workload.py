"""A workload: the programs that run, what they will report, and what is right. Plain data, made once and run
anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cowcheck.machine.program.report import REPORT_VA, Case, ReportPoint

PROGRAM = "init"
"""The first program: every xv6 since 2019 runs ``/init`` from its disk."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a program goes through one after the other, asking each time which comes next (``ReportKind.NEXT``): a
    sweep's operations. So a machine can leave out one that hangs."""

    number: int
    text: str
    kind: str = ""  # what stops the kernel in one step of a kind most likely does so in the others
    needs: str = ""  # what the base kernel must be able to do (``kernel_age.py``), or nothing


@dataclass(frozen=True, slots=True)
class Workload:
    """``files`` go onto a disk (:func:`cowcheck.machine.disk.make_image`); the kernel does the rest."""

    name: str
    summary: str
    files: Mapping[str, bytes]
    points: tuple[ReportPoint, ...]
    harts: int
    values: Mapping[int, str]  # what the numbers stand for that the processes store
    instructions: int  # a budget from boot to the end, generous, for a kernel that fills pages natively
    exhausts_memory: bool = False
    forks_half_way: bool = False  # it has fork fail when uvmcopy has mapped some of its pages
    steps: tuple[Step, ...] = ()
    needs: frozenset[str] = frozenset()  # of the workload as a whole
    report_va: int = REPORT_VA
    gates: frozenset[int] = frozenset()  # of each process that meets others: the point of what it does after that

    @property
    def cases(self) -> int:
        """Operations that are judged."""
        return sum(isinstance(point, Case) for point in self.points)
