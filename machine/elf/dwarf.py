"""Debugging information as a forest of entries, one tree a source file, read in one pass.

An entry (DWARF's DIE) is kept with the few attributes that are asked for later, their values made uniform here, so that
whoever reads entries sees neither DWARF's versions, 2 to 5, nor its 40 forms of a value: a reference is the offset of
another entry, ``high_pc`` is an address, ``ranges`` are addresses, ``location`` is one. Names are the standard's
without DW_TAG_ and DW_AT_ (DWARF Debugging Information Format, version 5).

pyelftools decodes; its own ways through the tree are not used, because they follow what a damaged file says of
siblings, which may be a circle.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE, AttributeValue
from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo
from elftools.dwarf.ranges import BaseAddressEntry

from cowcheck.machine.elf.cursor import Cursor
from cowcheck.machine.elf.damage import Budget
from cowcheck.machine.elf.lines import source_name
from cowcheck.machine.elf.names import name_from

_TAGS = frozenset(
    """
    array_type atomic_type base_type compile_unit const_type enumeration_type enumerator inlined_subroutine
    lexical_block member partial_unit pointer_type restrict_type skeleton_unit structure_type subprogram subrange_type
    subroutine_type typedef union_type unspecified_type variable volatile_type
    """.split()  # noqa: SIM905 - thirty words
)
_ATTRIBUTES = frozenset(
    """
    GNU_dwo_name abstract_origin bit_size byte_size call_file call_line comp_dir const_value count data_bit_offset
    data_member_location decl_file decl_line declaration dwo_name encoding external high_pc location low_pc name ranges
    signature specification stmt_list type upper_bound
    """.split()  # noqa: SIM905 - thirty words
)
_REFERENCES = frozenset(f"DW_FORM_{form}" for form in ("ref", "ref1", "ref2", "ref4", "ref8", "ref_udata"))
_NUMBERS = ("DW_FORM_data", "DW_FORM_udata", "DW_FORM_sdata", "DW_FORM_implicit_const", "DW_FORM_sec_offset")
_DW_OP_ADDR, _DW_OP_PLUS_UCONST, _DW_OP_ADDRX = 0x03, 0x23, 0xA1
_MOST_WORK = 10_000_000  # of a kernel's, 200,000 is used


@dataclass(frozen=True, slots=True)
class Unit:
    """A compilation unit: what one run of the compiler made of one source file."""

    name: str  # of the source file, as in "kernel/vm.c"
    directory: str  # where the compiler ran
    low_pc: int
    line_program: int | None  # offset in .debug_line
    split: bool  # its entries are in another file (-gsplit-dwarf)


@dataclass(slots=True, eq=False)
class Entry:
    """A debugging information entry; complete once the tree has been read."""

    offset: int
    tag: str
    unit: Unit
    parent: Entry | None
    attributes: dict[str, Any]
    children: list[Entry] = field(default_factory=list)

    def text(self, name: str) -> str:
        """An attribute that is a string; empty where there is none."""
        value = self.attributes.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int | None:
        """An attribute that is a number, an address or a reference; None where there is none."""
        value = self.attributes.get(name)
        return value if isinstance(value, int) else None


@dataclass(frozen=True, slots=True)
class Dwarf:
    """All entries: the units' own, and every one by its offset."""

    units: tuple[Entry, ...]
    by_offset: Mapping[int, Entry]

    def follow(self, entry: Entry, name: str) -> Entry | None:
        """The entry that an attribute refers to."""
        target = entry.number(name)
        return None if target is None else self.by_offset.get(target)

    def origin(self, entry: Entry) -> Iterator[Entry]:
        """An entry, and those that say more of it: its declaration, the function that it is a copy of."""
        seen: set[int] = set()
        found: Entry | None = entry
        while found is not None and found.offset not in seen:
            seen.add(found.offset)
            yield found
            found = self.follow(found, "abstract_origin") or self.follow(found, "specification")


