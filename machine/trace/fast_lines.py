"""Canonical lines of a trace, compiled: rows to bytes and back, a few million a second.

Only what :func:`line.text_of` writes is read here, of kinds without a text. At any other line the reader stops, and
``line.row_of`` reads that one; so nothing is decided here but that a line is exactly as a writer writes it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cowcheck.machine.native import compiled
from cowcheck.machine.record.event import BY, FIELDS, KIND, WIDTH, EventKind
from cowcheck.machine.trace.line import NAMES, OPTIONAL, is_pattern, keys_of

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Rows = np.ndarray[Any, np.dtype[np.int64]]

OPENING = b'{"kind":"'
AT = len(OPENING)
MOST_LINE = 512  # bytes of a canonical line, generously
MINUS, COMMA = 45, 44
_KINDS = [kind for kind in EventKind if "text" not in FIELDS[kind]]
_MOST_KINDS = max(EventKind) + 1


def _pieces(kind: EventKind) -> list[bytes]:
    """What stands before each number of a line, and after the last."""
    first, *others = keys_of(kind)[1:]
    begin = OPENING + f'{NAMES[kind]}","{first}":'.encode()
    return [begin, *(f',"{key}":'.encode() for key in others), b"}\n"]


def _tables() -> tuple[Bytes, Rows, Rows, Rows]:
    text, starts = bytearray(), np.zeros((_MOST_KINDS, WIDTH + 1), np.int64)
    numbers, unsigned = np.zeros(_MOST_KINDS, np.int64), np.zeros((_MOST_KINDS, WIDTH), np.int64)
    for kind in _KINDS:
        pieces = _pieces(kind)
        numbers[kind] = len(pieces) - 1
        for place, piece in enumerate(pieces):
            starts[kind, place] = len(text)
            text += bytes([len(piece)]) + piece
        for column, key in enumerate(keys_of(kind)):
            unsigned[kind, column] = is_pattern(kind, key)
    return np.frombuffer(bytes(text), np.uint8), starts, numbers, unsigned


PIECES, STARTS, NUMBERS, UNSIGNED = _tables()
BEFORE_BY = np.frombuffer(bytes([len(OPTIONAL) + 4]) + f',"{OPTIONAL}":'.encode(), np.uint8)
"""The pieces, each after its length; where each kind's begin; how many numbers a kind has, and which are patterns."""


def _by_letters() -> Rows:
    """The kind by three letters of its name."""
    table = np.zeros(256, np.int64)
    for kind in _KINDS:
        name = NAMES[kind].encode()
        place = (name[0] * 7 + name[1] * 5 + name[2] * 29) & 255
        assert not table[place], "two kinds have one place; change the factors"
        table[place] = kind
    return table


BY_LETTERS = _by_letters()


@compiled
def skip(data: Bytes, at: int, start: int, pieces: Bytes) -> Any:
    """The place after a piece, -1 where something else stands."""
    length = int(pieces[start])
    for offset in range(length):
        if data[at + offset] != pieces[start + 1 + offset]:
            return -1
    return at + length


@compiled
def read_number(data: Bytes, at: int) -> Any:
    """The place after a number as a writer writes it, -1 where none stands; and the number."""
    minus = data[at] == MINUS
    if minus:
        at += 1
    first = at
    value = np.uint64(0)
    while data[at] - 48 < 10 and data[at] >= 48 and at - first < 20:
        value = value * np.uint64(10) + np.uint64(data[at] - 48)
        at += 1
    digits = at - first
    if digits == 0 or digits > 19 - minus or (data[first] == 48 and (digits > 1 or minus)):
        return -1, np.int64(0)
    return at, -np.int64(value) if minus else np.int64(value)


@compiled
def read_lines(data: Bytes, start: int, end: int, rows: Rows, count: int) -> Any:
    """Reads canonical lines of ``data[start:end]`` into ``rows`` from ``count`` on.

    Returns where it stopped (at the end, where the rows are full, or before a line that is not canonical or not whole),
    and the number of rows.
    """
    at = start
    while count < rows.shape[0] and end - at >= AT + 4:
        safe = end - at >= MOST_LINE  # else every step looks where the data end
        here = at + AT
        if not safe:
            newline = here
            while newline < end and data[newline] != 10:
                newline += 1
            if newline == end or newline - at < AT + 40:
                break
        place = (np.int64(data[here]) * 7 + np.int64(data[here + 1]) * 5 + np.int64(data[here + 2]) * 29) & 255
        kind = BY_LETTERS[place]
        if kind == 0:
            break
        here = skip(data, at, STARTS[kind, 0], PIECES)
        column = 1
        while here >= 0:
            here, value = read_number(data, here)
            if here < 0:
                break
            rows[count, column] = value
            if column == NUMBERS[kind]:
                break
            here = skip(data, here, STARTS[kind, column], PIECES)
            column += 1
        if here < 0:
            break
        by = np.int64(0)
        if data[here] == COMMA:
            here = skip(data, here, 0, BEFORE_BY)
            if here >= 0:
                here, by = read_number(data, here)
            if here < 0 or by == 0:
                break
        here = skip(data, here, STARTS[kind, NUMBERS[kind]], PIECES)
        if here < 0:
            break
        rows[count, KIND] = kind
        for rest in range(column + 1, BY):
            rows[count, rest] = 0
        rows[count, BY] = by
        count += 1
        at = here
    return at, count


@compiled
def write_number(data: Bytes, at: int, value: int, unsigned: bool) -> Any:
    """Writes a number in decimal; the place after it."""
    left = np.uint64(value)
    if value < 0 and not unsigned:
        data[at] = MINUS
        at += 1
        left = np.uint64(0) - left
    size = 1
    power = np.uint64(10)
    while size < 20 and left >= power:
        size += 1
        power = power * np.uint64(10) if size < 20 else power
    for place in range(at + size - 1, at - 1, -1):
        data[place] = np.uint8(48) + np.uint8(left % np.uint64(10))
        left //= np.uint64(10)
    return at + size


@compiled
def write_lines(rows: Rows, start: int, data: Bytes) -> Any:
    """Writes rows from ``start`` on as canonical lines, until the data are full or a row's kind has a text.

    Returns the row that it stopped at, and the number of bytes.
    """
    at, row = 0, start
    while row < rows.shape[0] and at + MOST_LINE <= data.shape[0]:
        kind = rows[row, KIND]
        if kind < 1 or kind >= NUMBERS.shape[0] or NUMBERS[kind] == 0:
            break
        for place in range(NUMBERS[kind] + 1):
            piece = STARTS[kind, place]
            length = int(PIECES[piece])
            for offset in range(length):
                data[at + offset] = PIECES[piece + 1 + offset]
            at += length
            if place < NUMBERS[kind]:
                at = write_number(data, at, rows[row, place + 1], UNSIGNED[kind, place + 1] != 0)
            if place == NUMBERS[kind] - 1 and rows[row, BY] != 0:
                for offset in range(BEFORE_BY[0]):
                    data[at + offset] = BEFORE_BY[1 + offset]
                at = write_number(data, at + BEFORE_BY[0], rows[row, BY], True)
        row += 1
    return row, at
