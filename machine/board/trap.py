"""Trap entry and interrupt delivery, compiled (RISC-V privileged architecture 1.12, sections 3.1.6 to 3.1.9 and 4.1).

Unicorn tells its host of an exception and leaves the rest to it. The callback here does what the hardware does: it
chooses the level by ``medeleg``/``mideleg``, saves the privilege and the interrupt enable, sets cause, epc and tval,
and goes on at the trap vector. Instructions that Unicorn lacks (Sstc's ``stimecmp``, ``menvcfg``, ``time``) are carried
out.
"""

from __future__ import annotations

import numpy as np
from unicorn import riscv_const as rv

from cowcheck.machine.board.decode import access_of
from cowcheck.machine.board.state import (
    BOARD,
    LINE_MSIP,
    LINE_MTIP,
    LINE_SEIP,
    LINE_STIP,
    MACHINE,
    MIE,
    MPIE,
    MPP,
    PAGE,
    PC,
    PRIV,
    RAM_BYTES,
    SIE,
    SPIE,
    SPP,
    SUPERVISOR,
    USER,
    X0,
    Stop,
    read,
    write,
)
from cowcheck.machine.board.walk import FETCH, LOAD, NO_ADDRESS, STORE, is_ram, load_word, translate
from cowcheck.machine.native import (
    INTERRUPT_CALLBACK,
    Array,
    Record,
    Value,
    callback,
    carray,
    compiled,
    pointer,
    uc_emu_stop,
)

MSTATUS, MEDELEG, MIDELEG, MIP = (
    rv.UC_RISCV_REG_MSTATUS,
    rv.UC_RISCV_REG_MEDELEG,
    rv.UC_RISCV_REG_MIDELEG,
    rv.UC_RISCV_REG_MIP,
)
MIE_REGISTER, MTVEC, MEPC, MCAUSE, MTVAL = (
    rv.UC_RISCV_REG_MIE,
    rv.UC_RISCV_REG_MTVEC,
    rv.UC_RISCV_REG_MEPC,
    rv.UC_RISCV_REG_MCAUSE,
    rv.UC_RISCV_REG_MTVAL,
)
MCOUNTEREN = rv.UC_RISCV_REG_MCOUNTEREN
STVEC, SEPC, SCAUSE, STVAL, SATP = (
    rv.UC_RISCV_REG_STVEC,
    rv.UC_RISCV_REG_SEPC,
    rv.UC_RISCV_REG_SCAUSE,
    rv.UC_RISCV_REG_STVAL,
    rv.UC_RISCV_REG_SATP,
)
INTERRUPT = np.uint64(1 << 63)
ILLEGAL_INSTRUCTION, BREAKPOINT, USER_ECALL, FETCH_PAGE_FAULT = 2, 3, 8, 12
LOAD_MISALIGNED, LOAD_REFUSED, STORE_REFUSED = 4, 5, 7  # the latter two: access faults
STOP_STUCK = int(Stop.STUCK)
MOST_FAULTS = 50  # of the kernel's own in one run: xv6 panics at the first

SSIP = 1 << 1
SUPERVISOR_LINES = LINE_STIP | LINE_SEIP

CSR_STIMECMP, CSR_MENVCFG, CSR_TIME, CSR_SENVCFG = 0x14D, 0x30A, 0xC01, 0x10A
COUNTEREN_TM = 1 << 1  # mcounteren: supervisor mode may know the time


@compiled
def enter_trap(
    engine: Value, board: Record, cause: Value, interrupt: Value, epc: Value, tval: Value, privilege: Value
) -> None:
    """Takes a trap on the hart that runs now. The privilege register is already machine mode; it is set anew."""
    delegated = read(engine, board, MIDELEG if interrupt else MEDELEG) >> np.uint64(cause) & np.uint64(1)
    status = read(engine, board, MSTATUS)
    code = np.uint64(cause) | (INTERRUPT if interrupt else np.uint64(0))
    if privilege <= SUPERVISOR and delegated:
        enabled = np.uint64(SPIE) if status & np.uint64(SIE) else np.uint64(0)
        status = status & ~np.uint64(SIE | SPIE | SPP) | enabled
        if privilege == SUPERVISOR:
            status |= np.uint64(SPP)
        write(engine, board, SCAUSE, code)
        write(engine, board, SEPC, epc)
        write(engine, board, STVAL, tval)
        vector = read(engine, board, STVEC)
        level = SUPERVISOR
    else:
        enabled = np.uint64(MPIE) if status & np.uint64(MIE) else np.uint64(0)
        status = status & ~np.uint64(MIE | MPIE | MPP) | enabled | np.uint64(privilege << 11)
        write(engine, board, MCAUSE, code)
        write(engine, board, MEPC, epc)
        write(engine, board, MTVAL, tval)
        vector = read(engine, board, MTVEC)
        level = MACHINE
    write(engine, board, MSTATUS, status)
    base = vector & ~np.uint64(3)
    target = base
    if interrupt and vector & np.uint64(1):
        target += np.uint64(4 * cause)
    board.traps += 1
    write(engine, board, PRIV, level)
    write(engine, board, PC, target)
    if privilege != USER and not interrupt:
        board.faults += 1
    if base == 0 or board.faults > MOST_FAULTS:  # no trap handler, or one that faults for ever
        board.stop = STOP_STUCK
        uc_emu_stop(engine)


