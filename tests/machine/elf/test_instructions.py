"""The instructions that a board must find are found, and nothing that only looks like them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cowcheck.machine.elf import KernelElf, KernelError, read_kernel
from cowcheck.machine.elf.instructions import (
    ATOMIC,
    LOAD_RESERVED,
    MRET,
    READ_MHARTID,
    SFENCE_VMA,
    SRET,
    STORE_CONDITIONAL,
    WFI,
    WRITE_SATP,
    Pattern,
)


def in_assembly(kernel: KernelElf, pattern: Pattern) -> list[tuple[str, int]]:
    """The places of a pattern that are in entry.S, as a label and the bytes behind it."""
    found = []
    for address in kernel.instructions_like(*pattern):
        symbol = kernel.symbol_table.function_at(address)
        assert symbol is not None
        if symbol.kind == "label":
            found.append((symbol.name, address - symbol.address))
    return found


def test_each_pattern_finds_its_instructions(tiny: KernelElf) -> None:
    assert in_assembly(tiny, READ_MHARTID) == [("_entry", 0), ("_entry", 4)]
    assert in_assembly(tiny, WFI) == [("_entry", 8)]
    assert in_assembly(tiny, SRET) == [("kernelvec", 0), ("userret", 8)]
    assert in_assembly(tiny, LOAD_RESERVED) == [("kernelvec", 4)]
    assert in_assembly(tiny, STORE_CONDITIONAL) == [("kernelvec", 8)]
    # The last one is behind a compressed instruction, at an address that 4 does not divide.
    assert in_assembly(tiny, ATOMIC) == [("kernelvec", 4), ("kernelvec", 8), ("kernelvec", 12), ("kernelvec", 18)]
    assert in_assembly(tiny, SFENCE_VMA) == [("uservec", 0), ("userret", 0)]
    assert in_assembly(tiny, WRITE_SATP) == [("uservec", 4), ("userret", 4)]
    assert in_assembly(tiny, MRET) == []


def test_the_compilers_atomics_are_found(tiny: KernelElf) -> None:
    names = {
        found.name for address in tiny.instructions_like(*ATOMIC) if (found := tiny.symbol_table.function_at(address))
    }
    assert {"acquire", "kalloc", "usertrap"} <= names


def test_data_without_a_mark_is_skipped_behind_the_end_of_a_function(make_elf: Callable[..., Path]) -> None:
    word = SRET.match.to_bytes(4, "little")
    path = make_elf(
        [(0x8000_0000, word * 4 + b"\x01\0" + word * 3 + b"\0\0", 64)], {"f": 0x8000_0000, "g": 0x8000_0012}
    )
    # Both functions have 16 bytes. Between them are two that are in neither.
    places = [0, 4, 8, 12, 18, 22, 26]
    assert read_kernel(path).instructions_like(*SRET) == tuple(0x8000_0000 + place for place in places)


def test_longer_instructions_are_passed_over(make_elf: Callable[..., Path]) -> None:
    word = SRET.match.to_bytes(4, "little")
    path = make_elf([(0x8000_0000, b"\x1f\0" + word + b"\x3f\0" + word + b"\0\0" + b"\0\0", 64)], {"f": 0x8000_0000})
    assert read_kernel(path).instructions == ()  # 48 bits, then 64


def test_a_text_of_megabytes_is_not_walked(make_elf: Callable[..., Path]) -> None:
    kernel = read_kernel(make_elf([(0x8000_0000, bytes(9 << 20), 9 << 20)]))
    with pytest.raises(KernelError, match="its text is far larger than any xv6 kernel's"):
        _ = kernel.instructions


def test_an_instruction_that_is_cut_off_is_none(make_elf: Callable[..., Path]) -> None:
    path = make_elf([(0x8000_0000, b"\x13\0\0\0\x73\0", 6)], {"f": 0x8000_0000})
    assert [item.address for item in read_kernel(path).instructions] == [0x8000_0000]
