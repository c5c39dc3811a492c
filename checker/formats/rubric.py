"""What is worth how many points: a rubric, read from a small TOML file.

    total = 100                 # optional: the points are scaled so that they add up to this

    [invariants]
    default = 4                 # each invariant that is not named
    no-leak = 8

    [workloads]
    default = 1

    [races]
    "store+store" = 5

A group without ``default`` gives points for what it names alone. The tables are those of :class:`Group`.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cowcheck.checker.formats.case import Group
from cowcheck.model.errors import CowcheckError, read_text

DEFAULT = "default"
TOTAL = "total"
MOST_POINTS = 100_000
_HUNDREDTHS = 100

Names = Mapping[Group, Collection[str]]


@dataclass(frozen=True, slots=True)
class Rubric:
    """Points by group and name; ``total`` is what they are scaled to, 0 for no scaling."""

    points: Mapping[Group, Mapping[str, float]] = field(default_factory=dict)
    total: float = 0.0

    def items(self, known: Names) -> dict[tuple[Group, str], float]:
        """The most points of each item: of what is named, and of all else that is ``known`` where there is a default.

        Scaled points are hundredths that add up to the total exactly.
        """
        found: dict[tuple[Group, str], float] = {}
        for group, points in self.points.items():
            named = (name for name in points if name != DEFAULT)
            for name in dict.fromkeys((*(known.get(group, ()) if DEFAULT in points else ()), *named)):
                if most := points.get(name, points.get(DEFAULT, 0.0)):
                    found[group, name] = most
        return _scaled(found, self.total) if self.total and found else found


DEFAULT_RUBRICS = {
    "explore": Rubric({Group.INVARIANTS: {DEFAULT: 5.0}, Group.SCENARIOS: {DEFAULT: 1.0}}, 100.0),
    "check": Rubric(
        {Group.INVARIANTS: {DEFAULT: 5.0}, Group.WORKLOADS: {DEFAULT: 1.0}, Group.RACES: {DEFAULT: 1.0}}, 100.0
    ),
    "verify": Rubric({Group.INVARIANTS: {DEFAULT: 5.0}}, 100.0),
}
"""What counts where no rubric is given, by command."""


def read_rubric(path: Path, known: Names) -> Rubric:
    """The rubric in a file. Raises :class:`CowcheckError`, with the place and what is known, for what it cannot hold.

    A name must be ``known``, so that a slip of the pen does not take points from everybody.
    """
    try:
        values = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise CowcheckError(f"{path}: not TOML: {error}") from error
    except OSError as error:
        raise CowcheckError(f"{path}: cannot be read ({error.strerror or error})") from error
    groups = [str(group) for group in Group]
    for name in values:
        if name not in (TOTAL, *groups):
            raise CowcheckError(f"{path}: unknown name {name!r}; known: {', '.join((TOTAL, *groups))}")
    points = {Group(name): _points(path, Group(name), table, known) for name, table in values.items() if name != TOTAL}
    total = _number(path, TOTAL, values.get(TOTAL, 0))
    if not any(value for table in points.values() for value in table.values()):
        raise CowcheckError(f"{path}: nothing is worth a point; write [invariants] and default = 1, for example")
    return Rubric(points, total)


def _points(path: Path, group: Group, table: Any, known: Names) -> dict[str, float]:
    if not isinstance(table, dict):
        raise CowcheckError(f"{path}: {group} is no table; write [{group}]")
    for name in table:
        if name != DEFAULT and name not in known.get(group, ()):
            raise CowcheckError(
                f"{path}: [{group}] has no {name!r} in this command; known: {', '.join(known.get(group, ())) or 'none'}"
            )
    return {name: _number(path, f"{group}.{name}", value) for name, value in table.items()}


def _number(path: Path, name: str, value: Any) -> float:
    right = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not right or not 0 <= value <= MOST_POINTS:
        raise CowcheckError(f"{path}: {name} is {value!r}; give a number of points from 0 to {MOST_POINTS:,}")
    return float(value)


def _scaled(points: Mapping[tuple[Group, str], float], total: float) -> dict[tuple[Group, str], float]:
    """The points in hundredths, in proportion; what rounding leaves goes to those that lost the most by it."""
    due = round(total * _HUNDREDTHS)
    exact = {item: value * due / sum(points.values()) for item, value in points.items()}
    shares = {item: math.floor(value) for item, value in exact.items()}
    short = due - sum(shares.values())
    for item in sorted(exact, key=lambda item: shares[item] - exact[item])[:short]:
        shares[item] += 1
    return {item: share / _HUNDREDTHS for item, share in shares.items()}