@compiled
def fetch(engine: Value, board: Record, ram: Array, pc: Value, privilege: Value) -> Value:
    """The instruction at ``pc`` (16 or 32 bits), read as the hart would; 0 where it cannot be.

    The privilege register is machine mode; the hart's is ``privilege``.
    """
    satp, status = read(engine, board, SATP), read(engine, board, MSTATUS)
    pa = translate(ram, satp, status, privilege, pc, FETCH)
    if pa == NO_ADDRESS:
        return np.uint64(0)
    low = load_word(ram, pa, 2)
    if low & np.uint64(3) != np.uint64(3):
        return low
    above = translate(ram, satp, status, privilege, np.uint64(pc) + np.uint64(2), FETCH)
    if above == NO_ADDRESS:
        return np.uint64(0)
    return low | load_word(ram, above, 2) << np.uint64(16)


@compiled
def fault_address(engine: Value, board: Record, ram: Array, pc: Value, cause: Value, privilege: Value) -> Value:
    """``stval`` of a fault (table 4.2): the address of the first byte that the access could not reach."""
    satp, status = read(engine, board, SATP), read(engine, board, MSTATUS)
    if cause == 1 or cause == FETCH_PAGE_FAULT:
        first = translate(ram, satp, status, privilege, pc, FETCH)
        if first == NO_ADDRESS or (cause == 1 and not is_ram(first)):
            return np.uint64(pc)
        return np.uint64(pc) + np.uint64(2)  # the second half of an instruction that lies over a page's end
    address, size = access_of(engine, board, fetch(engine, board, ram, pc, privilege))
    va = np.uint64(address)
    if size > 1 and cause != 4 and cause != 6:  # a misaligned atomic access is refused before it is looked at
        access = LOAD if cause == 5 or cause == 13 else STORE
        last = va + np.uint64(size - 1)
        if last & ~np.uint64(PAGE - 1) != va & ~np.uint64(PAGE - 1):
            first = translate(ram, satp, status, privilege, va, access)
            if first != NO_ADDRESS and (cause >= FETCH_PAGE_FAULT or is_ram(first)):
                return last & ~np.uint64(PAGE - 1)
    return va


@compiled
def emulate_csr(engine: Value, board: Record, instruction: Value, privilege: Value) -> Value:
    """Carries out an access to a CSR that Unicorn lacks; False where it is none of them, or not allowed here."""
    i = np.int64(instruction)
    function = (i >> 12) & 7
    if i & 0x7F != 0x73 or function & 3 == 0 or privilege == 0:
        return False
    csr, hart = i >> 20 & 0xFFF, board.hart
    timed = privilege == MACHINE or read(engine, board, MCOUNTEREN) & np.uint64(COUNTEREN_TM) != 0
    if csr == CSR_STIMECMP and timed and (privilege == MACHINE or board.menvcfg[hart] >> np.uint64(63)):
        old = board.stimecmp[hart]
    elif csr == CSR_MENVCFG and privilege == MACHINE:
        old = board.menvcfg[hart]
    elif csr == CSR_TIME and timed and (function & 3 != 1 and (i >> 15) & 31 == 0):  # it cannot be written
        old = np.uint64(board.time)
    elif csr == CSR_SENVCFG:
        old = np.uint64(0)
    else:
        return False
    source = (i >> 15) & 31
    operand = np.uint64(source) if function >= 5 else read(engine, board, X0 + source)
    kind = function & 3
    if kind == 1:
        new = operand
    elif kind == 2:
        new = old | operand
    else:
        new = old & ~operand
    if kind == 1 or source != 0:
        if csr == CSR_STIMECMP:
            board.stimecmp[hart] = new
            board.lines[hart] &= ~LINE_STIP
            write(engine, board, PRIV, np.uint64(MACHINE))
            write(engine, board, MIP, read(engine, board, MIP) & ~np.uint64(LINE_STIP))
            write(engine, board, PRIV, np.uint64(privilege))
        elif csr == CSR_MENVCFG:
            board.menvcfg[hart] = new
    target = (i >> 7) & 31
    if target != 0:
        write(engine, board, X0 + target, old)
    return True


