"""Writes trace files: the header, then each run's events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from cowcheck.machine.record.event import FIELDS, KIND, A, EventKind
from cowcheck.machine.trace.compressed import compressing
from cowcheck.machine.trace.fast_lines import write_lines
from cowcheck.machine.trace.header import Header, header_to_json
from cowcheck.machine.trace.line import begin_text, text_of

BUFFER = 1 << 20


class TraceWriter:
    """Writes to an open binary file, compressed as the suffix of ``name`` says. The same events make the same bytes.

    Close it (it is a context manager) before the file is closed: a compressed one has an end.
    """

    def __init__(self, file: BinaryIO, header: Header, name: str = "") -> None:
        self._file = file
        self._stream = compressing(file, name)
        self._buffer = np.zeros(BUFFER, np.uint8)
        self._line(json.dumps(header_to_json(header), separators=(",", ":")))

    def begin(self, name: str) -> None:
        """A run starts."""
        self._line(begin_text(name))

    def write(self, rows: np.ndarray[Any, np.dtype[np.int64]], texts: Sequence[str]) -> None:
        """The next events: rows of shape (n, WIDTH), whose numbers of texts are places in ``texts``."""
        rows = np.ascontiguousarray(rows, np.int64)
        done = 0
        while done < len(rows):
            done, size = (int(number) for number in write_lines(rows, done, self._buffer))
            self._stream.write(self._buffer[:size].tobytes())
            if done < len(rows) and size + 512 <= BUFFER:
                self._event([int(value) for value in rows[done]], texts)
                done += 1

    def close(self) -> None:
        """Ends the contents; the file itself stays open."""
        if self._stream is not self._file:
            self._stream.close()

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _event(self, row: list[int], texts: Sequence[str]) -> None:
        kind = EventKind(row[KIND])
        text = texts[row[A + FIELDS[kind].index("text")]] if "text" in FIELDS[kind] else ""
        self._line(text_of(row, text))

    def _line(self, text: str) -> None:
        self._stream.write(text.encode("ascii") + b"\n")
