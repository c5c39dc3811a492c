"""The address of a faulting access: from encodings in the specification's own notation, and from an assembler's."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.board.decode import access_of, sign_extended
from cowcheck.machine.board.engine import Engine
from cowcheck.machine.board.state import BOARD, X0


class Layout(NamedTuple):
    """An instruction as the unprivileged specification 20191213 draws it, from the highest bit down.

    ``imm`` names the bits of the offset in the order in which they stand; ``rs1'`` is one of x8 to x15.
    """

    name: str
    fields: str
    size: int


COMPRESSED = [  # table 16.5 and 16.7
    Layout("c.lw", "010 imm:5,4,3 rs1' imm:2,6 any:3 00", 4),
    Layout("c.ld", "011 imm:5,4,3 rs1' imm:7,6 any:3 00", 8),
    Layout("c.fld", "001 imm:5,4,3 rs1' imm:7,6 any:3 00", 8),
    Layout("c.sw", "110 imm:5,4,3 rs1' imm:2,6 any:3 00", 4),
    Layout("c.sd", "111 imm:5,4,3 rs1' imm:7,6 any:3 00", 8),
    Layout("c.fsd", "101 imm:5,4,3 rs1' imm:7,6 any:3 00", 8),
    Layout("c.lwsp", "010 imm:5 any:5 imm:4,3,2,7,6 10", 4),
    Layout("c.ldsp", "011 imm:5 any:5 imm:4,3,8,7,6 10", 8),
    Layout("c.fldsp", "001 imm:5 any:5 imm:4,3,8,7,6 10", 8),
    Layout("c.swsp", "110 imm:5,4,3,2,7,6 any:5 10", 4),
    Layout("c.sdsp", "111 imm:5,4,3,8,7,6 any:5 10", 8),
    Layout("c.fsdsp", "101 imm:5,4,3,8,7,6 any:5 10", 8),
]
LOADS, STORES, AMO = "imm:11-0 rs1", "imm:11-5 any:5 rs1", "any:7 any:5 rs1"
FULL = [  # chapters 2, 5, 8, 11, 12
    *(
        Layout(name, f"{LOADS} {number:03b} any:5 0000011", size)
        for name, number, size in (
            ("lb", 0, 1), ("lh", 1, 2), ("lw", 2, 4), ("ld", 3, 8), ("lbu", 4, 1), ("lhu", 5, 2), ("lwu", 6, 4),
        )
    ),
    Layout("flw", f"{LOADS} 010 any:5 0000111", 4),
    Layout("fld", f"{LOADS} 011 any:5 0000111", 8),
    *(
        Layout(name, f"{STORES} {number:03b} imm:4-0 0100011", size)
        for name, number, size in (("sb", 0, 1), ("sh", 1, 2), ("sw", 2, 4), ("sd", 3, 8))
    ),
    Layout("fsw", f"{STORES} 010 imm:4-0 0100111", 4),
    Layout("fsd", f"{STORES} 011 imm:4-0 0100111", 8),
    Layout("amo.w", f"{AMO} 010 any:5 0101111", 4),
    Layout("amo.d", f"{AMO} 011 any:5 0101111", 8),
]  # fmt: skip


def encoded(layout: Layout, base: int, offset: int, rest: random.Random) -> int:
    """The instruction with this base register and offset; what does not matter is drawn."""
    bits = ""
    for field in layout.fields.split():
        kind, _, detail = field.partition(":")
        if kind == "imm":
            first, dash, last = detail.partition("-")
            places = range(int(first), int(last) - 1, -1) if dash else map(int, detail.split(","))
            bits += "".join(str(offset >> place & 1) for place in places)
        elif kind == "any":
            bits += f"{rest.getrandbits(int(detail)):0{detail}b}"
        elif kind == "rs1":
            bits += f"{base:05b}"
        elif kind == "rs1'":
            bits += f"{base - 8:03b}"
        else:
            bits += field
    assert len(bits) in (16, 32), layout
    return int(bits, 2)


class Hart:
    """An engine with registers to compute addresses from."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.record = np.zeros(1, BOARD)
        self.values = [0] + [random.Random(number).getrandbits(64) for number in range(1, 32)]
        for number, value in enumerate(self.values):
            self.engine.write(X0 + number, value)

    def access(self, instruction: int) -> tuple[int, int]:
        """What the decoder says: address and size."""
        address, size = access_of(self.engine.handle, self.record[0], np.uint64(instruction))
        return int(address) % (1 << 64), int(size)


@pytest.fixture(scope="module")
def hart() -> Hart:
    return Hart()


