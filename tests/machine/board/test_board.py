"""The board as a whole, under programs of a few instructions: harts, interrupts, clock; nothing is left to chance."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from cowcheck.machine.board.board import LONGEST_QUANTUM, Board, BoardImage, Pause
from cowcheck.machine.board.state import KERNBASE, PC, X0
from cowcheck.machine.program import encoding
from cowcheck.machine.program.encoding import Reg
from tests.machine.board.bare import (
    EBREAK,
    FENCE_I,
    MCAUSE,
    MCOUNTEREN,
    MEDELEG,
    MENVCFG,
    MEPC,
    MHARTID,
    MIDELEG,
    MIE,
    MRET,
    MSTATUS,
    MTVEC,
    RESULTS,
    SCAUSE,
    SEPC,
    SIE,
    SIP,
    SRET,
    SSTATUS,
    STIMECMP,
    STVEC,
    TIME,
    WFI,
    Program,
    amo,
    csrrc,
    csrrs,
    word,
)

CLINT, PLIC, UART = 0x0200_0000, 0x0C00_0000, 0x1000_0000
MIE_BIT, SIE_BIT, SPP_BIT, MPP_S = 1 << 3, 1 << 1, 1 << 8, 1 << 11
INTERRUPT = 1 << 63
USED_BYTES = 8 << 20


def state_of(board: Board) -> str:
    """What programs use of RAM, and the registers of every hart, as a digest."""
    current = int(board.shared["hart"])
    digest = blake2b(board.ram[:USED_BYTES].tobytes())
    for hart in range(board.harts):
        board.switch(hart)
        digest.update(str([board.engine.read(register) for register in (PC, *range(X0, X0 + 32))]).encode())
    board.switch(current)
    return digest.hexdigest()


@pytest.mark.parametrize("harts", [1, 2, 3, 8])
def test_each_hart_knows_its_number(harts: int) -> None:
    program = Program()
    program.csrr(Reg.A0, MHARTID)
    program.csrr(Reg.ZERO, MHARTID)  # and nothing happens to x0
    program.csrr(Reg.T5, MHARTID)
    program.emit(encoding.slli(Reg.T1, Reg.A0, 4))
    program.li(Reg.T2, RESULTS)
    program.emit(encoding.add(Reg.T1, Reg.T1, Reg.T2), encoding.addi(Reg.T5, Reg.T5, 1), encoding.sd(Reg.T5, Reg.T1, 0))
    program.emit(encoding.sd(Reg.ZERO, Reg.T1, 8))
    program.stop()
    board = Board(program.image(), harts=harts)
    assert board.run(1_000_000) is Pause.STILL
    assert [word(board, RESULTS + 16 * hart) for hart in range(9)] == [*range(1, harts + 1), *[0] * (9 - harts)]
    assert board.waiting == [True] * harts


def timer_program(wait: bool) -> Program:
    """Machine mode sets its timer to 1000 beyond now, and counts in t2 or waits; the handler tells what it found."""
    program = Program()
    program.csrw_label(MTVEC, "handler")
    program.li(Reg.S0, CLINT)
    program.li(Reg.T1, CLINT + 0xBFF8)
    program.emit(encoding.ld(Reg.T1, Reg.T1, 0), encoding.addi(Reg.T1, Reg.T1, 1000))
    program.li(Reg.T2, CLINT + 0x4000)
    program.emit(encoding.sd(Reg.T1, Reg.T2, 0))
    program.store(RESULTS, Reg.T1)
    program.csrw(MIE, 1 << 7)
    program.csrw(MSTATUS, MIE_BIT)
    program.li(Reg.T2, 0)
    program.label("loop")
    program.emit(WFI if wait else encoding.NOP, encoding.addi(Reg.T2, Reg.T2, 1))
    program.j("loop")
    program.label("handler")
    program.store(RESULTS + 8, Reg.T2)
    for number, csr in enumerate((MCAUSE, MEPC, MSTATUS), 2):
        program.csrr(Reg.T1, csr)
        program.store(RESULTS + 8 * number, Reg.T1)
    program.li(Reg.T1, CLINT + 0xBFF8)
    program.emit(encoding.ld(Reg.T1, Reg.T1, 0))
    program.store(RESULTS + 40, Reg.T1)
    program.csrw(MIE, 0)
    program.stop()
    return program


@pytest.mark.parametrize("wait", [False, True], ids=["busy", "waiting"])
def test_a_timer_interrupt_in_machine_mode(wait: bool) -> None:
    program = timer_program(wait)
    board = Board(program.image())
    assert board.run(1_000_000) is Pause.STILL
    due, turns, cause, epc, status, now = (word(board, RESULTS + 8 * number) for number in range(6))
    assert cause == INTERRUPT | 7
    assert due <= now < due + 2000 + (0 if wait else LONGEST_QUANTUM)  # set in the first turn, taken after it
    assert status & (MIE_BIT | 1 << 7 | 3 << 11) == 1 << 7 | 3 << 11  # MIE went to MPIE; it was machine mode
    loop = program.address_of("loop")
    if wait:
        assert (turns, epc) == (0, loop + 4)
        assert board.jumps == 1
    else:
        assert turns > 100
        assert loop <= epc <= loop + 8
        assert board.jumps == 0


def test_wfi_goes_on_without_a_trap_where_interrupts_are_off() -> None:
    program = Program()
    program.csrw_label(MTVEC, "never")
    program.li(Reg.T1, 5000)
    program.store(CLINT + 0x4000, Reg.T1)
    program.csrw(MIE, 1 << 7)
    program.emit(WFI)
    program.li(Reg.T1, 0x600D)
    program.store(RESULTS, Reg.T1)
    program.csrw(MIE, 0)
    program.stop()
    program.label("never")
    program.store(RESULTS, Reg.ZERO)
    program.j("never")
    board = Board(program.image())
    assert board.run(100_000) is Pause.STILL
    assert word(board, RESULTS) == 0x600D
    assert int(board.shared["time"]) >= 5000


def test_harts_that_all_wait_are_still() -> None:
    program = Program()
    program.stop()
    board = Board(program.image(), harts=2)
    assert board.run(1 << 40) is Pause.STILL
    assert int(board.shared["retired"]) < 100
    assert board.run(1 << 40) is Pause.STILL


def test_a_hart_wakes_another() -> None:
    """Hart 1 waits for the software interrupt that hart 0 sends it."""
    program = Program()
    program.csrw_label(MTVEC, "handler")
    program.csrr(Reg.A0, MHARTID)
    program.bne(Reg.A0, Reg.ZERO, "second")
    program.li(Reg.T2, 20_000)
    program.label("loop")
    program.emit(encoding.addi(Reg.T2, Reg.T2, -1))
    program.bne(Reg.T2, Reg.ZERO, "loop")
    program.li(Reg.T1, 1)
    program.li(Reg.T2, CLINT + 4)
    program.emit(encoding.sw(Reg.T1, Reg.T2, 0))
    program.stop()
    program.label("second")
    program.csrw(MIE, 1 << 3)
    program.csrw(MSTATUS, MIE_BIT)
    program.stop()
    program.label("handler")
    program.csrr(Reg.T1, MCAUSE)
    program.store(RESULTS, Reg.T1)
    program.li(Reg.T2, CLINT + 4)
    program.emit(encoding.sw(Reg.ZERO, Reg.T2, 0), MRET)
    board = Board(program.image(), harts=2)
    assert board.run(1_000_000) is Pause.STILL
    assert word(board, RESULTS) == INTERRUPT | 3


def supervisor(program: Program, enabled: int) -> None:
    """Goes on in supervisor mode, everything delegated, ``sie`` as given and interrupts on."""
    program.csrw(MEDELEG, 0xFFFF)
    program.csrw(MIDELEG, 0x222)
    program.csrw(MCOUNTEREN, 2)
    program.csrw(MENVCFG, 1 << 63)
    program.csrw(SIE, enabled)
    program.csrw(MSTATUS, MPP_S | 1 << 5)
    program.csrw_label(MEPC, "supervisor")
    program.emit(MRET)
    program.label("supervisor")


@pytest.mark.parametrize("vectored", [0, 1])
def test_the_supervisors_timer(vectored: int) -> None:
    """Sstc: stimecmp raises the interrupt, and setting it anew takes it back."""
    program = Program()
    program.la(Reg.T0, "vectors")
    program.emit(encoding.addi(Reg.T0, Reg.T0, vectored))
    program.csrw(STVEC, Reg.T0)
    supervisor(program, 1 << 5)
    program.csrr(Reg.T1, TIME)
    program.emit(encoding.addi(Reg.T1, Reg.T1, 2000))
    program.csrw(STIMECMP, Reg.T1)
    program.csrw(SSTATUS, SIE_BIT)
    program.label("loop")
    program.emit(encoding.addi(Reg.S1, Reg.S1, 1))
    program.j("loop")
    program.label("handler")
    for number, csr in enumerate((SCAUSE, SEPC, SSTATUS, SIP)):
        program.csrr(Reg.T2, csr)
        program.store(RESULTS + 8 * number, Reg.T2)
    program.li(Reg.T1, -1)
    program.csrw(STIMECMP, Reg.T1)
    program.csrr(Reg.T2, SIP)
    program.store(RESULTS + 32, Reg.T2)
    program.store(RESULTS + 40, Reg.S2)
    program.csrw(SIE, 0)
    program.stop()
    program.align(128)
    program.label("vectors")
    for number in range(16):
        program.emit(encoding.addi(Reg.S2, Reg.ZERO, number)) if number < 5 and not vectored else None
        program.j("handler" if not vectored or number == 5 else "never")
    program.label("never")
    program.j("never")
    board = Board(program.image())
    assert board.run(1_000_000) is Pause.STILL
    cause, epc, status, pending, after, entry = (word(board, RESULTS + 8 * number) for number in range(6))
    assert cause == INTERRUPT | 5
    assert program.address_of("loop") <= epc <= program.address_of("loop") + 4
    assert status & (SIE_BIT | 1 << 5 | SPP_BIT) == 1 << 5 | SPP_BIT
    assert (pending & 1 << 5, after & 1 << 5, entry) == (1 << 5, 0, 0)


def test_a_pending_interrupt_is_taken_where_it_is_enabled() -> None:
    """A software interrupt that stands while SIE is off is taken at the instruction that enables it, not later."""
    program = Program()
    program.csrw_label(STVEC, "handler")
    supervisor(program, 1 << 1)
    program.emit(csrrc(0, SSTATUS, Reg.ZERO))
    program.li(Reg.T1, SIE_BIT)
    program.emit(csrrc(0, SSTATUS, Reg.T1))
    program.li(Reg.T2, 1 << 1)
    program.emit(csrrs(0, SIP, Reg.T2), *[encoding.addi(Reg.S1, Reg.S1, 1)] * 10)
    program.emit(csrrs(0, SSTATUS, Reg.T1))
    program.label("enabled")
    program.emit(*[encoding.addi(Reg.S1, Reg.S1, 1)] * 10)
    program.stop()
    program.label("handler")
    program.csrr(Reg.T1, SCAUSE)
    program.store(RESULTS, Reg.T1)
    program.csrr(Reg.T1, SEPC)
    program.store(RESULTS + 8, Reg.T1)
    program.store(RESULTS + 16, Reg.S1)
    program.csrw(SIE, 0)
    program.stop()
    board = Board(program.image())
    assert board.run(100_000) is Pause.STILL
    assert word(board, RESULTS) == INTERRUPT | 1
    assert (word(board, RESULTS + 8), word(board, RESULTS + 16)) == (program.address_of("enabled"), 10)


def console_program() -> Program:
    """Supervisor mode reads the console by interrupts, as xv6 does, and keeps what it read."""
    program = Program()
    program.csrw_label(STVEC, "handler")
    program.li(Reg.S3, RESULTS)
    program.li(Reg.T1, 1)
    for register, base in ((UART + 1, Reg.T2), (PLIC + 4 * 10, Reg.T2)):
        program.li(base, register)
        program.emit(encoding.sb(Reg.T1, base, 0) if register == UART + 1 else encoding.sw(Reg.T1, base, 0))
    program.li(Reg.T1, 1 << 10)
    program.li(Reg.T2, PLIC + 0x2080)
    program.emit(encoding.sw(Reg.T1, Reg.T2, 0))
    supervisor(program, 1 << 9)
    program.csrw(SSTATUS, SIE_BIT)
    program.label("wait")
    program.emit(WFI)
    program.j("wait")
    program.label("handler")
    program.csrr(Reg.S4, SCAUSE)
    program.li(Reg.T1, PLIC + 0x201004)
    program.emit(encoding.lw(Reg.S5, Reg.T1, 0))
    program.emit(encoding.sd(Reg.S4, Reg.S3, 0), encoding.sd(Reg.S5, Reg.S3, 8), encoding.addi(Reg.S3, Reg.S3, 16))
    program.li(Reg.S6, UART)
    program.label("more")
    program.emit(encoding.lbu(Reg.T3, Reg.S6, 5), encoding.andi(Reg.T3, Reg.T3, 1))
    program.beq(Reg.T3, Reg.ZERO, "done")
    program.emit(encoding.lbu(Reg.T3, Reg.S6, 0), encoding.sb(Reg.T3, Reg.S6, 0))
    program.j("more")
    program.label("done")
    program.emit(encoding.sw(Reg.S5, Reg.T1, 0), SRET)
    return program


def test_typed_text_comes_through_the_interrupt_controller() -> None:
    board = Board(console_program().image())
    assert board.run(100_000) is Pause.STILL
    for text in (b"echo", b" hi\n"):
        board.uart.type(text)
        assert board.run(100_000) is Pause.STILL
    assert board.uart.printed == b"echo hi\n"
    assert [word(board, RESULTS + 8 * number) for number in range(6)] == [INTERRUPT | 9, 10] * 2 + [0, 0]


def test_a_trap_without_a_handler_is_told() -> None:
    program = Program()
    program.emit(EBREAK)
    board = Board(program.image())
    assert board.run(1000) is Pause.STUCK


def test_code_that_is_nowhere() -> None:
    """pc leaves RAM: a fetch access fault, which nobody handles either."""
    board = Board(BoardImage(0x5000_0000, [], [], []))
    assert board.run(1000) is Pause.STUCK


def test_a_budget_ends_a_run() -> None:
    program = Program()
    program.label("loop")
    program.j("loop")
    board = Board(program.image())
    assert board.run(1_000_000) is Pause.BUDGET
    assert 1_000_000 <= int(board.shared["retired"]) < 1_500_000
    assert int(board.shared["time"]) == int(board.shared["retired"])


def race() -> Program:
    """Harts draw tickets from one counter by atomic additions, and each writes its number at its ticket's place."""
    program = Program()
    program.csrr(Reg.S0, MHARTID)
    program.emit(encoding.addi(Reg.S0, Reg.S0, 1))
    program.li(Reg.S1, RESULTS)
    program.li(Reg.S2, RESULTS + 64)
    program.li(Reg.S3, 30_000)
    program.li(Reg.S4, 1)
    program.label("loop")
    program.emit(
        amo(0, 8, Reg.T0, Reg.S1, Reg.S4), encoding.add(Reg.T1, Reg.T0, Reg.S2), encoding.sb(Reg.S0, Reg.T1, 0)
    )
    program.blt(Reg.T0, Reg.S3, "loop")
    program.stop()
    return program


