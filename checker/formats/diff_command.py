"""``cowcheck diff``: from two results to text and an exit status."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.text import Text

from cowcheck.checker.console import Stdout
from cowcheck.checker.exit_status import ExitStatus
from cowcheck.checker.formats.case import SINGULAR, Group
from cowcheck.checker.formats.diff import Difference, Place, Slower, Violated, difference
from cowcheck.checker.formats.reading import read_report
from cowcheck.checker.printable import printable

WIDTH = 80
MOST_NAMED = 12
_STYLES = {"new": "bold red", "fixed": "green", "still there": "yellow", "not checked any more": "yellow", "slower": ""}


def diff_command(old: Path, new: Path, factor: float) -> ExitStatus:
    """Compares two files and prints. Raises :class:`CowcheckError` for what is no result."""
    found = difference(read_report(old), read_report(new), factor)
    console = Stdout()
    for line, style in lines(found):
        console.print(Text(line, style), soft_wrap=True)
    return ExitStatus.VIOLATION if found.new else ExitStatus.PASS


def lines(found: Difference) -> Iterator[tuple[str, str]]:
    """The lines of the text, and their styles; the summary is the last."""
    parts = {
        "new": list(_by_invariant(found.new)),
        "fixed": list(_by_invariant(found.fixed)),
        "still there": list(_by_invariant(found.still)),
        "not checked any more": [*_by_invariant(found.unknown), *_lost(found.lost)],
        "slower": [_slower(item) for item in found.slower],
    }
    messages: dict[str, str] = {}
    for item, problem in found.new.items():
        if problem is not None:
            messages.setdefault(item.invariant, problem.message)
    for part, items in parts.items():
        for invariant, text in items:
            yield from _folded(f"{part}: {text}", _STYLES[part])
            if part == "new" and invariant in messages:
                yield from _folded(messages[invariant], "", "  ")
    counts = {
        "new": len({item.invariant for item in found.new}),
        "fixed": len({item.invariant for item in found.fixed}),
        "still there": len({item.invariant for item in found.still}),
    }
    told = ", ".join(f"{count} {part}" for part, count in counts.items())
    more = len(parts["not checked any more"]), len(parts["slower"])
    yield f"invariants: {told}; {more[0]} not checked any more, {more[1]} slower", "bold"


def _by_invariant(items: Iterable[Violated]) -> Iterator[tuple[str, str]]:
    places: dict[str, list[Place]] = {}
    for item in items:
        places.setdefault(item.invariant, []).append(item.place)
    for invariant, where in places.items():
        told = [_place(place) for place in where if place.group is not Group.INVARIANTS]
        yield invariant, f"{invariant}{': ' if told else ''}{_some(told)}"


def _lost(places: Iterable[Place]) -> Iterator[tuple[str, str]]:
    if told := [_place(place) for place in places]:
        yield "", _some(told)


def _place(place: Place) -> str:
    design = f"{place.design}, " if place.design else ""
    return f"{design}{SINGULAR[place.group]} {place.name}"


def _some(names: list[str]) -> str:
    more = f"; and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return "; ".join(names[:MOST_NAMED]) + more


def _slower(item: Slower) -> tuple[str, str]:
    digits = 1 if item.unit == "seconds" else 0
    return "", f"{_place(item.place)}: {item.after:,.{digits}f} {item.unit}, were {item.before:,.{digits}f}"


def _folded(text: str, style: str, indent: str = "") -> Iterator[tuple[str, str]]:
    for line in textwrap.wrap(
        printable(text), WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
    ):
        yield line, style
