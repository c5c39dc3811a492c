"""Signals that end a command: raised at once, but never in the middle of what must be whole."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from cowcheck.machine import interruption
from cowcheck.machine.board.board import Board
from cowcheck.machine.interruption import Terminated, held, raised
from cowcheck.machine.program.encoding import Reg, sb
from tests.machine.board.bare import Program


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """As the command line sets them."""
    interruption.forget()
    before = signal.signal(signal.SIGINT, lambda *_: interruption.interrupt(KeyboardInterrupt))
    yield
    signal.signal(signal.SIGINT, before)
    interruption.forget()


def test_it_is_raised_at_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_what_is_held_is_done_whole() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), held():  # noqa: PT012 - that the second line runs is the point
        signal.raise_signal(signal.SIGINT)
        done.append("whole")
    assert done == ["whole"]


def test_held_within_held() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), held():  # noqa: PT012
        with held():
            signal.raise_signal(signal.SIGINT)
        done.append("outer")
    assert done == ["outer"]


@pytest.mark.parametrize("inside", [False, True])
def test_a_part_may_be_left(inside: bool) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), held():  # noqa: PT012
        if not inside:
            signal.raise_signal(signal.SIGINT)
        with raised():
            done.append("begun")
            signal.raise_signal(signal.SIGINT)
            done.append("ended")
    assert done == (["begun"] if inside else [])


def printing() -> tuple[Board, list[int]]:
    """A board whose hart prints for ever; Ctrl-C comes with the first byte. What the port was told is kept."""
    program = Program()
    program.li(Reg.T0, 0x1000_0000)
    program.li(Reg.T1, ord("x"))
    program.label("again")
    program.emit(sb(Reg.T1, Reg.T0, 0))
    program.j("again")
    told: list[int] = []
    board = Board(program.image())
    write = board.uart.write

    def interrupted(offset: int, size: int, value: int) -> None:
        if not told:
            signal.raise_signal(signal.SIGINT)
        told.append(value)
        write(offset, size, value)

    board.uart.write = interrupted  # type: ignore[method-assign]
    return board, told


def test_a_device_that_was_called_is_done_before() -> None:
    board, told = printing()
    with pytest.raises(KeyboardInterrupt):
        board.run(10_000_000)
    assert told[0] == ord("x")
    assert bytes(board.uart.printed) == bytes(told)


def test_one_that_was_lost_is_raised_after_the_next_turn() -> None:
    board, _ = printing()
    with pytest.raises(Terminated):
        interruption.interrupt(Terminated)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with pytest.raises(Terminated):
        board.run(10_000_000)
