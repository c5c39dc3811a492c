"""The symbol table: names for addresses. Without one nothing of a kernel can be found, so a stripped one is refused."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from cowcheck.machine.elf.damage import BUILD_AGAIN, KernelError
from cowcheck.machine.elf.sections import SHT_SYMTAB, Section, string_at

Kind = Literal["function", "object", "label", "absolute"]

_ENTRY = struct.Struct("<IBBHQQ")  # Elf64_Sym: st_name, st_info, st_other, st_shndx, st_value, st_size
_MOST_SYMBOLS = 100_000
_SHN_UNDEF, _SHN_ABS = 0, 0xFFF1
_KINDS: Mapping[int, Kind] = {0: "label", 1: "object", 2: "function"}  # STT_NOTYPE, STT_OBJECT, STT_FUNC
_DO_NOT_STRIP = "do not strip it, nor link it with -s: build it with xv6's own rules, `make kernel/kernel`"


class Symbol(NamedTuple):
    """A name for an address. What is written in assembly is a ``label`` of size 0."""

    name: str
    address: int
    size: int
    kind: Kind
    is_global: bool


class SymbolTable:
    """All symbols: by name, and by address for code."""

    def __init__(self, symbols: Sequence[Symbol], marks: Sequence[Symbol], text: Iterable[tuple[int, int]]) -> None:
        """``marks`` are the psABI's mapping symbols: ``$x`` says that code starts there, ``$d`` that data does."""
        self.all = tuple(symbols)
        by_name: dict[str, Symbol] = {}
        for item in symbols:
            known = by_name.get(item.name)
            if known is None or (item.is_global and not known.is_global):
                by_name[item.name] = item
        self.by_name: Mapping[str, Symbol] = MappingProxyType(by_name)
        ranges = tuple(text)

        def in_text(item: Symbol) -> bool:
            return any(first <= item.address < end for first, end in ranges)

        self.marks = tuple(sorted(filter(in_text, marks), key=lambda item: item.address))
        code = [item for item in symbols if item.kind in ("function", "label") and in_text(item)]
        # Of several at one address the last counts: a function rather than a label, a global one rather than a local.
        code.sort(key=lambda item: (item.address, item.kind == "function", item.is_global))
        self.code = tuple(code)
        self._starts = [item.address for item in code]
        self._functions = [item for item in code if item.kind == "function" and item.size]
        self._function_starts = [item.address for item in self._functions]

    def function_at(self, pc: int) -> Symbol | None:
        """The function, or the label in assembly, whose code ``pc`` is in."""
        for symbols, starts in ((self._functions, self._function_starts), (self.code, self._starts)):
            index = bisect_right(starts, pc) - 1
            if index >= 0 and (not symbols[index].size or pc < symbols[index].address + symbols[index].size):
                return symbols[index]
        return None


def read_symbols(path: str, data: bytes, sections: Sequence[Section]) -> SymbolTable:
    """The symbols of ``.symtab``, without those of sections, of files and of what is defined elsewhere."""
    table = next((item for item in sections if item.sh_type == SHT_SYMTAB), None)
    if table is None or not table.size:
        raise KernelError(path, "has no symbol table: it is stripped", _DO_NOT_STRIP)
    if table.entry_size != _ENTRY.size or table.link >= len(sections):
        raise KernelError(path, "its symbol table is damaged", BUILD_AGAIN)
    if table.size // _ENTRY.size > _MOST_SYMBOLS:
        raise KernelError(path, f"claims to have {table.size // _ENTRY.size} symbols", BUILD_AGAIN)
    names = sections[table.link]
    strings = memoryview(data)[names.offset : names.offset + names.size]
    whole = table.size - table.size % _ENTRY.size
    text = [(item.address, item.end) for item in sections if item.executable]
    symbols: list[Symbol] = []
    marks: list[Symbol] = []
    for st_name, st_info, _, st_shndx, st_value, st_size in _ENTRY.iter_unpack(
        memoryview(data)[table.offset : table.offset + whole]
    ):
        kind = _KINDS.get(st_info & 15)
        if kind is None or st_shndx == _SHN_UNDEF or not st_name:
            continue
        name = string_at(strings, st_name)
        if name.startswith(".L"):  # a place inside a function, which LLVM's assembler leaves in the table
            continue
        if st_shndx == _SHN_ABS and kind == "label":
            kind = "absolute"
        symbol = Symbol(name, st_value, st_size, kind, st_info >> 4 != 0)
        (marks if name.startswith(("$x", "$d")) else symbols).append(symbol)
    if not symbols:
        raise KernelError(path, "its symbol table names nothing: it is stripped", _DO_NOT_STRIP)
    return SymbolTable(symbols, marks, text)
