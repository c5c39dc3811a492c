"""Traps after the privileged specification: what is saved, where it goes on, and what each exception tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unicorn import riscv_const as rv

from cowcheck.machine.board.board import Board, Pause
from cowcheck.machine.board.engine import Engine
from cowcheck.machine.board.state import BOARD, FIRST_PPN, KERNBASE, PAGE, PC, PRIV, Stop
from cowcheck.machine.board.trap import enter_trap
from cowcheck.machine.program import encoding
from cowcheck.machine.program.encoding import Reg
from cowcheck.model import sv39
from tests.machine.board.bare import (
    EBREAK,
    MCAUSE,
    MCOUNTEREN,
    MEDELEG,
    MENVCFG,
    MEPC,
    MIDELEG,
    MRET,
    MSTATUS,
    MTVAL,
    MTVEC,
    RESULTS,
    SATP,
    SCAUSE,
    SENVCFG,
    SEPC,
    SRET,
    SSTATUS,
    STIMECMP,
    STVAL,
    STVEC,
    TIME,
    Program,
    amo,
    csrrc,
    csrrs,
    csrrw,
    put,
    word,
)

USER, SUPERVISOR, MACHINE = 0, 1, 3


class Saved(NamedTuple):
    """What a trap leaves, by section 3.1.6.1 (the stacks of mstatus), 3.1.7 and 4.1.1 to 4.1.10."""

    level: int
    mstatus: int
    cause: int
    epc: int
    tval: int
    pc: int


def taken(mode: int, cause: int, interrupt: bool, epc: int, tval: int, csrs: dict[str, int]) -> Saved:
    """The trap as the specification has it."""
    status = csrs["mstatus"]
    delegated = csrs["mideleg" if interrupt else "medeleg"] >> cause & 1
    to_supervisor = mode <= SUPERVISOR and delegated
    ie, pie = (1, 5) if to_supervisor else (3, 7)
    enabled = status >> ie & 1
    status &= ~(1 << ie | 1 << pie)
    status |= enabled << pie
    field, previous = (1 << 8, mode << 8) if to_supervisor else (3 << 11, mode << 11)
    status = status & ~field | previous
    vector = csrs["stvec" if to_supervisor else "mtvec"]
    pc = (vector & ~3) + (4 * cause if interrupt and vector & 1 else 0)
    return Saved(SUPERVISOR if to_supervisor else MACHINE, status, cause | interrupt << 63, epc, tval, pc)


REGISTERS = {
    "mstatus": rv.UC_RISCV_REG_MSTATUS,
    "medeleg": rv.UC_RISCV_REG_MEDELEG,
    "mideleg": rv.UC_RISCV_REG_MIDELEG,
    "stvec": rv.UC_RISCV_REG_STVEC,
    "mtvec": rv.UC_RISCV_REG_MTVEC,
}
LEFT = {
    SUPERVISOR: (rv.UC_RISCV_REG_SCAUSE, rv.UC_RISCV_REG_SEPC, rv.UC_RISCV_REG_STVAL),
    MACHINE: (rv.UC_RISCV_REG_MCAUSE, rv.UC_RISCV_REG_MEPC, rv.UC_RISCV_REG_MTVAL),
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@settings(max_examples=200, deadline=None)
@given(
    mode=st.sampled_from([USER, SUPERVISOR, MACHINE]),
    trap=st.one_of(
        st.tuples(st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15]), st.just(False)),
        st.tuples(st.sampled_from([1, 3, 5, 7, 9, 11]), st.just(True)),
    ),
    status=st.integers(0, (1 << 64) - 1),
    delegation=st.tuples(*[st.sampled_from([0, 0xFFFF, 0xB109, 0x222])] * 2),
    vectors=st.tuples(st.integers(0, 1 << 30), st.integers(0, 1 << 30)),
    epc=st.integers(0, (1 << 62) - 1).map(lambda value: value << 1),
    tval=st.integers(0, (1 << 64) - 1),
)
def test_a_trap_is_entered_as_specified(
    engine: Engine,
    mode: int,
    trap: tuple[int, bool],
    status: int,
    delegation: tuple[int, int],
    vectors: tuple[int, int],
    epc: int,
    tval: int,
) -> None:
    record = np.zeros(1, BOARD)
    engine.write(PRIV, MACHINE)
    wanted = (status & ~(3 << 11 | 1 << 17), *delegation, *vectors)
    for (name, register), value in zip(REGISTERS.items(), wanted, strict=True):
        engine.write(register, value & ~2 if name[1:] == "tvec" else value)
    csrs = {name: engine.read(register) for name, register in REGISTERS.items()}  # what of it the hart took
    due = taken(mode, *trap, epc, tval, csrs)
    enter_trap(engine.handle, record[0], trap[0], trap[1], np.uint64(epc), np.uint64(tval), mode)
    level, pc = engine.read(PRIV), engine.read(PC)
    engine.write(PRIV, MACHINE)
    cause_register, epc_register, tval_register = (engine.read(it) for it in LEFT[due.level])
    found = Saved(level, engine.read(REGISTERS["mstatus"]), cause_register, epc_register, tval_register, pc)
    assert found == due
    assert record[0]["traps"] == 1
    assert (record[0]["stop"] == Stop.STUCK) == (csrs["mtvec" if due.level == MACHINE else "stvec"] & ~3 == 0)


# --- exceptions, each raised by an instruction ---

ROOT, MIDDLE, LEAVES = (KERNBASE + 0x30_0000 + PAGE * number for number in range(3))
DATA = KERNBASE + 0x31_0000
TEXT = DATA + PAGE
RWU, RU, XU, RW = (
    sv39.PTE_V | flags
    for flags in (
        sv39.PTE_R | sv39.PTE_W | sv39.PTE_U,
        sv39.PTE_R | sv39.PTE_U,
        sv39.PTE_X | sv39.PTE_U,
        sv39.PTE_R | sv39.PTE_W,
    )
)
PAGES = {  # the lowest pages; the identity map of RAM is a gigapage
    0x1000: (DATA, RWU),
    0x3000: (DATA, RU),
    0x4000: (TEXT, XU),
    0x5000: (DATA, RW),
    0x6000: (0x4000_0000, RWU | sv39.PTE_X),  # where nothing is
    0x8000: (TEXT, XU),
    0x9000: (TEXT, XU),
}


def map_pages(board: Board, mode: int) -> None:
    """Page tables for ``mode``: its code must be a user page or must not."""
    user = sv39.PTE_U if mode == USER else 0
    entries = {
        ROOT: sv39.make_pte(MIDDLE // PAGE, sv39.PTE_V),
        MIDDLE: sv39.make_pte(LEAVES // PAGE, sv39.PTE_V),
        ROOT + 2 * 8: sv39.make_pte(FIRST_PPN, sv39.PTE_V | sv39.PTE_R | sv39.PTE_W | sv39.PTE_X | user),
    }
    entries |= {LEAVES + va // PAGE * 8: sv39.make_pte(pa // PAGE, flags) for va, (pa, flags) in PAGES.items()}
    for address, pte in entries.items():
        put(board, address, pte.to_bytes(8, "little"))


class Found(NamedTuple):
    """What a handler saw: cause, epc, tval, and the mode that was left."""

    cause: int
    epc: int
    tval: int
    mode: int


def raised(mode: int, emit: Callable[[Program], None], text: bytes = b"") -> tuple[Found, int]:
    """What machine mode finds after these instructions in ``mode``; and the address of the first of them."""
    program = Program()
    program.csrw_label(MTVEC, "handler")
    program.csrw(SATP, 8 << 60 | ROOT // PAGE)
    program.csrw(MSTATUS, mode << 11)
    program.csrw_label(MEPC, "code")
    program.li(Reg.A1, 0x77)
    program.emit(MRET)
    program.label("handler")
    for number, csr in enumerate((MCAUSE, MEPC, MTVAL, MSTATUS)):
        program.csrr(Reg.T1, csr)
        program.store(RESULTS + 8 * number, Reg.T1)
    program.stop()
    program.label("code")
    emit(program)
    program.stop()
    board = Board(program.image())
    map_pages(board, mode)
    put(board, TEXT, text)
    assert board.run(10_000) is Pause.STILL
    cause, epc, tval, status = (word(board, RESULTS + 8 * number) for number in range(4))
    return Found(cause, epc, tval, status >> 11 & 3), program.address_of("code")


def access(instruction: int, va: int) -> Callable[[Program], None]:
    """An instruction that uses a0, which is ``va``."""

    def emit(program: Program) -> None:
        program.li(Reg.A0, va)
        program.label("access")
        program.emit(instruction)

    return emit


LB, LD, SB, SD = (
    encoding.lb(Reg.T0, Reg.A0, 0),
    encoding.ld(Reg.T0, Reg.A0, 0),
    encoding.sb(Reg.T0, Reg.A0, 0),
    encoding.sd(Reg.T0, Reg.A0, 0),
)
AMOADD, LR = amo(0, 8, Reg.T0, Reg.A0, Reg.A1), amo(2, 8, Reg.T0, Reg.A0, 0)


@pytest.mark.parametrize(
    ("instruction", "va", "cause", "tval"),
    [
        pytest.param(LD, 0x2008, 13, 0x2008, id="load, no page"),
        pytest.param(SD, 0x2010, 15, 0x2010, id="store, no page"),
        pytest.param(SB, 0x3ABC, 15, 0x3ABC, id="store, read-only"),
        pytest.param(LB, 0x4000, 13, 0x4000, id="load, execute-only"),
        pytest.param(LD, 0x5008, 13, 0x5008, id="load, the kernel's"),
        pytest.param(AMOADD, 0x3010, 15, 0x3010, id="atomic, read-only"),
        pytest.param(LR, 0x2010, 13, 0x2010, id="lr, no page"),
        pytest.param(LD, 1 << 38, 13, 1 << 38, id="load, not canonical"),
        pytest.param(SD, (1 << 64) - 8, 15, (1 << 64) - 8, id="store, the last word"),
        pytest.param(LD, 0x1FFC, 13, 0x2000, id="load, over a page's end"),
        pytest.param(SD, 0x1FF9, 15, 0x2000, id="store, over a page's end"),
        pytest.param(SD, 0x2FF9, 15, 0x2FF9, id="store, no first page"),
        pytest.param(LD, 0x6018, 5, 0x6018, id="load, no memory"),
        pytest.param(SD, 0x6018, 7, 0x6018, id="store, no memory"),
        pytest.param(AMOADD, 0x1004, 6, 0x1004, id="atomic, misaligned"),
        pytest.param(LR, 0x1004, 4, 0x1004, id="lr, misaligned"),
    ],
)
def test_a_users_access_faults(instruction: int, va: int, cause: int, tval: int) -> None:
    program = Program()
    program.li(Reg.A0, va)
    found, code = raised(USER, access(instruction, va))
    assert found == Found(cause, code + len(program.assemble()), tval, USER)


JUMP = encoding.jalr(Reg.ZERO, Reg.A0, 0)


@pytest.mark.parametrize(
    ("va", "cause", "epc", "tval"),
    [
        pytest.param(0x2000, 12, 0x2000, 0x2000, id="no page"),
        pytest.param(0x1004, 12, 0x1004, 0x1004, id="not executable"),
        pytest.param(0x5000, 12, 0x5000, 0x5000, id="the kernel's"),
        pytest.param(1 << 38, 12, 1 << 38, 1 << 38, id="not canonical"),
        pytest.param(0x6000, 1, 0x6000, 0x6000, id="no memory"),
        pytest.param(0x4FFE, 12, 0x4FFE, 0x5000, id="over a page's end"),
        pytest.param(0x4010, 2, 0x4010, 0xFFFFFFFF, id="illegal"),
        pytest.param(0x9000, 2, 0x9000, 0, id="illegal, at a page's start"),
        pytest.param(0x4020, 13, 0x4020, 0x77 + 4, id="compressed load"),
        pytest.param(0x4030, 8, 0x4030, 0, id="ecall"),
    ],
)
def test_user_code_faults_where_it_runs(va: int, cause: int, epc: int, tval: int) -> None:
    text = bytearray(PAGE)
    text[0xFFE:] = (0x0013).to_bytes(2, "little")  # the first half of a nop
    for at, instruction in ((0x10, 0xFFFFFFFF), (0x20, 0x41C8), (0x30, encoding.ECALL)):  # c.lw a0, 4(a1)
        text[at : at + 4] = instruction.to_bytes(4, "little")
    assert raised(USER, access(JUMP, va), bytes(text))[0] == Found(cause, epc, tval, USER)


@pytest.mark.parametrize(("mode", "cause"), [(USER, 8), (SUPERVISOR, 9), (MACHINE, 11)])
def test_an_ecall_tells_where_it_came_from(mode: int, cause: int) -> None:
    found, code = raised(mode, lambda program: program.emit(encoding.ECALL))
    assert found == Found(cause, code, 0, mode)


@pytest.mark.parametrize("mode", [USER, SUPERVISOR, MACHINE])
def test_ebreak(mode: int) -> None:
    found, code = raised(mode, lambda program: program.emit(encoding.NOP, EBREAK))
    assert found == Found(3, code + 4, code + 4, mode)


@pytest.mark.parametrize(
    ("mode", "instruction"),
    [
        pytest.param(USER, csrrs(Reg.A0, SSTATUS, 0), id="a user reads sstatus"),
        pytest.param(USER, csrrs(Reg.A0, TIME, 0), id="a user reads time"),
        pytest.param(USER, csrrs(Reg.A0, STIMECMP, 0), id="a user reads stimecmp"),
        pytest.param(USER, SRET, id="a user runs sret"),
        pytest.param(SUPERVISOR, csrrs(Reg.A0, MSTATUS, 0), id="a supervisor reads mstatus"),
        pytest.param(SUPERVISOR, csrrs(Reg.A0, MENVCFG, 0), id="a supervisor reads menvcfg"),
        pytest.param(SUPERVISOR, csrrs(Reg.A0, STIMECMP, 0), id="stimecmp, not enabled"),
        pytest.param(SUPERVISOR, csrrs(Reg.A0, TIME, 0), id="time, not enabled"),
        pytest.param(MACHINE, csrrw(Reg.A0, TIME, Reg.A1), id="time is written"),
        pytest.param(MACHINE, csrrs(Reg.A0, TIME, Reg.A1), id="bits of time are set"),
    ],
)
def test_what_is_not_allowed_is_illegal(mode: int, instruction: int) -> None:
    found, code = raised(mode, lambda program: program.emit(instruction))
    assert found == Found(2, code, instruction, mode)


def test_a_load_from_nowhere_in_machine_mode() -> None:
    found, _ = raised(MACHINE, access(LD, 0x4000_0008))
    assert (found.cause, found.tval, found.mode) == (5, 0x4000_0008, MACHINE)


def test_a_delegated_trap_and_back() -> None:
    """User code calls the supervisor, which goes back past the call; its own interrupt enable comes back by sret."""
    program = Program()
    program.csrw(MEDELEG, 0xFFFF)
    program.csrw(MIDELEG, 0xFFFF)
    program.csrr(Reg.T1, MIDELEG)
    program.store(RESULTS + 0x40, Reg.T1)
    program.csrw_label(STVEC, "handler")
    program.csrw_label(MTVEC, "never")
    program.csrw(MSTATUS, 1 << 1)  # to user mode, SIE set
    program.csrw_label(MEPC, "user")
    program.emit(MRET)
    program.label("user")
    program.emit(encoding.ECALL)
    program.li(Reg.A0, 5)
    program.emit(encoding.ECALL)
    program.label("handler")
    for number, csr in enumerate((SCAUSE, SEPC, STVAL, SSTATUS)):
        program.csrr(Reg.T1, csr)
        program.store(RESULTS + 8 * number, Reg.T1)
    program.li(Reg.T2, 5)
    program.beq(Reg.A0, Reg.T2, "end")
    program.csrr(Reg.T1, SEPC)
    program.emit(encoding.addi(Reg.T1, Reg.T1, 4), csrrw(0, SEPC, Reg.T1), SRET)
    program.label("end")
    program.stop()
    program.label("never")
    program.j("never")
    board = Board(program.image())
    assert board.run(10_000) is Pause.STILL
    cause, epc, tval, status = (word(board, RESULTS + 8 * number) for number in range(4))
    assert (cause, epc, tval) == (8, program.address_of("user") + 8, 0)
    assert status & 0x122 == 0x20  # SIE went to SPIE, came back by sret, and went again; SPP is user mode
    assert word(board, RESULTS + 0x40) & 0xAAA == 0x222  # machine-mode interrupts cannot be delegated


def test_the_csrs_that_are_carried_out() -> None:
    """menvcfg, stimecmp, senvcfg and time: exchange, set and clear, with what was there before."""
    program = Program()
    results = iter(range(RESULTS, RESULTS + 0x100, 8))
    program.csrw_label(MTVEC, "never")
    program.csrw(MCOUNTEREN, 2)
    program.li(Reg.A1, 1 << 63)
    program.emit(csrrw(Reg.A0, MENVCFG, Reg.A1))
    program.store(next(results), Reg.A0)
    program.csrw(MSTATUS, SUPERVISOR << 11)
    program.csrw_label(MEPC, "supervisor")
    program.emit(MRET)
    program.label("supervisor")
    program.li(Reg.A1, 0xF0F0)
    program.li(Reg.A2, 0x0FF0)
    for instruction in (
        csrrw(Reg.A0, STIMECMP, Reg.A1),
        csrrs(Reg.A0, STIMECMP, Reg.A2),
        csrrc(Reg.A0, STIMECMP, Reg.A1),
        csrrs(Reg.A0, STIMECMP, Reg.ZERO),
        csrrw(Reg.A0, STIMECMP, Reg.A1) | 4 << 12,  # csrrwi with the number of a1, 11
        csrrw(Reg.A1, STIMECMP, Reg.A1),
        csrrs(Reg.A0, SENVCFG, Reg.ZERO),
    ):
        program.emit(instruction)
        program.store(next(results), Reg.A1 if instruction >> 7 & 31 == Reg.A1 else Reg.A0)
    program.csrr(Reg.A0, TIME)
    program.store(next(results), Reg.A0)
    program.stop()
    program.label("never")
    program.j("never")
    board = Board(program.image())
    board.shared["time"] = 12345
    board.run(1000)
    found = [word(board, RESULTS + 8 * number) for number in range(9)]
    assert found == [0, (1 << 63) - 1, 0xF0F0, 0xFFF0, 0x0F00, 0x0F00, 11, 0, 12345]
    assert (int(board.shared["stimecmp"][0]), int(board.shared["menvcfg"][0])) == (0xF0F0, 1 << 63)