@compiled
def stores_atomically(instruction: Value) -> Value:
    """Whether it is an atomic instruction that stores: any but lr."""
    i = np.int64(instruction)
    return i & 0x7F == 0x2F and (i >> 27) & 31 != 2


@callback(INTERRUPT_CALLBACK)
def on_exception(engine: Value, number: Value, user: Value) -> None:
    """Unicorn's interrupt hook: an exception was raised, with pc four bytes past the instruction that raised it."""
    board = carray(pointer(user), 1, BOARD)[0]
    ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
    privilege = np.int64(read(engine, board, PRIV))
    pc = read(engine, board, PC) - np.uint64(4)
    write(engine, board, PRIV, np.uint64(MACHINE))
    cause = np.int64(number)
    tval = np.uint64(0)
    if cause == USER_ECALL:
        cause += privilege  # Unicorn tells of every ecall by this number
    if cause == ILLEGAL_INSTRUCTION:
        tval = fetch(engine, board, ram, pc, privilege)
        if emulate_csr(engine, board, tval, privilege):
            write(engine, board, PRIV, np.uint64(privilege))
            write(engine, board, PC, pc + np.uint64(4))
            return
    elif cause == 1 or 4 <= cause <= 7 or cause >= FETCH_PAGE_FAULT:
        tval = fault_address(engine, board, ram, pc, cause, privilege)
        if LOAD_MISALIGNED <= cause <= LOAD_REFUSED and stores_atomically(fetch(engine, board, ram, pc, privilege)):
            cause += 2  # Unicorn tells of loads and stores by the one number
        if cause == FETCH_PAGE_FAULT and tval != pc and pc & np.uint64(PAGE - 1) != np.uint64(PAGE - 2):
            # An illegal instruction at the start of a page: Unicorn looks at the page before, which it may not run.
            cause = np.int64(ILLEGAL_INSTRUCTION)
            tval = fetch(engine, board, ram, pc, privilege)
    elif cause == BREAKPOINT:
        tval = pc
    enter_trap(engine, board, cause, False, pc, tval, privilege)


@compiled
def set_lines(engine: Value, board: Record) -> None:
    """Tells Unicorn of the running hart's supervisor interrupt lines (timer, external), as bits of its ``mip``.

    Unicorn then takes such an interrupt by itself, at the very instruction that enables it; the machine-mode timer's
    bit cannot be written, and is left to :func:`take_interrupt`.
    """
    privilege = read(engine, board, PRIV)
    write(engine, board, PRIV, np.uint64(MACHINE))
    pending = read(engine, board, MIP) & np.uint64(SSIP) | np.uint64(board.lines[board.hart] & SUPERVISOR_LINES)
    write(engine, board, MIP, pending)
    write(engine, board, PRIV, privilege)


@compiled
def clear_interrupts(engine: Value, address: Value) -> None:
    """No interrupt is pending on the running hart any more; ``address`` is that of the board's record."""
    board = carray(pointer(np.uint64(address)), 1, BOARD)[0]
    privilege = read(engine, board, PRIV)
    write(engine, board, PRIV, np.uint64(MACHINE))
    write(engine, board, MIP, np.uint64(0))
    write(engine, board, PRIV, privilege)


@compiled
def take_interrupt(engine: Value, board: Record) -> Value:
    """Takes a machine-mode interrupt (software, timer) that is pending and enabled on the running hart."""
    pending = board.lines[board.hart] & (LINE_MSIP | LINE_MTIP)
    if pending == 0:
        return False
    privilege = np.int64(read(engine, board, PRIV))
    write(engine, board, PRIV, np.uint64(MACHINE))
    pending &= np.int64(read(engine, board, MIE_REGISTER))
    if pending and (privilege < MACHINE or np.int64(read(engine, board, MSTATUS)) & MIE):
        cause = 3 if pending & LINE_MSIP else 7
        enter_trap(engine, board, cause, True, read(engine, board, PC), np.uint64(0), privilege)
        return True
    write(engine, board, PRIV, np.uint64(privilege))
    return False


@compiled
def wakes(engine: Value, board: Record) -> Value:
    """Whether a hart that waits (wfi) goes on: an interrupt is pending and enabled in ``mie``, whatever ``mstatus``."""
    privilege = read(engine, board, PRIV)
    write(engine, board, PRIV, np.uint64(MACHINE))
    pending = np.int64(read(engine, board, MIP)) | board.lines[board.hart]
    pending &= np.int64(read(engine, board, MIE_REGISTER))
    write(engine, board, PRIV, privilege)
    return pending != 0