def read_dwarf(path: str, sections: Mapping[str, bytes]) -> Dwarf:
    """The entries of all units. Raises :class:`KernelError`, or whatever pyelftools raises of damage."""
    info = _open(sections)
    budget = Budget(path, "its debugging information", _MOST_WORK)
    units: list[Entry] = []
    by_offset: dict[int, Entry] = {}
    tables: set[int] = set()
    for unit in info.iter_CUs():
        table = unit["debug_abbrev_offset"]
        if table not in tables:
            tables.add(table)
            budget.spend(max(0, len(sections["abbrev"]) - table) // 4)  # it may reach to the end of the section
        units += _read_unit(unit, by_offset, budget)
    return Dwarf(tuple(units), by_offset)


def _open(sections: Mapping[str, bytes]) -> DWARFInfo:
    """The sections as pyelftools takes them."""

    def section(name: str) -> DebugSectionDescriptor | None:
        data = sections.get(name)
        return None if data is None else DebugSectionDescriptor(io.BytesIO(data), f".debug_{name}", 0, len(data), 0)

    config = DwarfConfig(little_endian=True, machine_arch="RISC-V", default_address_size=8)
    return DWARFInfo(
        config=config,
        debug_info_sec=section("info"),
        debug_aranges_sec=None,
        debug_abbrev_sec=section("abbrev"),
        debug_frame_sec=None,
        eh_frame_sec=None,
        debug_str_sec=section("str"),
        debug_loc_sec=None,
        debug_ranges_sec=section("ranges"),
        debug_line_sec=None,
        debug_pubtypes_sec=None,
        debug_pubnames_sec=None,
        debug_addr_sec=section("addr"),
        debug_str_offsets_sec=section("str_offsets"),
        debug_line_str_sec=section("line_str"),
        debug_loclists_sec=section("loclists"),  # a unit's list of lists is in it; the lists are not read
        debug_rnglists_sec=section("rnglists"),
        debug_sup_sec=None,
        gnu_debugaltlink_sec=None,
        debug_types_sec=None,
    )


def _read_unit(unit: CompileUnit, by_offset: dict[int, Entry], budget: Budget) -> list[Entry]:
    """The entries of one unit, and its own one (in a list: none where the unit is empty)."""
    roots: list[Entry] = []
    parents: list[Entry | None] = []
    about = Unit("", "", 0, None, False)
    for die in unit.iter_DIEs():
        budget.spend(8)
        if die.tag is None:
            if parents:
                parents.pop()
            continue
        budget.spend(2 * len(unit.get_abbrev_table().get_abbrev(die.abbrev_code or 0)["attr_spec"]))
        tag = str(die.tag).removeprefix("DW_TAG_")
        parent = parents[-1] if parents else None
        entry = None
        if tag in _TAGS and (parent is not None or die.offset == unit.cu_die_offset):
            attributes = _attributes(unit, die, about.low_pc, budget)
            if not roots:
                about = _about(attributes)
            entry = Entry(die.offset, tag, about, parent, attributes)
            by_offset[die.offset] = entry
            (roots if parent is None else parent.children).append(entry)
        if die.has_children:
            parents.append(entry)
    return roots


def _about(attributes: Mapping[str, Any]) -> Unit:
    low_pc, lines = attributes.get("low_pc", 0), attributes.get("stmt_list")
    directory = str(attributes.get("comp_dir", ""))
    return Unit(
        source_name(directory, "", str(attributes.get("name", ""))),
        directory,
        low_pc if isinstance(low_pc, int) else 0,
        lines if isinstance(lines, int) else None,
        "dwo_name" in attributes or "GNU_dwo_name" in attributes,
    )


def _attributes(unit: CompileUnit, die: DIE, base: int, budget: Budget) -> dict[str, Any]:
    """The attributes of an entry that are kept, made uniform."""
    found: dict[str, Any] = {}
    for full_name, attribute in die.attributes.items():
        name = str(full_name).removeprefix("DW_AT_")
        if isinstance(attribute.value, (bytes, list)):
            budget.spend(len(attribute.value) >> (0 if isinstance(attribute.value, list) else 6))
        if name in _ATTRIBUTES:
            value = _value(unit, die, name, attribute, base, budget)
            if value is not None:
                found[name] = value
    if "high_pc" in found and not die.attributes["DW_AT_high_pc"].form.startswith("DW_FORM_addr"):
        found["high_pc"] += found.get("low_pc", 0)
    return found


def _value(unit: CompileUnit, die: DIE, name: str, attribute: AttributeValue, base: int, budget: Budget) -> Any:
    value, form = attribute.value, attribute.form
    if isinstance(value, bytes):
        return name_from(value)
    if form in _REFERENCES:
        return unit.cu_offset + value
    if name == "ranges":
        wanted = die.tag in ("DW_TAG_subprogram", "DW_TAG_inlined_subroutine")
        return tuple(_ranges(unit, value, base, budget)) if wanted else None
    if name == "location":
        return _address(unit, value) if die.tag == "DW_TAG_variable" and isinstance(value, list) else None
    if isinstance(value, list):  # an expression, which DWARF 2 has for the offset of every member
        return _plus_constant(value) if name == "data_member_location" else None
    if name in ("upper_bound", "count") and not form.startswith(_NUMBERS):
        return None  # known at run time only
    return value if isinstance(value, (int, bool)) else None


def _ranges(unit: CompileUnit, offset: int, base: int, budget: Budget) -> Iterator[tuple[int, int]]:
    """First address and end of each part of a function that lies in several places."""
    lists = unit.dwarfinfo.range_lists()
    if lists is None:
        return
    for item in lists.get_range_list_at_offset(offset, unit):
        budget.spend(20)
        if isinstance(item, BaseAddressEntry):
            base = item.base_address
        else:
            shift = 0 if item.is_absolute else base
            yield item.begin_offset + shift, item.end_offset + shift


def _address(unit: CompileUnit, expression: list[int]) -> int | None:
    """The address that an expression names, where it is a fixed one."""
    cursor = Cursor(bytes(expression))
    operation = cursor.unsigned(1) if expression else 0
    if operation == _DW_OP_ADDR:
        address = cursor.unsigned(8)
    elif operation == _DW_OP_ADDRX:
        address = unit.dwarfinfo.get_addr(unit, cursor.uleb128())
    else:
        return None
    if cursor.offset == cursor.end:
        return address
    # clang lays out several static variables as one, and names the parts.
    return address + cursor.uleb128() if cursor.unsigned(1) == _DW_OP_PLUS_UCONST else None


def _plus_constant(expression: list[int]) -> int | None:
    cursor = Cursor(bytes(expression))
    return cursor.uleb128() if expression and cursor.unsigned(1) == _DW_OP_PLUS_UCONST else None
