"""The fast reader and writer of lines do what the slow ones do, on every line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cowcheck.machine.record.event import BY, FIELDS, HART, PID, TIME, WIDTH, A, EventKind
from cowcheck.machine.trace.event_check import RANGES, problem_of
from cowcheck.machine.trace.header import Header
from cowcheck.machine.trace.line import Begin, LineError, begin_text, keys_of, row_of, text_of
from cowcheck.machine.trace.reader import Chunk, TraceReader
from cowcheck.machine.trace.schema import trace_schema
from cowcheck.machine.trace.writer import TraceWriter

SCHEMA = Path(__file__).parents[3] / "docs" / "trace.schema.json"
HEADER = Header("any", 8, 0x80100, 0x87FFF)

words = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-2, 100)
texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["", "\0", "\\", '"', "\x1b[31m", "\ud800"]
)


@st.composite
def rows(draw: st.DrawFn) -> tuple[list[int], str]:
    """A row of any numbers, and a text for those kinds that have one."""
    kind = draw(st.sampled_from(EventKind))
    row = [int(kind), *(draw(words) for _ in range(WIDTH - 1))]
    row[len(keys_of(kind)) :] = [0] * (WIDTH - len(keys_of(kind)))
    row[BY] = draw(st.just(0) | words)
    return row, draw(texts) if "text" in FIELDS[kind] else ""


@st.composite
def events(draw: st.DrawFn) -> tuple[list[int], str]:
    """A row that is an event."""
    row, text = draw(rows())
    kind = EventKind(row[0])
    row[HART], row[PID], row[TIME] = (draw(st.integers(0, most)) for most in (7, 1 << 20, 1 << 40))
    for column, name in enumerate(FIELDS[kind], start=A):
        if limits := RANGES.get((kind, name)):
            row[column] = draw(st.sampled_from([-1, 1]) if name == "step" else st.integers(*map(int, limits)))
    return row, text


def written(items: list[tuple[list[int], str]]) -> bytes:
    """The lines of rows, as a writer writes them."""
    stream = io.BytesIO()
    with TraceWriter(stream, HEADER) as writer:
        made, told = placed(items)
        writer.write(made, told)
    return stream.getvalue().split(b"\n", 1)[1]


def placed(items: list[tuple[list[int], str]]) -> tuple[Any, list[str]]:
    """Rows as an array, with the numbers of their texts."""
    made: list[list[int]] = []
    told: list[str] = []
    for row, text in items:
        kind = EventKind(row[0])
        made.append(list(row))
        if "text" in FIELDS[kind]:
            made[-1][A + FIELDS[kind].index("text")] = len(told)
            told.append(text)
    return np.array(made, np.int64).reshape(-1, WIDTH), told


def read(data: bytes) -> tuple[list[tuple[list[int], str]], str]:
    """The rows of a trace's lines, and what was damaged."""
    header = io.BytesIO()
    TraceWriter(header, HEADER).close()
    reader = TraceReader(io.BytesIO(header.getvalue() + data), "any")
    found = []
    for part in reader:
        assert isinstance(part, Chunk)
        for row in part.rows.tolist():
            kind, text = EventKind(row[0]), ""
            if "text" in FIELDS[kind]:
                column = A + FIELDS[kind].index("text")
                text, row[column] = part.texts[row[column]], 0
            found.append((row, text))
    return found, reader.damage


def without_numbers(items: list[tuple[list[int], str]]) -> list[tuple[list[int], str]]:
    """The same, with 0 for the numbers of texts."""
    cleared = []
    for row, text in items:
        cleared.append((list(row), text))
        if "text" in FIELDS[EventKind(row[0])]:
            cleared[-1][0][A + FIELDS[EventKind(row[0])].index("text")] = 0
    return cleared


@settings(deadline=None)
@given(st.lists(rows(), max_size=12))
def test_the_fast_writer_writes_what_the_slow_one_does(items: list[tuple[list[int], str]]) -> None:
    assert written(items) == "".join(text_of(row, text) + "\n" for row, text in items).encode()


@settings(deadline=None)
@given(st.lists(rows(), max_size=12))
def test_what_is_written_is_read(items: list[tuple[list[int], str]]) -> None:
    assert read(written(items)) == (without_numbers(items), "")


