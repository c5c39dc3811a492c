"""Return addresses: where a call stands before them, and which of two candidates is believed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cowcheck.machine.board.state import KERNBASE, PAGE, RAM_BYTES
from cowcheck.machine.elf.symbols import Symbol
from cowcheck.machine.record.call_sites import calls_in, fill_calls
from cowcheck.machine.record.calls import INDIRECT, INDIRECT_SHORT, call_before, returns_to, stack_word
from cowcheck.machine.record.observer import OBSERVER
from cowcheck.model.sv39 import PTE_R, PTE_V, PTE_W

F, G, H = KERNBASE, KERNBASE + 0x40, KERNBASE + 0x80


def jal(offset: int, rd: int = 1) -> bytes:
    """``jal rd, offset`` (unprivileged specification, section 2.5)."""
    bits = offset & 0x1FFFFF
    word = (bits >> 20) << 31 | (bits >> 1 & 0x3FF) << 21 | (bits >> 11 & 1) << 20 | (bits >> 12 & 0xFF) << 12
    return (word | rd << 7 | 0x6F).to_bytes(4, "little")


def auipc(high: int, rd: int = 1) -> bytes:
    return ((high & 0xFFFFF) << 12 | rd << 7 | 0x17).to_bytes(4, "little")


def jalr(low: int, rs1: int = 1, rd: int = 1) -> bytes:
    return ((low & 0xFFF) << 20 | rs1 << 15 | rd << 7 | 0x67).to_bytes(4, "little")


NOP, C_NOP, C_JALR_A5, C_JR_RA = b"\x13\0\0\0", b"\x01\0", b"\x82\x97", b"\x82\x80"


class Elf:
    """Three functions of 0x40 bytes: what stands in them is given by address."""

    text_ranges = ((KERNBASE, KERNBASE + 0xC0),)

    def __init__(self, **code: bytes) -> None:
        self.code = bytearray(C_NOP * 0x60)
        for at, item in code.items():
            place = int(at[1:], 16)
            self.code[place : place + len(item)] = item
        names = zip("fgh", (F, G, H), strict=True)
        symbols = tuple(Symbol(name, address, 0x40, "function", True) for name, address in names)
        self.symbol_table = SimpleNamespace(code=symbols)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.code[address - KERNBASE : address - KERNBASE + size])


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (jal(0x40), (KERNBASE + 4, G)),
        (jal(-0x1000), (KERNBASE + 4, KERNBASE - 0x1000)),
        (jal(0x40, rd=0), None),
        (auipc(0) + jalr(0x80), (KERNBASE + 8, H)),
        (auipc(1) + jalr(-0x10), (KERNBASE + 8, KERNBASE + 0xFF0)),
        (auipc(-1) + jalr(4), (KERNBASE + 8, KERNBASE - 0xFFC)),
        (auipc(0, rd=5) + jalr(0x80), (KERNBASE + 8, INDIRECT)),
        (NOP + jalr(0, rs1=15), (KERNBASE + 8, INDIRECT)),
        (jalr(0, rs1=1, rd=0), None),
        (C_JALR_A5, (KERNBASE + 2, INDIRECT_SHORT)),
        (C_JR_RA, None),
        (b"\x02\x90", None),  # c.ebreak
    ],
)
def test_what_is_a_call(code: bytes, found: tuple[int, int] | None) -> None:
    assert calls_in(Elf(x0=code)) == ([found] if found else [])  # type: ignore[arg-type]


@pytest.fixture
def observer() -> Any:
    """f calls g at 4, and itself at 8; h calls what a register holds, and what is no function."""
    observer = np.zeros(1, OBSERVER)[0]
    fill_calls(Elf(x4=jal(G - F - 4), x8=jal(-8), x84=C_JALR_A5, x88=jal(0x1000)), observer)  # type: ignore[arg-type]
    return observer


FROM_F, FROM_SELF, FROM_H, FROM_OTHER = F + 8, F + 12, H + 6, H + 12


@pytest.mark.parametrize(
    ("pc", "ra", "saved", "due"),
    [
        (G + 4, FROM_F, 0, FROM_F),  # a leaf
        (G + 4, 0, FROM_F, FROM_F),  # a frame
        (G + 4, FROM_F, FROM_H, FROM_F),  # a leaf without a frame: the frame pointer is its caller's
        (G + 4, FROM_H, FROM_F, FROM_F),
        (G + 4, 0, FROM_H, FROM_H),  # perhaps: a call of what a register held
        (G + 4, FROM_H, 0, FROM_H),
        (F + 8, FROM_F, 0, 0),  # ra is where its own call came back to, and that was of g
        (F + 12, FROM_SELF, FROM_SELF, FROM_SELF),  # it has called itself: the frame is the witness
        (H + 8, FROM_F, FROM_F, 0),  # nobody called h
        (G + 4, F + 6, F + 10, 0),  # within a call
        (G + 4, FROM_OTHER, FROM_OTHER, 0),  # of something else
        (G + 4, 0x1234, -8, 0),  # garbage
        (0x100, FROM_F, FROM_F, 0),  # not in the text
    ],
)
def test_which_return_address_is_believed(observer: Any, pc: int, ra: int, saved: int, due: int) -> None:
    assert int(returns_to(observer, np.int64(pc), np.int64(ra), np.int64(saved))) == due


def test_the_call_before_a_return_address(observer: Any) -> None:
    found = [
        int(call_before(observer, np.int64(back)))
        for back in (FROM_F, FROM_SELF, FROM_H, FROM_OTHER, F, 0, -2, 1 << 40)
    ]
    assert found == [F + 4, F + 8, H + 4, H + 8, 0, 0, 0, 0]


def test_a_text_that_is_too_long_or_elsewhere_has_no_callers() -> None:
    observer = np.zeros(1, OBSERVER)[0]
    elf = Elf(x4=jal(G - F - 4))
    elf.symbol_table.code += (Symbol("far", KERNBASE + (1 << 20), 8, "function", True),)
    elf.symbol_table.code += (Symbol("low", 0x1000, 8, "function", True),)
    fill_calls(elf, observer)  # type: ignore[arg-type]
    assert np.flatnonzero(observer["function_of"]).tolist() == list(range(0x60))
    assert np.flatnonzero(observer["called"]).tolist() == [4]


def test_a_word_of_a_stack_is_read_through_the_page_table() -> None:
    ram = np.zeros(RAM_BYTES, np.uint8)
    words = ram.view(np.int64)
    va = (1 << 38) - 3 * PAGE
    for level, (table, target) in enumerate(((0, 1), (1, 2), (2, 3))):
        index = va >> (30 - 9 * level) & 511
        words[table * 512 + index] = (KERNBASE // PAGE + target) << 10 | PTE_V | (PTE_R | PTE_W if level == 2 else 0)
    words[3 * 512 + 5] = 77
    satp = np.uint64(8 << 60 | KERNBASE // PAGE)
    assert int(stack_word(ram, satp, np.int64(va + 40))) == 77
    for bad in (va + 41, va + PAGE, 1 << 50, -(1 << 62), 0):
        assert int(stack_word(ram, satp, np.int64(bad))) == 0
    assert int(stack_word(ram, np.uint64(0), np.int64(KERNBASE + 3 * PAGE + 40))) == 77
