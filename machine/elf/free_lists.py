"""The heads of kalloc's lists of free pages: one in ``kmem``, or one a hart, or more for larger pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from cowcheck.machine.elf.c_types import CType, StructLayout, Types
from cowcheck.machine.elf.image import KernelElf
from cowcheck.machine.elf.symbols import Symbol
from cowcheck.machine.elf.xv6_names import FREE_LIST_VARIABLES

_MOST_LISTS = 1024
_RUN = "run"  # struct run, which xv6 lays into every free page
_LOCK = "spinlock"


@dataclass(frozen=True, slots=True)
class FreeList:
    """A list of free pages. ``head`` is the address of the pointer to the first one."""

    name: str  # as in "kmem.freelist" and "kmems[2].freelist"
    head: int
    next_offset: int  # in a free page, of the pointer to the next one
    lock: int | None  # address of the spinlock beside the head; None where there is none


class _Head(NamedTuple):
    """A head inside a type, by its offset there."""

    name: str
    offset: int
    next_offset: int
    lock: int | None


def find_free_lists(kernel: KernelElf, kalloc: Symbol) -> tuple[FreeList, ...]:
    """The free lists among the variables of kalloc's file. Empty where there are none.

    They are lists of struct run, in xv6's variables or else in others; or else lists of any struct in xv6's variables.
    """
    functions = (item for item in kernel.debug.functions if item.low_pc == kalloc.address)
    file = next((item.file for item in functions), "")
    own = [item for item in kernel.debug.variables if not file or file in (item.file, item.unit)]
    named = [item for item in own if item.name in FREE_LIST_VARIABLES]
    for variables, struct in ((named, _RUN), (own, _RUN), (named, "")):
        found = [
            FreeList(
                variable.name + head.name,
                variable.address + head.offset,
                head.next_offset,
                None if head.lock is None else variable.address + head.lock,
            )
            for variable in variables
            for head in _heads(kernel.debug.types, variable.type, struct)
        ]
        if found:
            return tuple(found[:_MOST_LISTS])
    return ()


def _heads(types: Types, kind: CType, struct: str) -> list[_Head]:
    """The heads in a type, of lists of that struct; of any, if it is empty."""
    if kind.kind == "pointer":
        next_offset = _next_offset(types, types.pointed_at(kind).layout, struct)
        return [] if next_offset is None else [_Head("", 0, next_offset, None)]
    if kind.kind == "array" and kind.element is not None:
        inner, stride = _heads(types, kind.element, struct), kind.element.size
        count = min(kind.count or 0, _MOST_LISTS // max(1, len(inner))) if inner else 0
        return [_moved(head, f"[{index}]", index * stride, None) for index in range(count) for head in inner]
    if kind.kind == "struct" and kind.layout is not None and kind.layout.name != _LOCK:
        fields = kind.layout.fields.values()
        lock = next((item.offset for item in fields if item.type_name == f"struct {_LOCK}"), None)
        return [
            _moved(head, f".{field.name}", field.offset, lock)
            for field in fields
            for head in _heads(types, field.type, struct)
        ][:_MOST_LISTS]
    return []


def _moved(head: _Head, name: str, offset: int, lock: int | None) -> _Head:
    """A head as seen from the type around it, whose lock it has if there is none nearer."""
    nearest = lock if head.lock is None else head.lock + offset
    return _Head(name + head.name, offset + head.offset, head.next_offset, nearest)


def _next_offset(types: Types, layout: StructLayout | None, struct: str) -> int | None:
    """Where a struct in a free page has its pointer to the next one: it is a pointer to its own kind."""
    if layout is None or (struct and layout.name != struct):
        return None
    for field in layout.fields.values():
        if field.is_pointer:
            target = types.pointed_at(field.type).layout
            if target is not None and layout.name and target.name == layout.name:
                return field.offset
    return None
