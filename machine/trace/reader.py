"""Reads trace files, which are untrusted: in blocks, never holding more than a line of 1 MiB beside them.

What is wrong with the header is an error. What is wrong after it ends the reading there: ``damage`` says where and
what, and all that stands before it has been read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from cowcheck.machine.record.event import FIELDS, KIND, WIDTH, A, EventKind
from cowcheck.machine.trace.compressed import Damaged, blocks
from cowcheck.machine.trace.fast_lines import Rows, read_lines
from cowcheck.machine.trace.header import Header, header_from_json
from cowcheck.machine.trace.line import Begin, LineError, row_of, values_of
from cowcheck.model.errors import CowcheckError

CHUNK = 1 << 15  # events
MOST_LINE = 1 << 20  # bytes
TOO_LONG = f"longer than {MOST_LINE >> 20} MiB: this is no event"


class Chunk(NamedTuple):
    """Events of consecutive lines, the first of them at line ``line``; they are gone when the next chunk is asked
    for."""

    rows: Rows
    texts: list[str]
    line: int


class TraceReader:
    """The contents of a trace file: its header, then its chunks and the beginnings of its runs.

    Raises :class:`CowcheckError` where the first line is no header of this schema.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self.damage = ""  # what is wrong where the reading stopped; empty for a whole file
        self._blocks = blocks(file, name)
        self._data = bytearray()
        self._trouble: Damaged | LineError | None = None  # why no more of the file can be read
        self._at = 0  # of _data: what comes before has been read
        self._line = 1  # the number of the line that begins there
        self._rows = np.zeros((CHUNK, WIDTH), np.int64)
        self.header = self._header()

    def __iter__(self) -> Iterator[Chunk | Begin]:
        """Can be iterated once."""
        try:
            yield from self._contents()
        except Damaged as error:
            self._damaged(str(error))
        except LineError as error:
            self._damaged(str(error))

    # --- parts ---

    def _header(self) -> Header:
        try:
            line = self._next_line()
            if line is None:
                raise CowcheckError(f"{self.name}: an empty file; a trace begins with a header line")
            values = values_of(self._decoded(line))
        except (Damaged, LineError) as error:
            raise CowcheckError(f"{self.name}:1: {error}; the first line of a trace is its header") from error
        header = header_from_json(values, f"{self.name}:1")
        self._line += 1
        return header

    def _contents(self) -> Iterator[Chunk | Begin]:
        texts: list[str] = []
        first, count, found, trouble = self._line, 0, None, None
        while True:
            before = count
            count = self._read_fast(count)
            self._line += count - before
            line = None
            if count < CHUNK:
                try:
                    line = self._next_line()
                    found = row_of(self._decoded(line)) if line and line.strip() else None
                except (LineError, Damaged) as error:
                    trouble = error
            if trouble is None and line is not None and found is not None and not isinstance(found, Begin):
                row, text = found
                if text is not None:
                    row[A + FIELDS[EventKind(row[KIND])].index("text")] = len(texts)
                    texts.append(text)
                self._rows[count] = row
                count += 1
                self._line += 1
                if len(texts) < CHUNK:
                    continue
            if count:
                yield Chunk(self._rows[:count], texts, first)
            if trouble is not None:
                raise trouble
            if isinstance(found, Begin):
                yield found
            if line is None and count < CHUNK:
                return
            if line is not None and (found is None or isinstance(found, Begin)):
                self._line += 1
            texts, first, count, found = [], self._line, 0, None

    def _read_fast(self, count: int) -> int:
        """Reads canonical lines as far as they are there."""
        while True:
            data = np.frombuffer(self._data, np.uint8)
            at, count = (int(number) for number in read_lines(data, self._at, len(data), self._rows, count))
            del data  # the bytes can be added to again
            self._at = at
            if count == CHUNK or self._data.find(b"\n", self._at) >= 0 or not self._fill():
                return count

    def _fill(self) -> bool:
        """Reads another block; whether there was one. What is wrong otherwise is kept in ``_trouble``."""
        if self._trouble is None and len(self._data) - self._at > MOST_LINE:
            self._trouble = LineError(TOO_LONG)
        if self._trouble is not None:
            return False
        try:
            block = next(self._blocks, None)
        except Damaged as error:
            self._trouble = error
            return False
        if block is None:
            return False
        del self._data[: self._at]
        self._at = 0
        self._data += block
        return True

    def _next_line(self) -> bytes | None:
        """The bytes of the next line; None where there is none any more. Raises what is wrong with it."""
        while (end := self._data.find(b"\n", self._at)) < 0:
            if not self._fill():
                if self._trouble is not None:
                    raise self._trouble
                if self._at == len(self._data):
                    return None
                raise LineError("the last line is cut off: it has no newline")
        if end - self._at > MOST_LINE:
            raise LineError(TOO_LONG)
        line = bytes(self._data[self._at : end])
        self._at = end + 1
        return line

    def _decoded(self, line: bytes) -> str:
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise LineError(f"not UTF-8 ({error.reason} at byte {error.start + 1})") from error

    def _damaged(self, problem: str) -> None:
        self.damage = f"{self.name}:{self._line}: {problem}"