@settings(max_examples=200, deadline=None)
@given(layout=st.sampled_from(COMPRESSED), base=st.integers(8, 15), offset=st.integers(0, 511), seed=st.integers(0, 99))
def test_compressed_accesses(hart: Hart, layout: Layout, base: int, offset: int, seed: int) -> None:
    sp = "sp" in layout.name
    bits = [int(bit) for field in layout.fields.split() if field[:3] == "imm" for bit in field[4:].split(",")]
    kept = sum(1 << bit for bit in bits) & offset
    instruction = encoded(layout, base, kept, random.Random(seed))
    assert hart.access(instruction) == ((hart.values[2 if sp else base] + kept) % (1 << 64), layout.size)


@settings(max_examples=200, deadline=None)
@given(layout=st.sampled_from(FULL), base=st.integers(0, 31), offset=st.integers(-2048, 2047), seed=st.integers(0, 99))
def test_full_accesses(hart: Hart, layout: Layout, base: int, offset: int, seed: int) -> None:
    offset = 0 if layout.name.startswith("amo") else offset
    instruction = encoded(layout, base, offset & 0xFFF, random.Random(seed))
    assert hart.access(instruction) == ((hart.values[base] + offset) % (1 << 64), layout.size)


@pytest.mark.parametrize(
    "instruction",
    [
        pytest.param(0x00000013, id="nop"),
        pytest.param(0x00008067, id="ret"),
        pytest.param(0x00000073, id="ecall"),
        pytest.param(0x02B50533, id="mul"),
        pytest.param(0x0000, id="illegal"),
        pytest.param(0x1141, id="c.addi sp"),
        pytest.param(0x0028, id="c.addi4spn"),
        pytest.param(0x0506, id="c.slli"),
        pytest.param(0x8082, id="c.jr ra"),
        pytest.param(0x852E, id="c.mv"),
        pytest.param(0xC119, id="c.beqz"),
    ],
)
def test_what_is_no_access_has_no_size(hart: Hart, instruction: int) -> None:
    assert hart.access(instruction)[1] == 0


@given(value=st.integers(0, (1 << 20) - 1), bits=st.integers(1, 20))
def test_sign_extension(value: int, bits: int) -> None:
    low = value % (1 << bits)
    assert int(sign_extended(value, bits)) == (low - (1 << bits) if low >= 1 << bits - 1 else low)


LINES = [
    ("lw a0, {0}(a1)", 4), ("ld s0, {0}(s1)", 8), ("sw a2, {0}(a3)", 4), ("sd a4, {0}(a5)", 8),
    ("fld fa0, {0}(a1)", 8), ("fsd fa1, {0}(s0)", 8), ("lw ra, {0}(sp)", 4), ("ld t6, {0}(sp)", 8),
    ("sw s11, {0}(sp)", 4), ("sd a0, {0}(sp)", 8), ("fld ft0, {0}(sp)", 8), ("fsd ft1, {0}(sp)", 8),
    ("lbu t0, {0}(t6)", 1), ("lhu gp, {0}(s11)", 2), ("sb a0, {0}(ra)", 1), ("lwu a0, {0}(tp)", 4),
    ("sh a0, {0}(s5)", 2), ("lb a0, {0}(a0)", 1), ("flw fa0, {0}(a1)", 4), ("fsw fa0, {0}(a1)", 4),
]  # fmt: skip
ATOMICS = [
    ("amoadd.w a0, a1, ({1})", 4), ("amoswap.d.aq s0, s1, ({1})", 8), ("lr.d t0, ({1})", 8), ("sc.w t0, t1, ({1})", 4),
]  # fmt: skip
OFFSETS = (0, 8, 16, 40, 64, 72, 96, 120, 128, 200, 248, 256, 320, 448, 504, 4, 36, 68, 124, 252, -8, -2048, 2040, 1, 7)
NAMES = "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6"


@pytest.mark.skipif(find_spec("ziglang") is None, reason="ziglang is not installed")
def test_an_assemblers_encodings(hart: Hart, tmp_path: Path) -> None:
    """LLVM picks the compressed form wherever one fits, so both are met."""
    names = NAMES.split()
    cases = [(line.format(offset), offset, size) for line, size in LINES for offset in OFFSETS]
    cases += [(line.format(0, base), 0, size) for line, size in ATOMICS for base in ("a1", "s7")]
    (tmp_path / "x.s").write_text("".join(f"{line}\n" for line, _, _ in cases), encoding="utf-8")
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "riscv64-freestanding-none"]
    command += ["-mcpu=generic_rv64+m+a+f+d+c", "-c", "x.s", "-o", "x.o"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    section = ELFFile(io.BytesIO((tmp_path / "x.o").read_bytes())).get_section_by_name(".text")
    assert section is not None
    code = section.data()
    at, lengths = 0, set()
    for line, offset, size in cases:
        length = 4 if code[at] & 3 == 3 else 2
        base = line.split("(")[1].rstrip(")")
        due = (hart.values[names.index(base)] + offset) % (1 << 64)
        assert hart.access(int.from_bytes(code[at : at + length], "little")) == (due, size), line
        at += length
        lengths.add(length)
    assert at == len(code)
    assert lengths == {2, 4}
