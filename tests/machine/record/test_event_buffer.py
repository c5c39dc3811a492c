"""The buffer of events: rows from Python, texts by number, places before the rows that name them, and a full buffer."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cowcheck.machine.record import event_buffer
from cowcheck.machine.record.event import HART, KIND, PC, PID, TIME, A, B, C, EventKind
from cowcheck.machine.record.event_buffer import EventBuffer
from cowcheck.machine.record.texts import LONGEST_TEXT

SMALL = 8


class Sink:
    """Keeps what is passed on, with the texts put in their rows."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, ...]] = []
        self.texts: list[str] = []
        self.parts: list[int] = []

    def take(self, rows: np.ndarray[Any, Any], texts: Sequence[str]) -> None:
        self.parts.append(len(rows))
        for row in rows.tolist():
            self.rows.append(tuple(row))
            if row[KIND] in (EventKind.CONSOLE, EventKind.PANIC):
                self.texts.append(texts[row[A]])
            if row[KIND] == EventKind.PLACE:
                self.texts.append(texts[row[B]])

    def of(self, kind: EventKind) -> list[tuple[int, ...]]:
        return [row for row in self.rows if row[KIND] == kind]


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def buffer(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> EventBuffer:
    monkeypatch.setattr(event_buffer, "CAPACITY", SMALL)
    board: Any = SimpleNamespace(shared={"hart": 1, "retired": 77}, uart=SimpleNamespace(printed=bytearray()))
    kernel: Any = SimpleNamespace(place=lambda pc: f"place {pc:#x}")
    buffer = EventBuffer(board, kernel, sink.take)
    buffer.observer["hart_slot"][:] = -1
    buffer.observer["hart_slot"][1] = 3
    buffer.observer["slot_pid"][3] = 42
    return buffer


def test_a_row_has_its_columns(buffer: EventBuffer, sink: Sink) -> None:
    buffer.tell(EventKind.CENSUS, 5, -1, pc=0x80000010)
    buffer.tell(EventKind.TRAP, (1 << 63) + 5, 1 << 64, -2, hart=0)
    buffer.drain()
    census, trap = sink.of(EventKind.CENSUS)[0], sink.of(EventKind.TRAP)[0]
    assert [census[column] for column in (HART, PID, PC, TIME, A, B)] == [1, 42, 0x80000010, 77, 5, -1]
    assert [trap[column] for column in (HART, PID, PC, A, B, C)] == [0, 0, 0, 5 - (1 << 63), 0, -2]


def test_places_are_told_once_and_first(buffer: EventBuffer, sink: Sink) -> None:
    for pc in (0x20, 0x10, 0x20, 0):
        buffer.tell(EventKind.FENCE, pc=pc)
    buffer.drain()
    buffer.tell(EventKind.FENCE, pc=0x10)
    buffer.tell(EventKind.FENCE, pc=0x30)
    buffer.drain()
    assert [row[KIND] for row in sink.rows] == [EventKind.PLACE] * 2 + [EventKind.FENCE] * 4 + [EventKind.PLACE] + [
        EventKind.FENCE
    ] * 2
    assert sink.texts == ["place 0x10", "place 0x20", "place 0x30"]


def test_lines_are_told_whole(buffer: EventBuffer, sink: Sink) -> None:
    printed = buffer.board.uart.printed
    printed += b"before\n"
    buffer.forget()
    printed += b"one\r\ntw"
    buffer.drain()
    printed += b"o \xff\n"
    buffer.drain()
    assert sink.texts == ["one", "two \\xff"]


def test_a_text_is_cut(buffer: EventBuffer, sink: Sink) -> None:
    buffer.tell(EventKind.PANIC, buffer.text("x" * 10_000))
    buffer.drain()
    assert sink.texts == ["x" * (LONGEST_TEXT - 4) + " ..."]


def test_a_full_buffer_is_passed_on(buffer: EventBuffer, sink: Sink) -> None:
    """Its texts with it: a row never names a text that went with the rows before."""
    for number in range(3 * SMALL):
        buffer.tell(EventKind.PANIC, buffer.text(f"text {number}"))
    buffer.drain()
    assert sink.texts == [f"text {number}" for number in range(3 * SMALL)]
    assert max(sink.parts) <= SMALL


def test_a_kernel_that_prints_for_ever(buffer: EventBuffer, sink: Sink) -> None:
    buffer.board.uart.printed += b"\n" * 1000
    buffer.drain()
    assert len(sink.of(EventKind.CONSOLE)) == 1000


def test_callbacks_may_fill_it_to_the_last_row(buffer: EventBuffer, sink: Sink) -> None:
    """The recording is closed all the same."""
    buffer.events[:SMALL, KIND] = EventKind.FENCE
    buffer.observer["count"] = SMALL
    buffer.tell(EventKind.END, 0, buffer.text("over"))
    buffer.drain()
    assert [row[KIND] for row in sink.rows] == [EventKind.FENCE] * SMALL + [EventKind.END]
