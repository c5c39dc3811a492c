"""The 32-bit instructions of a kernel's functions, and the patterns of those that a board must know the places of.

Code is walked from the symbols, with the lengths that the unprivileged specification (version 20240411, section 1.5)
gives in the low bits of an instruction, so that data between functions, and the second half of an instruction, are
never taken for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cowcheck.machine.elf.damage import BUILD_AGAIN, KernelError

if TYPE_CHECKING:
    from cowcheck.machine.elf.image import KernelElf

_MOST_TEXT_BYTES = 8 << 20


class Instruction(NamedTuple):
    """A 32-bit instruction and its address."""

    address: int
    word: int


class Pattern(NamedTuple):
    """The instructions whose word, under ``mask``, is ``match``; for ``KernelElf.instructions_like(*pattern)``."""

    mask: int
    match: int


READ_MHARTID = Pattern(0xFFFF_F07F, 0xF140_2073)  # csrr rd, mhartid: csrrs rd, mhartid, x0
SFENCE_VMA = Pattern(0xFE00_7FFF, 0x1200_0073)
WRITE_SATP = Pattern(0xFFF0_307F, 0x1800_1073)  # csrrw or csrrwi rd, satp, ...
SRET = Pattern(0xFFFF_FFFF, 0x1020_0073)
MRET = Pattern(0xFFFF_FFFF, 0x3020_0073)
WFI = Pattern(0xFFFF_FFFF, 0x1050_0073)
ATOMIC = Pattern(0x0000_007F, 0x0000_002F)  # the A extension: lr, sc and the AMOs
LOAD_RESERVED = Pattern(0xF9F0_607F, 0x1000_202F)
STORE_CONDITIONAL = Pattern(0xF800_607F, 0x1800_202F)


def instructions(kernel: KernelElf) -> tuple[Instruction, ...]:
    """Every 32-bit instruction of the kernel's functions, by address."""
    if sum(end - first for first, end in kernel.text_ranges) > _MOST_TEXT_BYTES:
        raise KernelError(kernel.path, "its text is far larger than any xv6 kernel's", BUILD_AGAIN)
    found: list[Instruction] = []
    for first, end in _code_ranges(kernel):
        _walk(kernel, first, end, found)
    return tuple(found)


def _code_ranges(kernel: KernelElf) -> list[tuple[int, int]]:
    """Where code is: from a symbol to the next one, or to its own end where it says one."""
    table = kernel.symbol_table
    data = {item.address for item in table.marks if item.name.startswith("$d")}
    sizes: dict[int, int] = {item.address: 0 for item in table.marks}
    for item in table.code:
        sizes[item.address] = item.size
    starts = sorted(sizes)
    found = []
    for index, start in enumerate(starts):
        limit = next(end for first, end in kernel.text_ranges if first <= start < end)
        if index + 1 < len(starts):
            limit = min(limit, starts[index + 1])
        if start in data:
            continue
        size = sizes[start]
        found.append((start, min(limit, start + size) if size else limit))
    return found


def _walk(kernel: KernelElf, first: int, end: int, found: list[Instruction]) -> None:
    text = kernel.read(first, end - first)
    offset = 0
    while offset + 2 <= len(text):
        low = text[offset]
        if low & 0b11 != 0b11:
            offset += 2
        elif low & 0b11111 != 0b11111:
            if offset + 4 <= len(text):
                found.append(Instruction(first + offset, int.from_bytes(text[offset : offset + 4], "little")))
            offset += 4
        else:  # 48 bits and more, of which RV64GC has none
            offset += 6 if low & 0b111111 == 0b011111 else 8
