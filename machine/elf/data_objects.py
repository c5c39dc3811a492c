"""Every object in a kernel's writable memory: where one looks for tables whose author and shape are unknown."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from cowcheck.machine.elf.c_types import CType
from cowcheck.machine.elf.image import KernelElf


@dataclass(frozen=True, slots=True)
class DataObject:
    """A variable in .data or .bss. Sizes are in bytes."""

    name: str
    address: int
    size: int
    stride: int  # from an element of the outermost array to the next; all of it, where it is no array
    count: int  # elements of that array; 1 where it is none
    type: CType | None  # None where only the symbol is known
    unit: str  # the source file that was compiled; empty where only the symbol is known
    function: str = ""  # of one that is static in a function


def global_variables_in_data(kernel: KernelElf) -> tuple[DataObject, ...]:
    """All objects in writable sections, by address, with their types where the debugging information has them.

    What has a size is listed: variables, and symbols of objects that no variable stands for (of assembly, or of a file
    that was compiled without ``-g``).
    """
    ranges = [(item.address, item.end) for item in kernel.sections if item.writable and item.size]

    def writable(address: int, size: int) -> bool:
        return size > 0 and any(first <= address and address + size <= end for first, end in ranges)

    found = []
    for variable in kernel.debug.variables:
        kind = variable.type
        size = kind.size or _symbol_size(kernel, variable.name, variable.address)
        if not writable(variable.address, size):
            continue
        stride, count = size, 1
        if kind.element is not None and kind.element.size:
            stride = kind.element.size
            count = kind.count or size // stride
        found.append(
            DataObject(variable.name, variable.address, size, stride, count, kind, variable.unit, variable.function)
        )
    found.sort(key=lambda item: item.address)
    starts = [item.address for item in found]
    for symbol in kernel.symbol_table.all:
        if symbol.kind != "object" or not writable(symbol.address, symbol.size):
            continue
        index = bisect_right(starts, symbol.address) - 1
        if index < 0 or found[index].address + found[index].size <= symbol.address:
            found.append(DataObject(symbol.name, symbol.address, symbol.size, symbol.size, 1, None, ""))
    return tuple(sorted(found, key=lambda item: (item.address, item.name)))


def _symbol_size(kernel: KernelElf, name: str, address: int) -> int:
    """The size of an object whose type does not tell it: an array that another file gives its length."""
    symbol = kernel.symbols.get(name)
    return symbol.size if symbol is not None and symbol.address == address else 0
