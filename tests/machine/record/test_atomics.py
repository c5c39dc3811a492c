"""Atomic instructions reach the store callback, as what they store: the recorder relies on that of the emulator."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.board.state import KERNBASE
from cowcheck.machine.program import encoding
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.record.event import PC
from cowcheck.machine.record.observer import COUNTS_ARRAY
from tests.machine.board.bare import Program, amo
from tests.machine.record.machine import Machine
from tests.machine.record.world import COUNTS, World

ADD, SWAP, LR, SC, XOR, OR, AND, MIN, MAX, MINU, MAXU = 0, 1, 2, 3, 4, 8, 12, 16, 20, 24, 28
FRAME = 300
COUNT = COUNTS + 8 * FRAME


@pytest.fixture(scope="module")
def machine() -> Machine:
    program = Program()
    program.label("atomic")
    program.emit(encoding.NOP, encoding.NOP)  # the second is the instruction of the test
    program.ret()
    program.label("pair")
    program.emit(encoding.NOP)
    program.beq(Reg.A3, Reg.ZERO, "conditional")
    program.emit(encoding.sd(Reg.A4, Reg.A3, 0))  # another store in between
    program.label("conditional")
    program.emit(encoding.NOP)
    program.ret()
    program.label("back")
    program.stop()
    return Machine(program)


def patch(machine: Machine, label: str, instruction: int, offset: int = 0) -> int:
    """Puts an instruction at a label; gives its address."""
    address = machine.program.address_of(label) + offset
    at = address - KERNBASE
    machine.board.ram[at : at + 4] = list(instruction.to_bytes(4, "little"))
    machine.board.engine.forget_code()
    return address


def counted(machine: Machine, width: int) -> World:
    """Counts eight bytes apart, of this width."""
    world = machine.clean()
    world.use_counts(COUNTS_ARRAY, 8, width)
    return world


def as_c(value: int, width: int) -> int:
    value %= 1 << 8 * width
    return value - (1 << 8 * width) if value >> 8 * width - 1 else value


INTERESTING = st.one_of(
    st.integers(0, (1 << 64) - 1),
    st.integers(0, 9),
    st.sampled_from([(1 << 64) - 1, 1 << 63, (1 << 63) - 1, 1 << 31, (1 << 31) - 1, (1 << 32) - 1]),
)


@settings(max_examples=100, deadline=None)
@given(
    operation=st.sampled_from([ADD, SWAP, XOR, OR, AND, MIN, MAX, MINU, MAXU]),
    width=st.sampled_from([4, 8]),
    ordering=st.integers(0, 3),
    old=INTERESTING,
    operand=INTERESTING,
)
def test_what_an_atomic_instruction_stores(
    machine: Machine, operation: int, width: int, ordering: int, old: int, operand: int
) -> None:
    world = counted(machine, width)
    at = patch(machine, "atomic", amo(operation, width, Reg.A2, Reg.A0, Reg.A1) | ordering << 25, 4)
    world.put(COUNT, old)
    machine.call("atomic", {Reg.A0: COUNT, Reg.A1: operand})
    before, after = as_c(old, width), as_c(world.get(COUNT, width), width)
    assert machine.register(Reg.A2) % (1 << 64) == before % (1 << 64)  # that it ran at all
    assert [(row[PC], row[6], row[7]) for row in world.rows] == ([] if before == after else [(at, before, after)])
    assert machine.board.shared["dirty"][(COUNT - KERNBASE) // 4096]


@settings(max_examples=60, deadline=None)
@given(
    width=st.sampled_from([4, 8]),
    old=INTERESTING,
    new=INTERESTING,
    between=st.sampled_from([None, (0, 0), (0, 5), (8, 5)]),
    apart=st.booleans(),
)
def test_a_conditional_store_is_told_where_it_succeeds(
    machine: Machine, width: int, old: int, new: int, between: tuple[int, int] | None, apart: bool
) -> None:
    """It fails where the word was changed in between, or where the reservation is of another word."""
    world = counted(machine, width)
    world.put(COUNT, old)
    world.put(COUNT + 16, old)
    patch(machine, "pair", amo(LR, width, Reg.A2, Reg.A5, 0))
    patch(machine, "conditional", amo(SC, width, Reg.A2, Reg.A0, Reg.A1))
    registers: dict[int, int] = {Reg.A0: COUNT, Reg.A5: COUNT + (16 if apart else 0), Reg.A1: new, Reg.A3: 0, Reg.A4: 0}
    if between is not None:
        registers |= {Reg.A3: COUNT + between[0], Reg.A4: old ^ between[1]}
    machine.call("pair", registers)
    assert machine.register(Reg.A2) == int(apart or between == (0, 5))
    for frame, was in ((FRAME, old), (FRAME + 1, 0)):
        now = as_c(world.get(COUNT + 8 * (frame - FRAME), width), width)
        assert world.believed.counts.get(frame, as_c(was, width)) == now


def test_user_code_is_not_told(machine: Machine) -> None:
    """But its frames may differ all the same."""
    world = counted(machine, 4)
    world.observer["in_user"][0] = 1
    patch(machine, "atomic", amo(ADD, 4, Reg.A2, Reg.A0, Reg.A1), 4)
    machine.call("atomic", {Reg.A0: COUNT, Reg.A1: 1})
    assert world.get(COUNT, 4) == 1
    assert not world.rows
    assert machine.board.shared["dirty"].nonzero()[0].tolist() == [(COUNT - KERNBASE) // 4096]
