"""What has changed between two reports: violations that are new, fixed and still there, and what takes longer.

A violation is known again by the scenario, workload or race that shows it and the invariant that it violates,
whatever lines and functions have changed. It is fixed only where the same was checked again: what is not checked any
more is told as that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cowcheck.checker.formats.case import Case, Group, Problem, Report, Status
from cowcheck.model.errors import CowcheckError

LEAST = {"seconds": 1.0, "events": 1000.0, "schedules": 50.0}
"""By unit, how much more it takes at least to be told."""


class Place(NamedTuple):
    """Where a violation shows: in a case of a design; of a kernel the design is empty."""

    design: str
    group: Group
    name: str


class Violated(NamedTuple):
    """An invariant, violated in a case."""

    invariant: str
    place: Place


class Slower(NamedTuple):
    """A case that takes more than it did."""

    place: Place
    before: float
    after: float
    unit: str


@dataclass(frozen=True, slots=True)
class Difference:
    """``unknown`` was violated and ``lost`` held before, and neither is checked any more."""

    new: Mapping[Violated, Problem | None]
    fixed: tuple[Violated, ...]
    still: tuple[Violated, ...]
    unknown: tuple[Violated, ...]
    lost: tuple[Place, ...]
    slower: tuple[Slower, ...]


def difference(old: Report, new: Report, factor: float) -> Difference:
    """What has changed. Raises :class:`CowcheckError` where the two are not of one kind."""
    if old.command != new.command:
        raise CowcheckError(
            f"the first is of `{old.command}` and the second of `{new.command}`; give two of one command"
        )
    before, after = _cases(old), _cases(new)
    was, now = dict(_violated(before)), dict(_violated(after))
    shown = {(item.invariant, item.place.design) for item in was if item.place.group is not Group.INVARIANTS}
    gone = [item for item in was if item not in now and not _is_told_elsewhere(item, shown)]
    fixed = tuple(item for item in gone if _is_checked(after, item))
    return Difference(
        new={item: problem for item, problem in now.items() if item not in was},
        fixed=fixed,
        still=tuple(item for item in now if item in was),
        unknown=tuple(item for item in gone if item not in fixed),
        lost=tuple(
            place
            for place, case in before.items()
            if case.status is Status.PASSED and (place not in after or not _is_known(after[place]))
        ),
        slower=tuple(_slower(before, after, factor)),
    )


def _cases(report: Report) -> dict[Place, Case]:
    """The cases by their place. Kernels lie in different folders, so that their order tells which is which."""
    of_kernels = report.command != "explore"
    return {
        Place((str(number) if number else "") if of_kernels else suite.name, case.group, case.name): case
        for number, suite in enumerate(report.suites)
        for case in suite.cases
    }


def _violated(cases: Mapping[Place, Case]) -> Iterator[tuple[Violated, Problem | None]]:
    for place, case in cases.items():
        if case.status is Status.FAILED:
            for name in case.violated:
                problem = next((item for item in case.problems if item.invariant == name), None)
                yield Violated(name, place), problem


def _is_told_elsewhere(item: Violated, shown: set[tuple[str, str]]) -> bool:
    """Whether it is an invariant as a whole, and the workloads or races are known that violate it."""
    return item.place.group is Group.INVARIANTS and (item.invariant, item.place.design) in shown


def _is_known(case: Case) -> bool:
    return case.status in (Status.PASSED, Status.FAILED)


def _is_checked(cases: Mapping[Place, Case], item: Violated) -> bool:
    """Whether a case and an invariant were both checked, and in full."""
    case = cases.get(item.place)
    invariant = cases.get(Place(item.place.design, Group.INVARIANTS, item.invariant))
    if case is None or not _is_known(case) or case.part < 1:
        return False
    return invariant is None or _is_known(invariant) or item.place.group is Group.RACES


def _slower(before: Mapping[Place, Case], after: Mapping[Place, Case], factor: float) -> Iterator[Slower]:
    for place, case in after.items():
        was = before[place].cost if place in before else None
        now = case.cost
        if was is None or now is None or was.unit != now.unit:
            continue
        if now.amount > was.amount * factor and now.amount - was.amount >= LEAST.get(now.unit, 0.0):
            yield Slower(place, was.amount, now.amount, now.unit)
