"""QEMU as a machine: RAM that both sides see, registers, breakpoints, the console, and budgets that end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from cowcheck.machine.board.board import BoardImage
from cowcheck.machine.board.state import KERNBASE, PC, X0
from cowcheck.machine.program import encoding
from cowcheck.machine.program.assembler import Assembler
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.qemu.program import NAME
from cowcheck.machine.qemu.qemu import Qemu, Registers

pytestmark = pytest.mark.skipif(shutil.which(NAME) is None, reason=f"{NAME} is not installed")

UART = 0x1000_0000
CELL = KERNBASE + 0x10_0000
READ_MHARTID = 0xF140_2573  # csrr a0, mhartid


def program() -> tuple[BoardImage, dict[str, int]]:
    """Prints "hi", adds its number to a counter of its own, and echoes what is typed with hart 0."""
    code = Assembler(KERNBASE)
    code.emit(READ_MHARTID)
    code.emit(encoding.slli(Reg.T3, Reg.A0, 3))
    code.li(Reg.S0, CELL)
    code.emit(encoding.add(Reg.S0, Reg.S0, Reg.T3), encoding.addi(Reg.T0, Reg.A0, 1))
    code.label("count")
    code.emit(encoding.ld(Reg.T1, Reg.S0, 0), encoding.add(Reg.T1, Reg.T1, Reg.T0), encoding.sd(Reg.T1, Reg.S0, 0))
    code.label("rest")
    code.bne(Reg.A0, Reg.ZERO, "rest")
    code.li(Reg.S1, UART)
    for byte in b"hi":
        code.li(Reg.T2, byte)
        code.emit(encoding.sb(Reg.T2, Reg.S1, 0))
    code.label("wait")
    code.emit(encoding.lbu(Reg.T2, Reg.S1, 5), encoding.andi(Reg.T2, Reg.T2, 1))
    code.beq(Reg.T2, Reg.ZERO, "wait")
    code.emit(encoding.lbu(Reg.T2, Reg.S1, 0), encoding.sb(Reg.T2, Reg.S1, 0))
    code.label("echoed")
    code.j("wait")
    places = {name: code.address_of(name) for name in ("count", "rest", "wait", "echoed")}
    return BoardImage(KERNBASE, [(KERNBASE, code.assemble())], (), ()), places


@pytest.fixture
def machine() -> Iterator[Qemu]:
    with Qemu(program()[0], harts=2) as started:
        yield started


def word(machine: Qemu, number: int) -> int:
    at = CELL - KERNBASE + 8 * number
    return int.from_bytes(machine.ram[at : at + 8].tobytes(), "little")


def test_every_hart_stops_at_a_breakpoint_once(machine: Qemu) -> None:
    _, places = program()
    machine.set_breakpoint(places["count"])
    stops = [machine.run() for _ in range(2)]
    assert sorted(stop.hart for stop in stops) == [0, 1]
    assert not any(stop.interrupted for stop in stops)
    for hart in (0, 1):
        machine.switch(hart)
        registers = Registers(machine)
        assert registers.read(X0 + Reg.A0) == hart
    machine.run()
    assert [word(machine, number) for number in (0, 1)] == [1, 2]


def test_ram_is_seen_from_both_sides(machine: Qemu) -> None:
    _, places = program()
    machine.set_breakpoint(places["count"])
    machine.run()
    machine.ram[CELL - KERNBASE : CELL - KERNBASE + 16] = [7, *[0] * 7, 9, *[0] * 7]
    machine.set_breakpoint(places["count"], on=False)
    assert machine.run().interrupted
    assert [word(machine, number) for number in (0, 1)] == [8, 11]


def test_registers_can_be_set(machine: Qemu) -> None:
    _, places = program()
    machine.set_breakpoint(places["count"])
    stopped = machine.run()
    machine.switch(stopped.hart)
    machine.engine.write(X0 + Reg.T0, 100)
    machine.passed(stopped.hart, machine.engine.read(PC) + 4)
    machine.set_breakpoint(places["count"], on=False)
    machine.run()
    assert word(machine, stopped.hart) == 100  # the load was passed over: t1 was 0


def test_what_is_typed_comes_back(machine: Qemu) -> None:
    _, places = program()
    machine.set_breakpoint(places["echoed"])
    machine.uart.type(b"!?")
    stops = [machine.run(), machine.run()]
    assert not any(stop.interrupted for stop in stops)
    assert bytes(machine.uart.printed) == b"hi!?"


def test_a_machine_that_never_stops_is_looked_at() -> None:
    with Qemu(program()[0]) as machine:
        before = int(machine.shared["retired"])
        assert machine.run().interrupted
        assert int(machine.shared["retired"]) > before + 1_000_000
        assert bytes(machine.uart.printed) == b"hi"
