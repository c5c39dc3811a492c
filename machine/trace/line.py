"""One line of a trace, slowly and strictly: an event's row as JSON text, and back with every mistake named.

A canonical line, as :func:`text_of` writes it, has its keys in the order of ``COMMON`` and ``FIELDS``, no spaces, and
each number as it is read: 64-bit patterns (:data:`PATTERNS`) from 0, all others with their sign. ``by`` comes last, and
only where it is not 0.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, NoReturn

from cowcheck.machine.record.event import BY, COMMON, FIELDS, KIND, WIDTH, EventKind

Row = list[int]
PATTERNS = {
    "pc": None,
    "by": None,
    "scause": None,
    "stval": None,
    "sepc": None,
    "at": None,
    "report": None,
    "x": None,
    "y": None,
    "old": EventKind.PTE,
    "new": EventKind.PTE,
}
"""Fields that are 64-bit patterns and not numbers with a sign; where a kind is given, of that kind only."""
LEAST, MOST = -(1 << 63), (1 << 64) - 1
NAMES = {kind: kind.name.lower() for kind in EventKind}
KINDS = {name: kind for kind, name in NAMES.items()}
BEGIN = "begin"
OPTIONAL = "by"


class LineError(Exception):
    """What is wrong with a line; whoever reads the file adds the place."""


class Begin(NamedTuple):
    """A line that begins a run."""

    name: str


def keys_of(kind: EventKind) -> tuple[str, ...]:
    """The keys of a line, in canonical order."""
    return (*COMMON, *FIELDS[kind])


def is_pattern(kind: EventKind, key: str) -> bool:
    """Whether a field is a 64-bit pattern, written from 0."""
    return key in PATTERNS and PATTERNS[key] in (None, kind)


def text_of(row: Row, text: str = "") -> str:
    """The canonical line of a row, without its newline. ``text`` is the event's, where its kind has one."""
    kind = EventKind(row[KIND])
    values: dict[str, Any] = {}
    for key, value in zip(keys_of(kind), row, strict=False):
        values[key] = value & MOST if is_pattern(kind, key) else value
    values["kind"] = NAMES[kind]
    if "text" in FIELDS[kind]:
        values["text"] = text
    if row[BY]:
        values[OPTIONAL] = row[BY] & MOST
    return json.dumps(values, separators=(",", ":"))


def begin_text(name: str) -> str:
    """The line that begins a run."""
    return json.dumps({BEGIN: name}, separators=(",", ":"))


def values_of(line: str) -> Any:
    """A line's JSON value. Raises :class:`LineError`."""
    try:
        return json.loads(line, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise LineError(f"no JSON ({error.msg} at character {error.pos + 1})") from error
    except RecursionError as error:
        raise LineError("no event: it is nested too deeply") from error
    except ValueError as error:  # Python reads no number of thousands of digits
        raise LineError("a number in it is too long") from error


def row_of(line: str) -> tuple[Row, str | None] | Begin:
    """The row of a line and its text, where its kind has one. Raises :class:`LineError`."""
    values = values_of(line)
    if not isinstance(values, dict):
        raise LineError("no event: a line is a JSON object")
    if BEGIN in values:
        return _begin(values)
    name = values.get("kind")
    if not isinstance(name, str) or name not in KINDS:
        told = "it has no 'kind'" if "kind" not in values else f"unknown event kind {str(name)[:60]!r}"
        raise LineError(f"{told}; known: {', '.join(KINDS)}")
    kind = KINDS[name]
    known = keys_of(kind)
    for key in values:
        if key not in known and key != OPTIONAL:
            raise LineError(f"a {name} event has no {key[:60]!r}; its keys: {', '.join(known)}")
    row, text = [int(kind)] + [0] * (WIDTH - 1), None
    for column, key in enumerate(known):
        if key not in values:
            raise LineError(f"this {name} event lacks {key!r}; its keys: {', '.join(known)}")
        if key == "text":
            text = values[key]
            if not isinstance(text, str):
                raise LineError("'text' is no text")
        elif column != KIND:
            row[column] = _number(key, values[key])
    row[BY] = _number(OPTIONAL, values.get(OPTIONAL, 0))
    return row, text


def _begin(values: dict[str, Any]) -> Begin:
    if len(values) > 1 or not isinstance(values[BEGIN], str):
        raise LineError(f'a line that begins a run is {{"{BEGIN}": "its name"}}, and nothing else')
    return Begin(values[BEGIN])


def _number(key: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise LineError(f"{key!r} is no whole number")
    if not LEAST <= value <= MOST:
        raise LineError(f"{key!r} is no 64-bit number")
    return value - (1 << 64) if value >> 63 > 0 else value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise LineError("a key stands in it twice")
    return values


def _no_number(name: str) -> NoReturn:
    raise LineError(f"{name} is no number of JSON's")