def test_two_runs_with_one_seed_are_the_same() -> None:
    states, orders = [], []
    for seed in (7, 7, 8):
        board = Board(race().image(), harts=3, seed=seed)
        assert board.run(10_000_000) is Pause.STILL
        order = board.ram[RESULTS - KERNBASE + 64 :][:30_000].tobytes()
        assert set(order) == {1, 2, 3}
        assert word(board, RESULTS) == 30_003
        states.append(state_of(board))
        orders.append(order)
    assert states[0] == states[1]
    assert orders[0] != orders[2]


def test_code_that_is_written_runs() -> None:
    """A program that writes its own next instruction, and fence.i."""
    program = Program()
    program.li(Reg.T1, encoding.addi(Reg.A0, Reg.ZERO, 2))
    program.la(Reg.T2, "patched")
    program.li(Reg.S0, 0)
    program.label("again")
    program.label("patched")
    program.emit(encoding.addi(Reg.A0, Reg.ZERO, 1))
    program.emit(encoding.add(Reg.S1, Reg.S1, Reg.A0), encoding.sw(Reg.T1, Reg.T2, 0), FENCE_I)
    program.bne(Reg.S0, Reg.ZERO, "end")
    program.li(Reg.S0, 1)
    program.j("again")
    program.label("end")
    program.store(RESULTS, Reg.S1)
    program.stop()
    board = Board(program.image())
    assert board.run(1000) is Pause.STILL
    assert word(board, RESULTS) == 3
