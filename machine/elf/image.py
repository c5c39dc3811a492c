"""A kernel's ELF file as bytes to load and names for addresses; its debugging information is read when asked for.

Everything is checked against the file and the board's RAM before it is believed: a header that points past the end of
the file, a segment of terabytes, tables whose entries have another size than the format's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from cowcheck.machine.elf.damage import KernelError, damage_in
from cowcheck.machine.elf.debug import DebugInfo, read_debug_info
from cowcheck.machine.elf.functions import SourceLine
from cowcheck.machine.elf.instructions import Instruction, instructions
from cowcheck.machine.elf.kernel_file import read_kernel_file
from cowcheck.machine.elf.sections import Section, read_header, read_sections, read_segment_headers
from cowcheck.machine.elf.segment import LINKED_ELSEWHERE, Segment, load
from cowcheck.machine.elf.symbols import Symbol, SymbolTable, read_symbols


@dataclass(frozen=True, eq=False)  # no slots: a cached property keeps its value in __dict__
class KernelElf:
    """A kernel's file, checked. Addresses are in bytes; physical and virtual ones are the same in xv6's kernel."""

    path: str
    build_id: str  # the first 16 hexadecimal digits of the file's SHA-256
    entry: int
    segments: tuple[Segment, ...] = field(repr=False)  # what is loaded, by address
    sections: tuple[Section, ...] = field(repr=False)
    symbol_table: SymbolTable = field(repr=False)
    data: bytes = field(repr=False)  # the whole file

    @property
    def symbols(self) -> Mapping[str, Symbol]:
        """Symbols by name. Of several with one name, a global one, and else the first."""
        return self.symbol_table.by_name

    @cached_property
    def text_ranges(self) -> tuple[tuple[int, int], ...]:
        """First address and end of each executable section, by address."""
        return tuple(sorted((item.address, item.end) for item in self.sections if item.executable and item.size))

    @cached_property
    def instructions(self) -> tuple[Instruction, ...]:
        """Every 32-bit instruction of the kernel's functions, by address."""
        return instructions(self)

    def instructions_like(self, mask: int, match: int) -> tuple[int, ...]:
        """Addresses of the 32-bit instructions whose word, under ``mask``, is ``match``; see ``instructions.py``."""
        return tuple(item.address for item in self.instructions if item.word & mask == match)

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes as they are when the kernel has been loaded. Outside of all segments they are 0."""
        found = bytearray(size)
        for segment in self.segments:
            first, end = max(address, segment.paddr), min(address + size, segment.paddr + len(segment.data))
            if first < end:
                found[first - address : end - address] = segment.data[first - segment.paddr : end - segment.paddr]
        return bytes(found)

    @cached_property
    def debug(self) -> DebugInfo:
        """Types, variables, functions and lines; empty, with the reason, where the file has none.

        Raises :class:`KernelError` where they are damaged.
        """
        return read_debug_info(self.path, self.data, self.sections)

    def locate(self, pc: int) -> SourceLine | None:
        """The source line of an instruction; None outside of the kernel's text.

        Where the file does not tell the line, it is 0, and the file is empty.
        """
        if not any(first <= pc < end for first, end in self.text_ranges):
            return None
        found = self.debug.locate(pc)
        if found is None or not found.function:
            symbol = self.symbol_table.function_at(pc)
            name = symbol.name if symbol else ""
            return SourceLine(name, found.file, found.line) if found else SourceLine(name, "", 0)
        return found


def read_kernel(path: Path | str) -> KernelElf:
    """The kernel at ``path``, or in the xv6 tree at ``path``. Raises :class:`KernelError`."""
    shown, data = read_kernel_file(Path(path))
    with damage_in(shown, "its ELF headers"):
        header = read_header(shown, data)
        segments = load(shown, data, read_segment_headers(data, header))
        sections = read_sections(shown, data, header)
    if not any(segment.paddr <= header.e_entry < segment.paddr + segment.memsz for segment in segments):
        raise KernelError(shown, f"starts at {header.e_entry:#x}, which is in no segment", LINKED_ELSEWHERE)
    with damage_in(shown, "its symbol table"):
        symbols = read_symbols(shown, data, sections)
    return KernelElf(shown, sha256(data).hexdigest()[:16], header.e_entry, segments, sections, symbols, data)
