"""Functions, what the compiler put in them of others, and the place in the source that an instruction comes from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cowcheck.machine.elf.dwarf import Dwarf, Entry
from cowcheck.machine.elf.lines import LineTable, Row

Ranges = tuple[tuple[int, int], ...]
_DEEPEST = 60  # functions inside each other
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class CallSite:
    """A call that the compiler replaced by the function's body: in which function, and where."""

    function: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class SourceLine:
    """Where an instruction comes from: innermost function, and the calls that it was inlined by, innermost first."""

    function: str
    file: str  # as in "kernel/vm.c"
    line: int
    inlined_into: tuple[CallSite, ...] = ()

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file else "unknown line"
        calls = "".join(f", inlined into {call.function} at {call.file}:{call.line}" for call in self.inlined_into)
        return f"{self.function or 'unknown function'} ({place}{calls})"


@dataclass(frozen=True, slots=True)
class Function:
    """A function, or a copy of it inside another one (``call`` says where). ``low_pc`` is where its code begins."""

    name: str
    ranges: Ranges
    file: str
    line: int
    inlined: tuple[Function, ...] = ()
    call: tuple[str, int] = ("", 0)  # file and line

    @property
    def low_pc(self) -> int:
        return self.ranges[0][0]

    @property
    def high_pc(self) -> int:
        """The first address behind its first range."""
        return self.ranges[0][1]

    def holds(self, pc: int) -> bool:
        return any(first <= pc < end for first, end in self.ranges)


def read_functions(dwarf: Dwarf, tables: Mapping[int, LineTable]) -> tuple[Function, ...]:
    """Every function that has code of its own, by address."""
    found = []
    for unit in dwarf.units:
        table = tables.get(unit.offset, LineTable((), ()))
        for entry in unit.children:
            if entry.tag == "subprogram" and (ranges := _ranges(entry)):
                found.append(_function(dwarf, entry, ranges, table, 0))
    return tuple(sorted(found, key=lambda item: item.ranges))


def _ranges(entry: Entry) -> Ranges:
    ranges = entry.attributes.get("ranges")
    if isinstance(ranges, tuple):
        return tuple((first, end) for first, end in ranges if first < end)
    first, end = entry.number("low_pc"), entry.number("high_pc")
    return ((first, end),) if first is not None and end is not None and first < end else ()


def _function(dwarf: Dwarf, entry: Entry, ranges: Ranges, table: LineTable, depth: int) -> Function:
    chain = list(dwarf.origin(entry))
    declared = next((item for item in chain if "decl_line" in item.attributes), entry)
    return Function(
        next(filter(None, (item.text("name") for item in chain)), ""),
        ranges,
        table.file(declared.number("decl_file")),
        declared.number("decl_line") or 0,
        tuple(_inlined(dwarf, entry, table, depth + 1)),
        (table.file(entry.number("call_file")), entry.number("call_line") or 0),
    )


def _inlined(dwarf: Dwarf, entry: Entry, table: LineTable, depth: int) -> Iterator[Function]:
    if depth > _DEEPEST:
        return
    for child in entry.children:
        if child.tag == "inlined_subroutine":
            if ranges := _ranges(child):
                yield _function(dwarf, child, ranges, table, depth)
        elif child.tag == "lexical_block":
            yield from _inlined(dwarf, child, table, depth + 1)


class Locator:
    """Finds the source line of an instruction: two searches by halves."""

    def __init__(self, functions: Iterable[Function], rows: Iterable[Row]) -> None:
        self._rows = sorted(rows)
        self._row_starts = [row.address for row in self._rows]
        parts = [(first, end, item) for item in functions for first, end in item.ranges]
        self._parts = sorted(parts, key=lambda part: part[:2])
        self._part_starts = [part[0] for part in self._parts]

    def locate(self, pc: int) -> SourceLine | None:
        """The source line of the instruction at ``pc``; None where nothing is known of it."""
        row = _last(self._rows, self._row_starts, pc)
        part = _last(self._parts, self._part_starts, pc)
        line = row if row is not None and pc < row.end else None
        outer = part[2] if part is not None and pc < part[1] else None
        if line is None and outer is None:
            return None
        file, number = (line.file, line.line) if line else ("", 0)
        if outer is None:
            return SourceLine("", file, number)
        calls: list[CallSite] = []
        function = outer
        while inner := next((item for item in function.inlined if item.holds(pc)), None):
            calls.insert(0, CallSite(function.name, *inner.call))
            function = inner
        return SourceLine(function.name, file, number, tuple(calls))


def _last(items: Sequence[_Item], starts: Sequence[int], pc: int) -> _Item | None:
    """The last item that starts at ``pc`` or before it."""
    index = bisect_right(starts, pc) - 1
    return items[index] if index >= 0 else None
