"""C types as the debugging information has them: how large, of what elements, which field at which offset.

A type is a value of its own, whole but for what a pointer points at, which may lead back to the type: that is asked of
:class:`Types`. A typedef is the type that it names, under its own name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from cowcheck.machine.elf.damage import damage_in
from cowcheck.machine.elf.dwarf import Dwarf, Entry

Kind = Literal["integer", "pointer", "struct", "union", "array", "enum", "function", "void", "unknown"]

_KINDS: Mapping[str, Kind] = {
    "structure_type": "struct",
    "union_type": "union",
    "enumeration_type": "enum",
    "pointer_type": "pointer",
    "array_type": "array",
    "subroutine_type": "function",
    "base_type": "integer",
}
_QUALIFIERS = ("const_type", "volatile_type", "restrict_type", "atomic_type")
_DW_ATE_BOOLEAN, _DW_ATE_SIGNED, _DW_ATE_SIGNED_CHAR, _DW_ATE_UNSIGNED, _DW_ATE_UNSIGNED_CHAR = 2, 5, 6, 7, 8
_ELSEWHERE = {"declaration", "signature"}  # of a type whose fields are in another file, or in a unit of its own
_POINTER_BYTES = 8
_DEEPEST = 40  # types inside each other, and names for names
_MOST_FIELDS = 20_000  # of one type, those of its fields' types counted in
_NONE: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CType:
    """A type. ``size`` is in bytes, and 0 where it is not known."""

    kind: Kind
    name: str  # as C writes it: "int", "pagetable_t", "struct proc *", "struct proc [64]"
    size: int
    signed: bool = False  # of an integer
    element: CType | None = None  # of an array; its size is the stride
    count: int | None = None  # of an array; None where it is not known
    layout: StructLayout | None = None  # of a struct or union; None where it is only declared
    enumerators: Mapping[str, int] = field(default_factory=lambda: _NONE)  # of an enum
    target: int | None = None  # of a pointer, for Types.pointed_at


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct; ``offset`` and ``size`` are in bytes. A bit field has the offset of its first byte."""

    name: str
    offset: int
    type: CType
    bit_size: int | None = None

    @property
    def size(self) -> int:
        return self.type.size

    @property
    def type_name(self) -> str:
        return self.type.name

    @property
    def is_pointer(self) -> bool:
        return self.type.kind == "pointer"

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + self.type.size


@dataclass(frozen=True, slots=True)
class StructLayout:
    """Where a struct's fields are. Those of a nested struct or union without a name are among them."""

    name: str  # without "struct"; empty where it has none
    size: int
    fields: Mapping[str, Field]