@settings(deadline=None, max_examples=300)
@given(rows(), st.data())
def test_the_fast_reader_reads_what_the_slow_one_does(item: tuple[list[int], str], data: st.DataObject) -> None:
    """Any line that is like one that is written: with a byte changed, put in or left out."""
    line = bytearray(text_of(*item).encode())
    at = data.draw(st.integers(0, len(line)))
    change = data.draw(st.sampled_from(["none", "change", "insert", "delete", "spaces", "reorder"]))
    if change == "change":
        line[at % len(line)] = data.draw(st.sampled_from(b'0123456789-+.eE,:{}"x \x00\xff'))
    elif change == "insert":
        line[at:at] = data.draw(st.sampled_from([b"0", b"-", b" ", b"9" * 30, b"\t", b",", b"1e3", b"\r"]))
    elif change == "delete":
        del line[at : at + data.draw(st.integers(1, 3))]
    elif change == "spaces":
        line = bytearray(json.dumps(json.loads(line), indent=None).encode())
    elif change == "reorder":
        line = bytearray(json.dumps(json.loads(line), sort_keys=True).encode())
    if not line.strip() or b"\n" in line:
        return
    try:
        row, text = row_of(line.decode())  # type: ignore[misc] # no line of these begins a run
        expected: Any = ([(row, text or "")], "")
    except UnicodeDecodeError:
        expected = ([], "any:2: not UTF-8")
    except LineError as error:
        expected = ([], f"any:2: {error}")
    found, damage = read(bytes(line) + b"\n")
    assert (found, damage.split(" (")[0]) == (without_numbers(expected[0]), expected[1].split(" (")[0])


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_names_of_runs_are_read_as_they_were_written(name: str) -> None:
    assert row_of(begin_text(name)) == Begin(name)


def test_chunks_break_at_runs_and_lines_are_counted() -> None:
    fence = text_of([int(EventKind.FENCE), *[0] * (WIDTH - 1)]) + "\n"
    console = text_of([int(EventKind.CONSOLE), *[0] * (WIDTH - 1)], "hello") + "\n"
    stream = io.BytesIO()
    TraceWriter(stream, HEADER).close()
    stream.write((fence + console + "\n" + fence + begin_text("x") + "\n" + console).encode())
    stream.seek(0)
    parts = [
        (part.line, len(part.rows), list(part.texts)) if isinstance(part, Chunk) else part
        for part in TraceReader(stream, "any")
    ]
    assert parts == [(2, 2, ["hello"]), (5, 1, []), Begin("x"), (7, 1, ["hello"])]


def test_many_lines_come_in_chunks_of_bounded_size() -> None:
    count = 100_000
    made = np.zeros((count, WIDTH), np.int64)
    made[:, 0], made[:, TIME] = EventKind.FENCE, np.arange(count)
    stream = io.BytesIO()
    with TraceWriter(stream, HEADER) as writer:
        writer.write(made, [])
    stream.seek(0)
    chunks = [part.rows.copy() for part in TraceReader(stream, "any") if isinstance(part, Chunk)]
    assert max(map(len, chunks)) < count
    assert np.array_equal(np.concatenate(chunks), made)


# --- the schema ---


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    values = json.loads(SCHEMA.read_text("utf-8"))
    Draft202012Validator.check_schema(values)
    return Draft202012Validator(values)


def test_the_schema_in_docs_is_the_vocabularys() -> None:
    """Write it again with: json.dumps(trace_schema(), indent=2)"""
    assert SCHEMA.read_text("utf-8") == json.dumps(trace_schema(), indent=2) + "\n"


@settings(deadline=None, max_examples=60)
@given(events())
def test_every_line_that_is_written_is_valid(schema: Draft202012Validator, item: tuple[list[int], str]) -> None:
    assert problem_of(item[0], HEADER.harts) == ""
    schema.validate(json.loads(text_of(*item)))


@settings(deadline=None, max_examples=60)
@given(rows())
def test_what_the_schema_refuses_is_no_event(schema: Draft202012Validator, item: tuple[list[int], str]) -> None:
    if not schema.is_valid(json.loads(text_of(*item))):
        assert problem_of(item[0], HEADER.harts)


def test_the_header_and_the_beginning_of_a_run_are_valid(schema: Draft202012Validator) -> None:
    stream = io.BytesIO()
    with TraceWriter(stream, Header("k", 2, 1, 9, counts=None, no_counts="none was found")) as writer:
        writer.begin("a run")
    lines = stream.getvalue().splitlines()
    for line in lines:
        schema.validate(json.loads(line))
    assert len(lines) == 2
