"""What every format renders: a report of cases, each with its status and the problems that it shows.

A report is made from the results of a command (``of_designs.py``, ``of_kernels.py``) and judges nothing: a case has
the status that the result gives its invariant, scenario, workload or race. Its texts are from outside and may hold
anything, so each format escapes them by its own rules (``plain.py`` has what all of them share).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Group(StrEnum):
    """What a case is about."""

    INVARIANTS = "invariants"
    SCENARIOS = "scenarios"
    WORKLOADS = "workloads"
    RACES = "races"


SINGULAR = {
    Group.INVARIANTS: "invariant",
    Group.SCENARIOS: "scenario",
    Group.WORKLOADS: "workload",
    Group.RACES: "race",
}


class Status(StrEnum):
    """``error``: cowcheck could not do it, by a fault of the input or of its own."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"
    ERROR = "error"


class Source(NamedTuple):
    """A line of the design or of the kernel's source. The file is as the debugging information names it."""

    file: str
    line: int  # from 1; 0 where it is not known
    function: str


class Moment(NamedTuple):
    """One step of a counterexample: which hart did what, and where."""

    hart: int
    source: Source | None
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A violation, with its counterexample as steps and as text.

    ``where`` names the scenario, the run or the race that shows it. ``then`` are invariants that were violated after
    it; ``after`` is the violation that this one follows from, empty for one in its own right. ``key`` tells causes
    apart and holds no address, no line and no number that differs from run to run.
    """

    invariant: str
    message: str
    where: str
    source: Source | None
    key: tuple[str, ...]
    moments: tuple[Moment, ...] = ()
    by_hart: bool = False  # the harts took turns: a column, or a thread, each
    text: str = ""
    then: tuple[str, ...] = ()
    after: str = ""


class Cost(NamedTuple):
    """What a case took."""

    amount: float
    unit: str


@dataclass(frozen=True, slots=True)
class Case:
    """One invariant, scenario, workload or race.

    ``because`` says why it was not checked, or what the error was; ``note`` what else is to be known. ``part`` is how
    much of what was to be judged was, from 0 to 1. ``violated`` are the invariants that it shows to be violated.
    """

    group: Group
    name: str
    status: Status
    because: str = ""
    note: str = ""
    part: float = 1.0
    violated: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """The cases of one design or kernel. ``file`` is its own file; ``problems`` each of its violations once."""

    name: str
    file: str
    verdict: str
    cases: tuple[Case, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

    def group(self, group: Group) -> Iterator[Case]:
        """The cases of a group."""
        return (case for case in self.cases if case.group is group)


class Fault(NamedTuple):
    """Why a command did not come to its end: the ``input``, a ``signal``, or a fault of cowcheck's own (``internal``).
    ``unfinished``: it has not ended yet, or was killed."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What one command found. ``fault`` is None where it came to its end."""

    command: str
    suites: tuple[Suite, ...] = ()
    fault: Fault | None = None
