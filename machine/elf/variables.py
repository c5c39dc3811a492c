"""The variables that have an address of their own: globals, static ones of a file, and static ones of a function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cowcheck.machine.elf.c_types import CType, Types
from cowcheck.machine.elf.dwarf import Dwarf, Entry
from cowcheck.machine.elf.lines import LineTable

_DEEPEST = 60  # blocks inside each other


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable. Several may have one name, in several files or functions."""

    name: str
    address: int
    type: CType
    unit: str  # the source file that was compiled, as in "kernel/kalloc.c"
    file: str  # where it is declared: that file, or a header
    line: int
    function: str = ""  # of one that is static in a function
    is_global: bool = False  # seen by every file


def read_variables(dwarf: Dwarf, types: Types, tables: dict[int, LineTable]) -> tuple[Variable, ...]:
    """Every variable with an address, by address. ``tables`` has the files of each unit, by the unit's offset."""
    found: dict[tuple[int, str], Variable] = {}
    for unit in dwarf.units:
        table = tables.get(unit.offset)
        for entry, function in _located(dwarf, unit, "", 0):
            chain = list(dwarf.origin(entry))
            name = next(filter(None, (item.text("name") for item in chain)), "")
            typed = next((item for item in chain if "type" in item.attributes), None)
            declared = next((item for item in chain if "decl_file" in item.attributes), entry)
            address = entry.number("location")
            if not name or typed is None or address is None:
                continue
            variable = Variable(
                name,
                address,
                types.of_attribute(typed),
                unit.unit.name,
                table.file(declared.number("decl_file")) if table else "",
                declared.number("decl_line") or 0,
                function,
                any(item.number("external") for item in chain),
            )
            # A static variable of a function that is inlined in two places is still one.
            found.setdefault((address, name), variable)
    return tuple(sorted(found.values(), key=lambda item: (item.address, item.name)))


def _located(dwarf: Dwarf, entry: Entry, function: str, depth: int) -> Iterator[tuple[Entry, str]]:
    """The variables below an entry that have an address, and the function that each is in."""
    if depth > _DEEPEST:
        return
    for child in entry.children:
        if child.tag == "variable" and "location" in child.attributes:
            yield child, function
        elif child.tag in ("subprogram", "lexical_block", "inlined_subroutine"):
            name = next(filter(None, (item.text("name") for item in dwarf.origin(child))), "")
            yield from _located(dwarf, child, name or function, depth + 1)
