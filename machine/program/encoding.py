"""RV64I instructions as 32-bit words: only those that the programs use (RISC-V unprivileged specification, chapters 2,
5).

Operands are register numbers (:class:`Reg`) and immediates in bytes. An immediate that does not fit is an inner fault.
"""

from __future__ import annotations

from enum import IntEnum


class Reg(IntEnum):
    """The integer registers by their names in the calling convention."""

    ZERO = 0
    RA = 1
    SP = 2
    T0 = 5
    T1 = 6
    T2 = 7
    S0 = 8
    S1 = 9
    A0 = 10
    A1 = 11
    A2 = 12
    A3 = 13
    A4 = 14
    A5 = 15
    A7 = 17
    S2 = 18
    S3 = 19
    S4 = 20
    S5 = 21
    S6 = 22
    S7 = 23
    S8 = 24
    S9 = 25
    S10 = 26
    S11 = 27
    T3 = 28
    T4 = 29
    T5 = 30
    T6 = 31


_LOAD, _OP_IMM, _OP_IMM_32, _STORE, _OP, _LUI, _BRANCH, _JALR, _JAL = (
    0x03,
    0x13,
    0x1B,
    0x23,
    0x33,
    0x37,
    0x63,
    0x67,
    0x6F,
)

ECALL = 0x0000_0073
NOP = 0x0000_0013
RET = 0x0000_8067  # jalr zero, 0(ra)


def fits_signed(value: int, bits: int) -> bool:
    """``value`` is a two's complement number of ``bits`` bits."""
    return -(1 << bits - 1) <= value < 1 << bits - 1


def _i(opcode: int, funct3: int, rd: int, rs1: int, immediate: int) -> int:
    assert fits_signed(immediate, 12), immediate
    return (immediate & 0xFFF) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode


def _r(funct7: int, funct3: int, rd: int, rs1: int, rs2: int) -> int:
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | _OP


def _s(funct3: int, rs2: int, rs1: int, immediate: int) -> int:
    assert fits_signed(immediate, 12), immediate
    high, low = immediate >> 5 & 0x7F, immediate & 0x1F
    return high << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | low << 7 | _STORE


def _b(funct3: int, rs1: int, rs2: int, offset: int) -> int:
    assert fits_signed(offset, 13), offset
    assert offset % 2 == 0, offset
    high = (offset >> 12 & 1) << 6 | offset >> 5 & 0x3F
    low = (offset >> 1 & 0xF) << 1 | offset >> 11 & 1
    return high << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | low << 7 | _BRANCH


def lui(rd: int, upper: int) -> int:
    """``rd`` = the 20 bits ``upper``, shifted left by 12 and sign-extended from bit 31."""
    assert 0 <= upper < 1 << 20, upper
    return upper << 12 | rd << 7 | _LUI


def addi(rd: int, rs1: int, immediate: int) -> int:
    return _i(_OP_IMM, 0, rd, rs1, immediate)


def addiw(rd: int, rs1: int, immediate: int) -> int:
    return _i(_OP_IMM_32, 0, rd, rs1, immediate)


def andi(rd: int, rs1: int, immediate: int) -> int:
    return _i(_OP_IMM, 7, rd, rs1, immediate)


def slli(rd: int, rs1: int, amount: int) -> int:
    assert 0 <= amount < 64, amount
    return _i(_OP_IMM, 1, rd, rs1, amount)


def srli(rd: int, rs1: int, amount: int) -> int:
    assert 0 <= amount < 64, amount
    return _i(_OP_IMM, 5, rd, rs1, amount)


def add(rd: int, rs1: int, rs2: int) -> int:
    return _r(0, 0, rd, rs1, rs2)


def sub(rd: int, rs1: int, rs2: int) -> int:
    return _r(0x20, 0, rd, rs1, rs2)


def lb(rd: int, rs1: int, offset: int) -> int:
    return _i(_LOAD, 0, rd, rs1, offset)


def lbu(rd: int, rs1: int, offset: int) -> int:
    return _i(_LOAD, 4, rd, rs1, offset)


def lhu(rd: int, rs1: int, offset: int) -> int:
    return _i(_LOAD, 5, rd, rs1, offset)


def lw(rd: int, rs1: int, offset: int) -> int:
    return _i(_LOAD, 2, rd, rs1, offset)


def ld(rd: int, rs1: int, offset: int) -> int:
    return _i(_LOAD, 3, rd, rs1, offset)


def sb(rs2: int, rs1: int, offset: int) -> int:
    return _s(0, rs2, rs1, offset)


def sw(rs2: int, rs1: int, offset: int) -> int:
    return _s(2, rs2, rs1, offset)


def sd(rs2: int, rs1: int, offset: int) -> int:
    return _s(3, rs2, rs1, offset)


def beq(rs1: int, rs2: int, offset: int) -> int:
    return _b(0, rs1, rs2, offset)


def bne(rs1: int, rs2: int, offset: int) -> int:
    return _b(1, rs1, rs2, offset)


def blt(rs1: int, rs2: int, offset: int) -> int:
    return _b(4, rs1, rs2, offset)


def bge(rs1: int, rs2: int, offset: int) -> int:
    return _b(5, rs1, rs2, offset)


def jal(rd: int, offset: int) -> int:
    assert fits_signed(offset, 21), offset
    assert offset % 2 == 0, offset
    high = (offset >> 20 & 1) << 19 | (offset >> 1 & 0x3FF) << 9 | (offset >> 11 & 1) << 8 | offset >> 12 & 0xFF
    return high << 12 | rd << 7 | _JAL


def jalr(rd: int, rs1: int, offset: int) -> int:
    return _i(_JALR, 0, rd, rs1, offset)


def constant(rd: int, value: int) -> list[int]:
    """Instructions that put any 64-bit constant into ``rd`` (what an assembler's ``li`` stands for)."""
    value = (value + (1 << 63)) % (1 << 64) - (1 << 63)
    if fits_signed(value, 12):
        return [addi(rd, Reg.ZERO, value)]
    low = (value & 0xFFF) - ((value & 0x800) << 1)
    if fits_signed(value, 32):
        upper = lui(rd, (value - low >> 12) & 0xFFFFF)
        return [upper, addiw(rd, rd, low)] if low else [upper]
    rest, shift = value - low >> 12, 12
    while rest % 2 == 0:
        rest, shift = rest >> 1, shift + 1
    words = [*constant(rd, rest), slli(rd, rd, shift)]
    return [*words, addi(rd, rd, low)] if low else words
