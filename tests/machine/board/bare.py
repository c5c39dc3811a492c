"""Programs without a kernel, for the board alone: CSR instructions beside the assembler's, and a way to run them.

A program begins at KERNBASE in machine mode, on every hart. Where it is through it runs ``stop``: ``wfi`` for ever.
"""

from __future__ import annotations

from cowcheck.machine.board.board import Board, BoardImage
from cowcheck.machine.board.state import KERNBASE
from cowcheck.machine.program.assembler import Assembler
from cowcheck.machine.program.encoding import NOP, Reg, constant, sd

RESULTS = KERNBASE + 0x10_0000  # where programs leave what they found
LONGEST = 4  # instructions for an address in RAM

MSTATUS, MEDELEG, MIDELEG, MIE, MTVEC, MCOUNTEREN = 0x300, 0x302, 0x303, 0x304, 0x305, 0x306
MSCRATCH, MEPC, MCAUSE, MTVAL, MIP, MENVCFG, MHARTID = 0x340, 0x341, 0x342, 0x343, 0x344, 0x30A, 0xF14
SSTATUS, SIE, STVEC, SSCRATCH, SEPC, SCAUSE, STVAL, SIP, STIMECMP, SATP = (
    0x100, 0x104, 0x105, 0x140, 0x141, 0x142, 0x143, 0x144, 0x14D, 0x180,
)  # fmt: skip
TIME, SENVCFG = 0xC01, 0x10A

EBREAK, MRET, SRET, WFI, FENCE_I = 0x00100073, 0x30200073, 0x10200073, 0x10500073, 0x0000100F
SFENCE_VMA = 0x12000073


def csrrw(rd: int, csr: int, rs1: int) -> int:
    """Exchanges a CSR with a register."""
    return csr << 20 | rs1 << 15 | 1 << 12 | rd << 7 | 0x73


def csrrs(rd: int, csr: int, rs1: int) -> int:
    """Reads a CSR and sets bits in it."""
    return csr << 20 | rs1 << 15 | 2 << 12 | rd << 7 | 0x73


def csrrc(rd: int, csr: int, rs1: int) -> int:
    """Reads a CSR and clears bits in it."""
    return csr << 20 | rs1 << 15 | 3 << 12 | rd << 7 | 0x73


def amo(funct5: int, width: int, rd: int, rs1: int, rs2: int) -> int:
    """An atomic instruction on 4 or 8 bytes."""
    return funct5 << 27 | rs2 << 20 | rs1 << 15 | (3 if width == 8 else 2) << 12 | rd << 7 | 0x2F


class Program(Assembler):
    """Code from KERNBASE on."""

    def __init__(self) -> None:
        super().__init__(KERNBASE)

    def la(self, rd: Reg, label: str) -> None:
        """The address of a label; RAM begins at 2 GiB, which ``lui`` would sign-extend."""
        self._later(label, LONGEST, lambda address: [*constant(rd, address), *[NOP] * LONGEST][:LONGEST])

    def csrw(self, csr: int, value: int | Reg, scratch: Reg = Reg.T0) -> None:
        """Sets a CSR to a constant or a register."""
        if not isinstance(value, Reg):
            self.li(scratch, value)
            value = scratch
        self.emit(csrrw(0, csr, value))

    def csrw_label(self, csr: int, label: str, scratch: Reg = Reg.T0) -> None:
        """Sets a CSR to the address of a label."""
        self.la(scratch, label)
        self.emit(csrrw(0, csr, scratch))

    def csrr(self, rd: Reg, csr: int) -> None:
        """Reads a CSR."""
        self.emit(csrrs(rd, csr, 0))

    def store(self, address: int, value: Reg, scratch: Reg = Reg.T6) -> None:
        """Stores a register at a fixed address."""
        self.li(scratch, address)
        self.emit(sd(value, scratch, 0))

    def stop(self) -> None:
        """Waits for ever."""
        self.label(name := self.fresh_label("stop"))
        self.emit(WFI)
        self.j(name)

    def image(self) -> BoardImage:
        """The program as a board takes it."""
        code = self.assemble()
        words = [int.from_bytes(code[at : at + 4], "little") for at in range(0, len(code) - 3, 4)]
        return BoardImage(
            entry=KERNBASE,
            segments=[(KERNBASE, code)],
            mhartid=[KERNBASE + 4 * at for at, word in enumerate(words) if word & 0xFFFFF07F == 0xF1402073],
            wfi=[KERNBASE + 4 * at for at, word in enumerate(words) if word == WFI],
        )


def word(board: Board, address: int) -> int:
    """Eight bytes of a board's RAM."""
    offset = address - KERNBASE
    return int.from_bytes(board.ram[offset : offset + 8].tobytes(), "little")


def put(board: Board, address: int, data: bytes) -> None:
    """Writes a board's RAM, before it runs."""
    offset = address - KERNBASE
    board.ram[offset : offset + len(data)] = list(data)
