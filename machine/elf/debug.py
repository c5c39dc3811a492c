"""A kernel's debugging information: types and variables, functions and lines, each read when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from cowcheck.machine.elf.c_types import Types
from cowcheck.machine.elf.damage import damage_in
from cowcheck.machine.elf.dwarf import Dwarf, read_dwarf
from cowcheck.machine.elf.dwarf_sections import debug_sections
from cowcheck.machine.elf.functions import Function, Locator, SourceLine, read_functions
from cowcheck.machine.elf.lines import LineTable, read_lines
from cowcheck.machine.elf.sections import Section
from cowcheck.machine.elf.variables import Variable, read_variables

_PART = "its debugging information"


class DebugInfo:
    """What the .debug sections tell. ``absent`` says why they tell nothing, and is empty where they do.

    Reading raises :class:`KernelError` where they are damaged.
    """

    def __init__(self, path: str, sections: dict[str, bytes], text: tuple[tuple[int, int], ...]) -> None:
        self._path = path
        self._sections = sections
        self._text = text

    @cached_property
    def _dwarf(self) -> Dwarf:
        if "info" not in self._sections or "abbrev" not in self._sections:
            return Dwarf((), {})
        with damage_in(self._path, _PART):
            return read_dwarf(self._path, self._sections)

    @cached_property
    def absent(self) -> str:
        """Why there is no debugging information; empty where there is some."""
        if not self._dwarf.units:
            return "it has no debugging information (no .debug_info section)"
        units = self._dwarf.units
        if any(item.unit.split for item in units) and not any(item.children for item in units):
            return "its debugging information is in other files (-gsplit-dwarf)"
        return ""

    @cached_property
    def _tables(self) -> dict[int, LineTable]:
        """The line table of each unit, by the unit's offset."""
        found: dict[int, LineTable] = {}
        known: dict[int, LineTable] = {}
        with damage_in(self._path, "its table of source lines"):
            for entry in self._dwarf.units:
                offset = entry.unit.line_program
                if offset is None or "line" not in self._sections:
                    continue
                if offset not in known:
                    known[offset] = read_lines(self._sections, offset, entry.unit.directory)
                found[entry.offset] = known[offset]
        return found

    @cached_property
    def types(self) -> Types:
        return Types(self._path, self._dwarf)

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Every variable that has an address, by address."""
        with damage_in(self._path, _PART):
            return read_variables(self._dwarf, self.types, self._tables)

    def variables_named(self, name: str) -> tuple[Variable, ...]:
        """The variables of that name: global ones first, then by address."""
        found = [item for item in self.variables if item.name == name]
        return tuple(sorted(found, key=lambda item: (not item.is_global, bool(item.function), item.address)))

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Every function that has code of its own, by address."""
        with damage_in(self._path, _PART):
            return read_functions(self._dwarf, self._tables)

    @cached_property
    def _locator(self) -> Locator:
        # What the linker dropped keeps its lines, at address 0.
        tables = {id(table): table for table in self._tables.values()}
        rows = [row for table in tables.values() for row in table.rows if self._in_text(row.address)]
        return Locator((item for item in self.functions if self._in_text(item.low_pc)), rows)

    def _in_text(self, address: int) -> bool:
        return any(first <= address < end for first, end in self._text)

    def locate(self, pc: int) -> SourceLine | None:
        """The source line of the instruction at ``pc``; None where nothing is known of it."""
        return self._locator.locate(pc)


def read_debug_info(path: str, data: bytes, sections: Iterable[Section]) -> DebugInfo:
    """The debugging information of a kernel, not yet decoded."""
    known = tuple(sections)
    with damage_in(path, _PART):
        return DebugInfo(path, dict(debug_sections(path, data, known)), _text(known))


def _text(sections: Iterable[Section]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted((item.address, item.end) for item in sections if item.executable and item.size))
