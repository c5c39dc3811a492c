"""Headers and compressed files: what is written is read, and the same contents are the same bytes."""

from __future__ import annotations

import builtins
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from cowcheck.machine.record.event import WIDTH, EventKind
from cowcheck.machine.trace.compressed import blocks
from cowcheck.machine.trace.event_check import problem_of
from cowcheck.machine.trace.header import MOST_FRAMES, MOST_HARTS, MOST_PPN, Header, header_from_json, header_to_json
from cowcheck.machine.trace.reader import Chunk, TraceReader
from cowcheck.machine.trace.writer import TraceWriter
from cowcheck.model.errors import CowcheckError

short = st.text(st.characters(codec="utf-8"), max_size=20)


@st.composite
def headers(draw: st.DrawFn) -> Header:
    first = draw(st.integers(1, MOST_PPN))
    return Header(
        kernel=draw(short),
        harts=draw(st.integers(1, MOST_HARTS)),
        first_ppn=first,
        last_ppn=draw(st.integers(first, min(first + MOST_FRAMES - 1, MOST_PPN))),
        build_id=draw(short),
        machine=draw(short),
        counts=draw(st.none() | st.dictionaries(short, short | st.integers(0, 1 << 40), max_size=3)),
        no_counts=draw(short),
        ownership=draw(st.booleans()),
        no_ownership=draw(short),
        workload=draw(short),
    )


@given(headers())
def test_a_header_is_read_as_it_was_written(header: Header) -> None:
    assert header_from_json(json.loads(json.dumps(header_to_json(header))), "any") == header


WRONG: Sequence[tuple[Mapping[str, Any], str]] = [
    ({"harts": True}, "'harts' is no number from 1 to 64"),
    ({"harts": 65}, "'harts' is no number from 1 to 64"),
    ({"ram": [2, 1]}, "'ram[1]' is no number from 2"),
    ({"ram": [0, 1]}, "'ram[0]' is no number from 1"),
    ({"ram": [1, 2, 3]}, "'ram' is no pair"),
    ({"kernel": 1}, "'kernel' is no text"),
    ({"kernel": "x" * 5000}, "'kernel' is no text of at most 4096 characters"),
    ({"counts": 1}, "'counts' is no object"),
    ({"counts": {"at": []}}, "'counts' holds something for 'at' that is no short text and no number"),
    ({"ownership": None}, "'ownership' is not true or false"),
]


@pytest.mark.parametrize(("values", "problem"), WRONG)
def test_what_is_wrong_with_a_header_is_told(values: Mapping[str, Any], problem: str) -> None:
    with pytest.raises(CowcheckError) as caught:
        header_from_json({**header_to_json(Header("k", 1, 1, 2)), **values}, "boot.jsonl:1")
    assert str(caught.value).startswith("boot.jsonl:1: ")
    assert problem in str(caught.value)


def written(name: str, count: int) -> bytes:
    rows = np.zeros((count, WIDTH), np.int64)
    rows[:, 0], rows[:, 4] = EventKind.FENCE, np.arange(count)
    file = io.BytesIO()
    with TraceWriter(file, Header("k", 1, 1, 2), name) as writer:
        writer.write(rows, [])
    return file.getvalue()


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz", "run.jsonl.zst"])
def test_compressed_files_are_told_by_their_contents(name: str) -> None:
    data = written(name, 30_000)
    assert written(name, 30_000) == data
    parts = [part.rows.copy() for part in TraceReader(io.BytesIO(data), "stdin") if isinstance(part, Chunk)]
    assert sum(map(len, parts)) == 30_000


def pieces(data: bytes) -> SearchStrategy[list[int]]:
    return st.lists(st.integers(1, len(data)), max_size=5)


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz", "run.jsonl.zst"])
@given(data=st.data())
def test_a_file_may_come_in_any_pieces(name: str, data: st.DataObject) -> None:
    """A pipe gives what is there, not what was asked for."""
    whole = written(name, 300)
    cuts = sorted(data.draw(pieces(whole)))

    class Pipe:
        def __init__(self) -> None:
            self.parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if a < b]

        def read(self, size: int) -> bytes:
            part = self.parts.pop(0) if self.parts else b""
            if len(part) > size:
                self.parts.insert(0, part[size:])
            return part[:size]

    contents = b"".join(blocks(Pipe(), name))  # type: ignore[arg-type]
    assert contents == written("run.jsonl", 300)


def test_where_zstandard_is_missing_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    data = written("run.jsonl.zst", 1)
    present = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name in ("zstandard", "compression"):
            raise ImportError(name)
        return present(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CowcheckError, match=r"^run\.zst: zstandard is not installed here; run `pip install zstandard`"):
        TraceReader(io.BytesIO(data), "run.zst")
    with pytest.raises(CowcheckError, match="zstandard is not installed"):
        written("run.jsonl.zst", 1)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((99, 0, 0, 0, 0), "unknown event kind 99; known: 1 to "),
        ((EventKind.FENCE, 1, 0, 0, 0), "'hart' is 1; the header says that there are 1, from 0"),
        ((EventKind.FENCE, 0, -1, 0, 0), "'pid' is -1; give a number from 0 to 2147483647"),
        ((EventKind.FENCE, 0, 0, 0, -1), "'time' is -1; give the number of instructions"),
        ((EventKind.STATE, 0, 0, 0, 0, 1, 6), "'state' of a state event is 6; give a number from 0 to 5"),
        ((EventKind.LIST, 0, 0, 0, 0, 1, 0), "'step' of a list event is 0; give 1 for put on and -1 for taken off"),
        ((EventKind.FENCE, 0, 0, 0, 0), ""),
    ],
)
def test_what_is_wrong_with_a_row_is_told(row: tuple[int, ...], problem: str) -> None:
    told = problem_of([*row, *[0] * (WIDTH - len(row))], 1)
    assert told.startswith(problem)
    assert bool(told) == bool(problem)
