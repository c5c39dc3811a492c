"""The calls that stand in a kernel's text: what a return address must have before it (``calls.py``)."""

from __future__ import annotations

from typing import Any

from cowcheck.machine.board.state import KERNBASE
from cowcheck.machine.elf import KernelElf
from cowcheck.machine.record.calls import INDIRECT, INDIRECT_SHORT, UNSIZED
from cowcheck.machine.record.observer import HALVES

JAL_RA, JALR_RA = 0x0EF, 0x0E7  # rd is ra; under these masks
CALL_MASK, JALR_MASK = 0xFFF, 0x7FFF
AUIPC, C_JALR, C_JALR_MASK = 0x17, 0x9002, 0xF07F


def fill_calls(elf: KernelElf, observer: Any) -> None:
    """Sets the observer's tables: the number of each half-word's function, and what is called before each."""
    function_of, called = observer["function_of"], observer["called"]
    function_of[:] = called[:] = 0
    functions = sorted({item.address: item for item in elf.symbol_table.code if item.size}.values())
    starts: dict[int, int] = {}
    for number, symbol in enumerate(functions[: (1 << 15) - 1], start=1):
        first, end = (symbol.address - KERNBASE) >> 1, (symbol.address + symbol.size - KERNBASE + 1) >> 1
        if 0 <= first < end <= HALVES:
            function_of[first:end] = number
            starts[symbol.address] = number
    for address, target in calls_in(elf):
        place = (address - KERNBASE) >> 1
        if 0 <= place < HALVES:
            called[place] = target if target < 0 else starts.get(target, UNSIZED)


def calls_in(elf: KernelElf) -> list[tuple[int, int]]:
    """Each address that a call returns to, with the address that is called, or INDIRECT or INDIRECT_SHORT."""
    found = []
    for first, end in elf.text_ranges:
        code = elf.read(first, end - first)
        at = 0
        before = 0  # the instruction before, where it has four bytes
        while at + 2 <= len(code):
            half = int.from_bytes(code[at : at + 2], "little")
            if half & 3 != 3:
                if half & C_JALR_MASK == C_JALR and half >> 7 & 31:
                    found.append((first + at + 2, INDIRECT_SHORT))
                at, before = at + 2, 0
                continue
            word = int.from_bytes(code[at : at + 4], "little")
            if word & CALL_MASK == JAL_RA:
                found.append((first + at + 4, first + at + jump_offset(word)))
            elif word & JALR_MASK == JALR_RA:
                found.append((first + at + 4, far_target(first + at - 4, before, word)))
            at, before = at + 4, word
    return found


def jump_offset(word: int) -> int:
    """The immediate of ``jal`` (unprivileged specification, section 2.5)."""
    value = (word >> 31) << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
    return value - (1 << 21) if value >> 20 else value


def far_target(address: int, before: int, word: int) -> int:
    """Where ``jalr`` leads, if ``auipc`` stands before it at ``address`` and sets its register."""
    if before & 0x7F != AUIPC or before >> 7 & 31 != word >> 15 & 31:
        return INDIRECT
    high, low = before & 0xFFFFF000, word >> 20
    high = high - (1 << 32) if high >> 31 else high
    return address + high + (low - (1 << 12) if low >> 11 else low)
