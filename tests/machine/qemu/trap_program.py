"""A bare-metal program that provokes traps, one after another, and writes down what each one was.

It runs in machine mode. For each case it sets the delegation, the status, the address translation, the pending
interrupts and two registers as the case says, and returns (``mret``) to the case's code, at the case's level: one
instruction, and an ``ecall`` after it, so that an instruction that does not trap shows as that. The handler of either
level writes a result of eight words: the level that took the trap, cause, epc, tval, status, and a2, into which the
instruction may have loaded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cowcheck.machine.board.board import BoardImage
from cowcheck.machine.program import encoding
from cowcheck.machine.program.assembler import Assembler
from cowcheck.machine.program.encoding import Reg

BASE = 0x8002_0000
TABLES = 0x8010_0000  # page tables
PAGES = 0x8020_0000  # what user pages map, one after the other
CASES = 0x8040_0000
RESULTS = 0x8050_0000
DONE = 0x8060_0000  # 1 at the end
WORDS = 8  # of a case, and of a result

USER, SUPERVISOR, MACHINE = 0, 1, 3
MSTATUS, MEDELEG, MIDELEG, MIE, MTVEC, MEPC, MCAUSE, MTVAL, MIP = (
    0x300, 0x302, 0x303, 0x304, 0x305, 0x341, 0x342, 0x343, 0x344,
)  # fmt: skip
SSTATUS, STVEC, SEPC, SCAUSE, STVAL, SATP = 0x100, 0x105, 0x141, 0x142, 0x143, 0x180
PMPCFG0, PMPADDR0 = 0x3A0, 0x3B0
MRET, EBREAK, SFENCE_VMA = 0x3020_0073, 0x0010_0073, 0x1200_0073
SSIP = 1 << 1


def csrw(csr: int, rs: int) -> int:
    """Writes a CSR."""
    return csr << 20 | rs << 15 | 1 << 12 | 0x73


def csrr(rd: int, csr: int) -> int:
    """Reads one."""
    return csr << 20 | 2 << 12 | rd << 7 | 0x73


@dataclass(frozen=True, slots=True)
class Case:
    """One trap. ``a0`` (sp holds it too) is the address that the instruction uses, ``a1`` what it stores."""

    name: str
    level: int
    pc: int
    a0: int = 0
    a1: int = 0x1122_3344_5566_7788
    medeleg: int = 0
    status: int = 0  # bits of mstatus besides MPP
    satp: int = 0
    mip: int = 0
    mideleg: int = 0

    @property
    def atomic(self) -> bool:
        """Its instruction reads, changes and writes."""
        return " amo" in self.name or " sc." in self.name


class Result(NamedTuple):
    """What a case came to. ``level`` is 0 where the program never came to it."""

    level: int
    cause: int
    epc: int
    tval: int
    status: int
    loaded: int

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:#x}" for name, value in zip(self._fields, self, strict=True))


def image(cases: Sequence[Case], segments: Sequence[tuple[int, bytes]]) -> BoardImage:
    """What a machine loads: the program, its cases, and page tables and pages from elsewhere."""
    table = b"".join(
        struct.pack(
            "<8Q", case.medeleg, case.status | case.level << 11, case.satp, case.pc, case.a0, case.a1, case.mip,
            case.mideleg,
        )
        for case in cases
    )  # fmt: skip
    return BoardImage(BASE, [(BASE, _program(len(cases))), (CASES, table), *segments], (), ())


def results(words: bytes, cases: int) -> list[Result]:
    """The results, from the RAM's bytes at ``RESULTS``."""
    return [Result(*struct.unpack_from("<6Q", words, 8 * WORDS * number)) for number in range(cases)]


def _program(cases: int) -> bytes:
    code, e = Assembler(BASE), encoding
    for csr, value in ((PMPADDR0, (1 << 54) - 1), (PMPCFG0, 0x1F), (MIE, SSIP)):
        code.li(Reg.T0, value)
        code.emit(csrw(csr, Reg.T0))
    for csr, label in ((MTVEC, "machine"), (STVEC, "supervisor")):
        code.la(Reg.T0, label)  # above 2 GiB, so that it comes with its sign
        code.emit(e.slli(Reg.T0, Reg.T0, 32), e.srli(Reg.T0, Reg.T0, 32), csrw(csr, Reg.T0))
    code.li(Reg.S0, CASES)
    code.li(Reg.S1, RESULTS)
    code.li(Reg.S2, CASES + 8 * WORDS * cases)
    code.label("next")
    code.beq(Reg.S0, Reg.S2, "done")
    for number, csr in ((0, MEDELEG), (1, MSTATUS), (2, SATP), (3, MEPC), (6, MIP), (7, MIDELEG)):
        code.emit(e.ld(Reg.T0, Reg.S0, 8 * number), csrw(csr, Reg.T0))
    code.emit(SFENCE_VMA, *(csrw(csr, 0) for csr in (MCAUSE, MTVAL, SEPC, SCAUSE, STVAL)))
    code.emit(e.ld(Reg.A0, Reg.S0, 32), e.ld(Reg.SP, Reg.S0, 32), e.ld(Reg.A1, Reg.S0, 40))
    code.emit(e.addi(Reg.S0, Reg.S0, 64), e.addi(Reg.S11, Reg.ZERO, 0), e.addi(Reg.A2, Reg.ZERO, 0), MRET)

    code.align(4)
    code.label("machine")
    code.bne(Reg.S11, Reg.ZERO, "written")
    _write_down(code, MACHINE, (MCAUSE, MEPC, MTVAL, MSTATUS))
    code.label("written")
    code.emit(e.addi(Reg.S1, Reg.S1, 64))
    code.j("next")

    code.align(4)
    code.label("supervisor")
    code.bne(Reg.S11, Reg.ZERO, "back")  # its own ecall is delegated
    _write_down(code, SUPERVISOR, (SCAUSE, SEPC, STVAL, SSTATUS))
    code.emit(e.addi(Reg.S11, Reg.ZERO, 1), e.ECALL)
    code.label("back")
    code.emit(EBREAK)

    code.label("done")
    code.li(Reg.T0, DONE)
    code.li(Reg.T1, 1)
    code.emit(e.sd(Reg.T1, Reg.T0, 0))
    code.label("rest")
    code.j("rest")
    return code.assemble()


def _write_down(code: Assembler, level: int, csrs: Iterable[int]) -> None:
    code.li(Reg.T0, level)
    code.emit(encoding.sd(Reg.T0, Reg.S1, 0))
    for number, csr in enumerate(csrs, start=1):
        code.emit(csrr(Reg.T0, csr), encoding.sd(Reg.T0, Reg.S1, 8 * number))
    code.emit(encoding.sd(Reg.A2, Reg.S1, 40))
