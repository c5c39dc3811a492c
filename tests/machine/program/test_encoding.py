"""Encodings are those of the GNU assembler; a constant is what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cowcheck.machine.program import encoding as e
from cowcheck.machine.program.assembler import Assembler
from cowcheck.machine.program.encoding import Reg

MASK = (1 << 64) - 1

# Words from riscv64-unknown-elf-as 2.40, -march=rv64i.
WORDS = [
    (e.lui(Reg.A0, 0x12345), 0x12345537),
    (e.lui(Reg.T6, 0xFFFFF), 0xFFFFFFB7),
    (e.addi(Reg.SP, Reg.SP, -16), 0xFF010113),
    (e.addi(Reg.A0, Reg.ZERO, 2047), 0x7FF00513),
    (e.addiw(Reg.S11, Reg.T3, -2048), 0x800E0D9B),
    (e.andi(Reg.A5, Reg.A4, 255), 0x0FF77793),
    (e.slli(Reg.S1, Reg.S2, 63), 0x03F91493),
    (e.srli(Reg.T0, Reg.T1, 12), 0x00C35293),
    (e.add(Reg.A0, Reg.A1, Reg.A2), 0x00C58533),
    (e.sub(Reg.T3, Reg.ZERO, Reg.RA), 0x40100E33),
    (e.lb(Reg.A0, Reg.SP, -1), 0xFFF10503),
    (e.lbu(Reg.A0, Reg.T0, 0), 0x0002C503),
    (e.lhu(Reg.S4, Reg.T0, 2), 0x0022DA03),
    (e.lw(Reg.S9, Reg.S3, 4), 0x0049AC83),
    (e.ld(Reg.RA, Reg.S8, 2040), 0x7F8C3083),
    (e.sb(Reg.A1, Reg.A2, -2048), 0x80B60023),
    (e.sw(Reg.ZERO, Reg.T6, 16), 0x000FA823),
    (e.sd(Reg.S5, Reg.SP, 8), 0x01513423),
    (e.ECALL, 0x00000073),
    (e.RET, 0x00008067),
    (e.NOP, 0x00000013),
    (e.jalr(Reg.RA, Reg.T3, 16), 0x010E00E7),
    (e.jalr(Reg.ZERO, Reg.S6, 0), 0x000B0067),
    (e.beq(Reg.A0, Reg.T0, 0x10), 0x00550863),
    (e.bne(Reg.S9, Reg.S10, -4), 0xFFAC9EE3),
    (e.blt(Reg.T0, Reg.A0, 8), 0x00A2C463),
    (e.bge(Reg.S7, Reg.T0, -12), 0xFE5BDAE3),
    (e.jal(Reg.RA, -16), 0xFF1FF0EF),
    (e.jal(Reg.ZERO, 0x1004), 0x0040106F),
]


@pytest.mark.parametrize(("encoded", "known"), WORDS, ids=[f"{known:08x}" for _, known in WORDS])
def test_a_word_is_the_gnu_assembler_s(encoded: int, known: int) -> None:
    assert f"{encoded:08x}" == f"{known:08x}"


def signed(value: int, bits: int) -> int:
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def evaluate(words: list[int]) -> int:
    """What the instructions of a constant leave in their register, after the specification."""
    register = 0
    for word in words:
        opcode, funct3 = word & 0x7F, word >> 12 & 7
        immediate = signed(word >> 20, 12)
        source = register if word >> 15 & 31 else 0
        match opcode, funct3:
            case 0x37, _:
                register = signed(word & 0xFFFFF000, 32)
            case 0x13, 0:
                register = signed(source + immediate, 64)
            case 0x1B, 0:
                register = signed(source + immediate, 32)
            case 0x13, 1:
                register = signed(source << (word >> 20 & 63), 64)
            case _:
                raise AssertionError(hex(word))
    return register & MASK


@given(st.integers(-(1 << 63), MASK))
def test_any_constant_is_made(value: int) -> None:
    words = e.constant(Reg.T0, value)
    assert evaluate(words) == value & MASK
    assert len(words) <= 8


@given(st.integers(0, 63), st.integers(-4096, 4096))
def test_constants_beside_powers_of_two_are_made(power: int, offset: int) -> None:
    value = (1 << power) + offset
    assert evaluate(e.constant(Reg.A0, value)) == value & MASK


def test_labels_are_filled_in_wherever_they_stand() -> None:
    code = Assembler(0x100)
    code.label("start")
    code.j("end")
    code.beq(Reg.A0, Reg.A1, "start")
    code.la(Reg.T0, "end")
    code.label_word("start", 8)
    code.label("end")
    words = memoryview(code.assemble()).cast("I").tolist()
    assert words == [
        e.jal(Reg.ZERO, 24),
        e.beq(Reg.A0, Reg.A1, -4),
        e.lui(Reg.T0, 0),
        e.addiw(Reg.T0, Reg.T0, 0x118),
        0x108,
        0,
    ]


@given(st.integers(0, (1 << 31) - 1))
def test_an_address_is_the_constant(address: int) -> None:
    code = Assembler()
    code.la(Reg.T0, "there")
    code.place("there", address)
    assert evaluate(memoryview(code.assemble()).cast("I").tolist()) == signed(address, 32) & MASK


def test_what_does_not_fit_is_an_inner_fault() -> None:
    with pytest.raises(AssertionError):
        e.addi(Reg.A0, Reg.A0, 2048)
    with pytest.raises(AssertionError):
        e.beq(Reg.A0, Reg.A0, 4096)
