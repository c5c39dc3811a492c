"""The console's registers, and when its interrupt line is up (16550A; xv6 kernel/uart.c)."""

from __future__ import annotations

import pytest

from cowcheck.machine.board.devices import uart
from cowcheck.machine.board.devices.uart import Uart

THR = RHR = 0
IER, ISR, LCR, LSR, SCR = 1, 2, 3, 5, 7
NOTHING, RECEIVED, SENT = 0xC1, 0xC4, 0xC2


class Line:
    """Remembers what the port last said of its line."""

    def __init__(self) -> None:
        self.up = False
        self.port = Uart(self.set)

    def set(self, up: bool) -> None:
        self.up = up


@pytest.fixture
def line() -> Line:
    return Line()


def test_what_is_printed_leaves_at_once(line: Line) -> None:
    for byte in b"xv6 kernel":
        assert line.port.read(LSR, 1) & 0x60 == 0x60
        line.port.write(THR, 1, byte | 0x100)  # only the lowest eight bits are the register's
    assert line.port.printed == b"xv6 kernel"
    assert not line.up  # nobody enabled the interrupt


def test_what_is_typed_is_received_in_order(line: Line) -> None:
    assert line.port.read(LSR, 1) & 1 == 0
    line.port.type(b"ls")
    line.port.type(b"\n")
    received = bytearray()
    while line.port.read(LSR, 1) & 1:
        received.append(line.port.read(RHR, 1))
    assert received == b"ls\n"
    assert line.port.read(RHR, 1) == 0


def test_the_receivers_interrupt(line: Line) -> None:
    line.port.type(b"a")
    assert not line.up
    line.port.write(IER, 1, 1)
    assert line.up
    assert line.port.read(ISR, 1) == RECEIVED
    assert line.up  # only reading the byte lowers it
    assert line.port.read(RHR, 1) == ord("a")
    assert not line.up
    assert line.port.read(ISR, 1) == NOTHING


def test_the_transmitters_interrupt(line: Line) -> None:
    line.port.write(IER, 1, 2)
    assert line.up  # it is empty already
    assert line.port.read(ISR, 1) == SENT
    assert not line.up
    line.port.write(THR, 1, ord("x"))
    assert line.up
    line.port.type(b"y")
    line.port.write(IER, 1, 3)
    assert line.port.read(ISR, 1) == RECEIVED  # the receiver goes first
    line.port.read(RHR, 1)
    assert line.up
    assert line.port.read(ISR, 1) == SENT
    assert line.port.read(ISR, 1) == NOTHING
    line.port.write(IER, 1, 2)  # enabled already: that raises nothing
    assert not line.up
    line.port.write(IER, 1, 0)
    line.port.write(IER, 1, 2)
    assert line.up


def test_setting_the_baud_rate_prints_nothing(line: Line) -> None:
    line.port.type(b"q")
    line.port.write(LCR, 1, 0x80)
    line.port.write(THR, 1, 3)
    line.port.write(IER, 1, 3)
    assert line.port.read(RHR, 1) == line.port.read(IER, 1) == 0
    line.port.write(LCR, 1, 3)
    assert (line.port.read(LCR, 1), line.port.read(IER, 1), bytes(line.port.printed)) == (3, 0, b"")
    assert line.port.read(RHR, 1) == ord("q")


def test_other_registers(line: Line) -> None:
    line.port.write(SCR, 1, 0x5A)
    line.port.write(ISR, 1, 7)  # FCR
    assert (line.port.read(SCR, 1), line.port.read(4, 1), line.port.read(0x300, 4)) == (0x5A, 0, 0)


def test_a_kernel_that_prints_for_ever_fills_no_memory(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uart, "MOST_OUTPUT", 100)
    for _ in range(250):
        line.port.write(THR, 1, ord("."))
    assert (len(line.port.printed), line.port.discarded) == (100, 150)