class Types:
    """The types of a kernel, each made when it is first asked for."""

    def __init__(self, path: str, dwarf: Dwarf) -> None:
        self._path = path
        self._dwarf = dwarf
        self._known: dict[int, CType] = {}
        self._tagged: dict[str, list[Entry]] = {}  # complete structs and unions, by name
        for unit in dwarf.units:
            for entry in unit.children:
                if entry.tag in ("structure_type", "union_type") and not _ELSEWHERE & entry.attributes.keys():
                    self._tagged.setdefault(entry.text("name"), []).append(entry)

    def struct(self, name: str, unit: str = "") -> StructLayout | None:
        """The layout of ``struct name``: as the file ``unit`` has it, if that is given and has one."""
        entries = self._tagged.get(name, [])
        own = next((entry for entry in entries if unit and entry.unit.name == unit), None)
        if own is None and not entries:
            return None
        return self.of(own or entries[0]).layout

    def of(self, entry: Entry | None) -> CType:
        """The type that an entry describes. Without an entry it is void. Raises :class:`KernelError`."""
        with damage_in(self._path, "its types"):
            return self._make(entry, 0)

    def of_attribute(self, entry: Entry) -> CType:
        """The type of a variable, a field or whatever else has one."""
        with damage_in(self._path, "its types"):
            return self._attribute(entry, 0)

    def pointed_at(self, pointer: CType) -> CType:
        """What a pointer points at. Where its file only declares the struct, another file's definition is taken."""
        if pointer.kind != "pointer":
            return CType("unknown", "", 0)
        target = None if pointer.target is None else self._dwarf.by_offset.get(pointer.target)
        found = self.of(target)
        if found.kind in ("struct", "union") and found.layout is None:
            layout = self.struct(found.name.partition(" ")[2])
            if layout is not None:
                return replace(found, size=layout.size, layout=layout)
        return found

    def _attribute(self, entry: Entry, depth: int) -> CType:
        if "type" not in entry.attributes:
            return self._make(None, depth)
        return self._make(self._dwarf.follow(entry, "type"), depth, known=False)

    def _make(self, entry: Entry | None, depth: int, known: bool = True) -> CType:
        if entry is None:
            return CType("void", "void", 0) if known else CType("unknown", "", 0)
        found = self._known.get(entry.offset)
        if found is None:
            if depth > _DEEPEST:
                raise ValueError(f"types that are inside each other without an end, at {entry.offset}")
            found = self._known[entry.offset] = self._build(entry, depth)
        return found

    def _build(self, entry: Entry, depth: int) -> CType:
        name, size = entry.text("name"), entry.number("byte_size") or 0
        kind = _KINDS.get(entry.tag, "unknown")
        if entry.tag == "typedef" or entry.tag in _QUALIFIERS:
            inner = self._attribute(entry, depth + 1)
            return replace(inner, name=name) if entry.tag == "typedef" else inner
        if kind in ("struct", "union"):
            shown = f"{kind} {name}" if name else kind
            layout = None
            if not _ELSEWHERE & entry.attributes.keys():
                fields: dict[str, Field] = {}
                for number, item in enumerate(self._fields(entry, depth)):
                    if number > _MOST_FIELDS:
                        raise ValueError(f"a struct of more than {number} fields at {entry.offset}")
                    fields[item.name] = item
                layout = StructLayout(name, size, MappingProxyType(fields))
            return CType(kind, shown, size, layout=layout)
        if kind == "pointer":
            target = entry.number("type")
            return CType("pointer", self._pointer_name(entry), size or _POINTER_BYTES, target=target)
        if kind == "array":
            return self._array(entry, depth)
        if kind == "enum":
            values = {item.text("name"): item.number("const_value") or 0 for item in entry.children}
            return CType("enum", f"enum {name}".rstrip(), size, enumerators=MappingProxyType(values))
        if kind == "integer":
            encoding = entry.number("encoding")
            signed = encoding in (_DW_ATE_SIGNED, _DW_ATE_SIGNED_CHAR)
            whole = signed or encoding in (_DW_ATE_BOOLEAN, _DW_ATE_UNSIGNED, _DW_ATE_UNSIGNED_CHAR)
            return CType("integer" if whole else "unknown", name, size, signed=signed)
        return CType(kind, name or kind, size)

    def _pointer_name(self, entry: Entry) -> str:
        """A pointer's name, which must not need the type that it points at: that may contain the pointer."""
        target, stars = self._dwarf.follow(entry, "type"), "*"
        for _ in range(_DEEPEST):
            if target is None:
                return f"void {stars}"
            if target.tag == "pointer_type":
                stars += "*"
            elif target.tag not in _QUALIFIERS:
                break
            target = self._dwarf.follow(target, "type")
        assert target is not None
        kind = _KINDS.get(target.tag, "unknown")
        words = [kind] if kind in ("struct", "union", "enum", "function", "array") else []
        return " ".join([*words, *filter(None, [target.text("name")]), stars])

    def _array(self, entry: Entry, depth: int) -> CType:
        found = self._attribute(entry, depth + 1)
        base, dimensions = found.name, ""
        for bounds in reversed([item for item in entry.children if item.tag == "subrange_type"]):
            count, upper = bounds.number("count"), bounds.number("upper_bound")
            if count is None and upper is not None:
                count = (upper + 1) % (1 << 64)  # an upper bound of -1: int none[0]
            dimensions = f"[{'' if count is None else count}]{dimensions}"
            found = CType("array", f"{base} {dimensions}", found.size * (count or 0), element=found, count=count)
        return found

    def _fields(self, entry: Entry, depth: int) -> Iterator[Field]:
        for member in entry.children:
            if member.tag != "member":
                continue
            name, offset = member.text("name"), member.number("data_member_location") or 0
            bits, first_bit = member.number("bit_size"), member.number("data_bit_offset")
            type_ = self._attribute(member, depth + 1)
            if bits is not None and first_bit is not None:
                offset = first_bit // 8
            if name:
                yield Field(name, offset, type_, bits)
            elif type_.layout is not None:
                for inner in type_.layout.fields.values():
                    yield replace(inner, offset=offset + inner.offset)
