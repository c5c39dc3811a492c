"""Schedule files: a race, and the order of harts in it that shows a violation, to be run again on the same kernel.

A file is untrusted input. Nothing of it is believed but numbers that are checked here: a schedule is only ever a list
of choices between harts that can go on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cowcheck.checker.interleave.result import RaceFinding
from cowcheck.checker.output import write_text
from cowcheck.machine.board.state import KERNBASE, MOST_HARTS, RAM_BYTES
from cowcheck.machine.interleave.schedule import Schedule
from cowcheck.machine.interleave.state import MOST_HOT, MOST_STEPS
from cowcheck.model.errors import CowcheckError

SCHEMA = "cowcheck/schedules/1"
MOST_BYTES = 16 << 20
MOST_SHOWN = 60
REMEDY = "save it again with `cowcheck check ... --save FILE`"


@dataclass(frozen=True, slots=True)
class SavedSchedule:
    """One schedule of a file. ``state``: the digest of the kernel's memory at its end."""

    race: str
    schedule: Schedule
    points: tuple[int, ...]
    invariant: str
    message: str
    state: int


@dataclass(frozen=True, slots=True)
class SavedSchedules:
    """A file. ``kernel`` is the path as it was given, ``build_id`` tells whether a kernel is the same."""

    kernel: str
    build_id: str
    schedules: tuple[SavedSchedule, ...]


def saved_from(finding: RaceFinding) -> SavedSchedule:
    """What a file holds of a violation."""
    return SavedSchedule(
        finding.race,
        finding.schedule,
        finding.points,
        finding.finding.invariant,
        finding.finding.message,
        finding.state,
    )


def write_schedules(path: Path, kernel: str, build_id: str, findings: Iterable[RaceFinding]) -> None:
    """Writes the file."""
    items = [saved_from(finding) for finding in findings]
    value = {
        "schema": SCHEMA,
        "kernel": kernel,
        "build_id": build_id,
        "schedules": [
            {
                "race": item.race,
                "schedule": [list(switch) for switch in item.schedule],
                "points": list(item.points),
                "invariant": item.invariant,
                "message": item.message,
                "state": f"{item.state:016x}",
            }
            for item in items
        ],
    }
    write_text(path, json.dumps(value, indent=1) + "\n")


def is_schedules(path: Path) -> bool:
    """Whether a file says that it holds schedules of a kernel; what is wrong with it is told by reading it."""
    try:
        with path.open("rb") as file:
            return b'"cowcheck/schedules/' in file.read(400)
    except OSError:
        return False


def read_schedules(path: Path) -> SavedSchedules:
    """Reads a file. Raises :class:`CowcheckError` with what is wrong with it."""
    try:
        data = path.read_bytes() if path.stat().st_size <= MOST_BYTES else None
    except OSError as error:
        raise CowcheckError(f"{path}: cannot be read ({error.strerror or error})") from error
    if data is None:
        raise CowcheckError(f"{path}: larger than {MOST_BYTES:,} bytes; {REMEDY}")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CowcheckError(f"{path}: no JSON, or cut off ({error}); {REMEDY}") from error
    reader = _Reader(path)
    document = reader.mapping(value, "the file")
    if document.get("schema") != SCHEMA:
        raise CowcheckError(f"{path}: its schema is {_short(document.get('schema'))}; this cowcheck reads {SCHEMA}")
    items = reader.of(document, "schedules", list, "the file")
    return SavedSchedules(
        reader.of(document, "kernel", str, "the file"),
        reader.of(document, "build_id", str, "the file"),
        tuple(reader.schedule(item, f"schedule {number}") for number, item in enumerate(items, start=1)),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Checks values, and names the file where one is wrong."""

    path: Path

    def mapping(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(f"{where} is no JSON object")
        return value

    def of(self, mapping: dict[str, Any], key: str, kind: type, where: str) -> Any:
        value = mapping.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(f"{where}: '{key}' is no {kind.__name__}")
        return value

    def wrong(self, what: str) -> CowcheckError:
        return CowcheckError(f"{self.path}: {what}; {REMEDY}")

    def schedule(self, value: Any, where: str) -> SavedSchedule:
        item = self.mapping(value, where)
        switches: list[tuple[int, int]] = []
        for switch in self.of(item, "schedule", list, where):
            fits = isinstance(switch, list) and len(switch) == 2 and all(type(number) is int for number in switch)
            if not fits or not 0 <= switch[0] <= MOST_STEPS or not 0 <= switch[1] < MOST_HARTS:
                raise self.wrong(f"{where}: {_short(switch)} is no pair of a step and a hart")
            switches.append((switch[0], switch[1]))
        points = self.of(item, "points", list, where)
        in_ram = range(KERNBASE, KERNBASE + RAM_BYTES)
        if len(points) > MOST_HOT // 2 or not all(type(point) is int and point in in_ram for point in points):
            raise self.wrong(f"{where}: 'points' are not all addresses of RAM")
        try:
            state = int(self.of(item, "state", str, where), 16)
        except ValueError as error:
            raise self.wrong(f"{where}: 'state' is no hexadecimal number") from error
        return SavedSchedule(
            self.of(item, "race", str, where),
            tuple(switches),
            tuple(points),
            self.of(item, "invariant", str, where),
            self.of(item, "message", str, where),
            state,
        )


def _short(value: Any) -> str:
    """A value of the file, as much of it as an error can show."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
