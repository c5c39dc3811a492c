"""A sound kernel's bytes and symbols; and what is said of files that are no kernel."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from cowcheck.machine.elf import KernelElf, KernelError, Symbol, read_kernel

Make = Callable[..., Path]


def problem(path: Path) -> str:
    """What is said of a file that is no good: the path, the reason and the remedy, on one line."""
    with pytest.raises(KernelError) as caught:
        read_kernel(path)
    text = str(caught.value)
    assert text.isprintable()
    assert re.fullmatch(r".+: .+; .+", text)
    return text


def test_a_small_elf_file_is_read(make_elf: Make) -> None:
    path = make_elf([(0x8000_0000, b"\x13\0\0\0", 8), (0x8000_1000, b"abc", 5)], {"_entry": 0x8000_0000, "x": 0x10})
    kernel = read_kernel(path)
    assert kernel.path == str(path)
    assert kernel.build_id == hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    assert kernel.entry == 0x8000_0000
    assert kernel.segments == ((0x8000_0000, b"\x13\0\0\0", 8), (0x8000_1000, b"abc", 5))
    assert kernel.symbols["_entry"] == Symbol("_entry", 0x8000_0000, 16, "function", True)
    assert kernel.text_ranges == ((0x8000_0000, 0x8000_0004),)
    assert kernel.read(0x8000_0FFF, 6) == b"\0abc\0\0"
    assert kernel.debug.absent
    assert str(kernel.locate(0x8000_0000)) == "_entry (unknown line)"
    assert kernel.locate(0x8000_1000) is None


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({0: ("<I", 0)}, "is no ELF file"),
        ({4: ("B", 1)}, "is for 32-bit RISC-V"),
        ({5: ("B", 2)}, "is for the architecture"),
        ({18: ("<H", 62)}, "is for x86-64, not for RISC-V; build xv6-riscv"),
        ({18: ("<H", 3)}, "is for 32-bit x86, not for RISC-V"),
        ({18: ("<H", 999)}, "ELF's number 999"),
        ({5: ("B", 2), 18: (">H", 243)}, "is for no RISC-V that xv6 runs on"),
        ({16: ("<H", 1)}, "is an object file that is not linked"),
        ({16: ("<H", 4)}, "is a core dump"),
        ({16: ("<H", 77)}, "unknown type 77"),
        ({56: ("<H", 0)}, "has no segment to load"),
        ({54: ("<H", 0)}, "its program headers have 0 bytes each"),
        ({58: ("<H", 0)}, "its section headers have 0 bytes each"),
        ({32: ("<Q", 1 << 60)}, "its program headers end at byte"),
        ({40: ("<Q", 1 << 60)}, "its section headers end at byte"),
        ({40: ("<Q", 0)}, "has no symbol table: it is stripped; do not strip it"),
        ({56: ("<H", 0xFFFF)}, "claims to have 65535 program headers"),
        ({24: ("<Q", 0)}, "starts at 0x0, which is in no segment"),
        ({64 + 8: ("<Q", 1 << 62)}, "it is truncated"),
        ({64 + 16: ("<Q", 0xFFFF_FFC0_8000_0000)}, "linked for the address 0xffffffc080000000"),
        ({64 + 24: ("<Q", 0)}, "linked for the address 0x80000000"),
        ({64 + 32: ("<Q", 65)}, "has more bytes in the file (65) than in memory (64)"),
        ({64 + 40: ("<Q", 1 << 42)}, "of 4398046511104 bytes is not in RAM, 0x80000000 to 0x88000000"),
    ],
)
def test_a_wrong_header_is_named(make_elf: Make, patch: dict[int, tuple[str, int]], said: str) -> None:
    assert said in problem(make_elf(patch=patch))


@pytest.mark.parametrize(
    ("segments", "said"),
    [
        ([], "has no segment to load"),
        ([(0, b"\0" * 16, 16)], "a user program is not a kernel"),
        ([(0x8000_0000, b"", 32), (0x8000_0010, b"", 32)], "its segments at 0x80000000 and 0x80000010 overlap"),
        ([(0x87FF_FFF0, b"", 17)], "is not in RAM"),
        ([(0x9000_0000, b"", 16)], "is not in RAM"),
    ],
)
def test_segments_must_fit_in_ram(make_elf: Make, segments: Any, said: str) -> None:
    assert said in problem(make_elf(segments))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (32, 1 << 50, "its section .symtab ends at byte"),
        (56, 23, "its symbol table is damaged"),
        (40, 99, "its symbol table is damaged"),
    ],
)
def test_a_wrong_section_header_is_named(make_elf: Make, field: int, value: int, said: str) -> None:
    path = make_elf()
    symtab = len(path.read_bytes()) - 3 * 64  # the header of .symtab, with two behind it
    form = "<I" if field == 40 else "<Q"
    assert said in problem(make_elf(patch={symtab + field: (form, value)}))


def test_a_name_is_harmless_to_a_terminal(make_elf: Make) -> None:
    evil = "\x1b[2J\n\u202e"
    kernel = read_kernel(make_elf(symbols={evil: 0x8000_0000}))
    assert str(kernel.locate(0x8000_0000)) == "\\x1b[2J\\n\\u202e (unknown line)"
    assert "/none\\x1b[2J\\n\\u202e: there is no such file" in problem(Path("/none" + evil))


def test_a_million_symbols_are_not_read(make_elf: Make) -> None:
    names = {f"{number:x}": 0x8000_0000 for number in range(100_000)}
    assert "claims to have 100001 symbols" in problem(make_elf(symbols=names))


def test_symbols_are_needed(make_elf: Make) -> None:
    assert "its symbol table names nothing" in problem(make_elf(symbols={}))


def test_every_truncation_is_an_error(make_elf: Make) -> None:
    whole = len(make_elf().read_bytes())
    for length in range(whole):
        text = problem(make_elf(cut=length))
        assert "truncated" in text or (length < 4 and ("is empty" in text or "is no ELF file" in text))


def test_a_compiled_kernel_is_what_pyelftools_says(tiny: KernelElf) -> None:
    elf = ELFFile(io.BytesIO(Path(tiny.path).read_bytes()))
    loads = [item for item in elf.iter_segments("PT_LOAD") if item["p_memsz"]]
    assert [tuple(item) for item in tiny.segments] == [
        (item["p_paddr"], item.data(), item["p_memsz"]) for item in loads
    ]
    assert tiny.entry == elf["e_entry"]
    assert [item.name for item in tiny.sections] == [item.name for item in elf.iter_sections()]
    table: Any = elf.get_section_by_name(".symtab")
    for symbol in table.iter_symbols():
        plain = symbol["st_info"]["type"] in ("STT_FUNC", "STT_OBJECT") and symbol["st_shndx"] != "SHN_UNDEF"
        if plain and symbol["st_info"]["bind"] == "STB_GLOBAL":
            found = tiny.symbols[symbol.name]
            assert (found.address, found.size) == (symbol["st_value"], symbol["st_size"])


def test_a_symbol_is_found_by_address(tiny: KernelElf) -> None:
    kalloc = tiny.symbols["kalloc"]
    for address in (kalloc.address, kalloc.address + kalloc.size - 2):
        found = tiny.symbol_table.function_at(address)
        assert found is not None
        assert found.name == "kalloc"
    assert tiny.symbol_table.function_at(tiny.text_ranges[0][0] - 2) is None


def test_a_stripped_kernel_is_refused(build: Callable[..., Path]) -> None:
    assert "it is stripped; do not strip it" in problem(build("-O1", "-Wl,-s"))
