"""xv6's tables, arrays of structs: the processes, the harts, the open files."""

from __future__ import annotations

from dataclasses import dataclass

from cowcheck.machine.elf.c_types import CType, StructLayout
from cowcheck.machine.elf.damage import BUILD_AGAIN, KernelError
from cowcheck.machine.elf.image import KernelElf
from cowcheck.machine.elf.xv6_names import BUILD_WITH_G, IS_IT_XV6


@dataclass(frozen=True, slots=True)
class Table:
    """An array of structs, all of it in the kernel's memory."""

    name: str
    address: int
    count: int
    stride: int  # bytes from one to the next
    layout: StructLayout

    def address_of(self, index: int, field: str = "") -> int:
        """Address of a struct, or of one of its fields. Raises IndexError and KeyError."""
        if not 0 <= index < self.count:
            raise IndexError(f"{self.name}[{index}] of {self.count}")
        return self.address + index * self.stride + (self.layout.fields[field].offset if field else 0)


def find_table(kernel: KernelElf, name: str, field: str) -> Table:
    """A global array of structs that have ``field``. Raises :class:`KernelError` where there is none."""
    variables = kernel.debug.variables_named(name)
    for variable in variables:
        element = variable.type.element
        table = _table(kernel, name, variable.address, variable.type)
        if table is not None and field in table.layout.fields:
            return table
        if element is not None and element.kind in ("struct", "unknown") and element.layout is None:
            problem = f"its debugging information does not have the fields of {name}"
            raise KernelError(kernel.path, problem, f"{BUILD_WITH_G}; leave out -fdebug-types-section")
    if not variables and name in kernel.symbols:
        problem = f"its {name} has no debugging information, so its layout cannot be known"
        raise KernelError(kernel.path, problem, BUILD_WITH_G)
    shown = f"its {name} is a {variables[0].type.name}" if variables else f"this kernel has no variable {name}"
    raise KernelError(kernel.path, f"{shown}, where xv6 has an array of structs with a field {field}", IS_IT_XV6)


def find_files(kernel: KernelElf, absent: dict[str, str]) -> Table | None:
    """The table of open files: ``file`` in the variable ``ftable``. Why there is none goes into ``absent``."""
    variable = next(iter(kernel.debug.variables_named("ftable")), None)
    if variable is None:
        absent["files"] = "no variable ftable"
        return None
    field = variable.type.layout.fields.get("file") if variable.type.layout else None
    table = _table(kernel, "ftable.file", variable.address + field.offset, field.type) if field else None
    if table is None:
        absent["files"] = "ftable has no array of structs, file"
        return None
    if not {"type", "pipe"} <= table.layout.fields.keys():
        absent["files"] = "the struct of ftable.file has no fields type and pipe"
        return None
    return table


def _table(kernel: KernelElf, name: str, address: int, kind: CType) -> Table | None:
    """An array of structs at an address; None where the type is no such thing."""
    element, count = kind.element, kind.count
    if element is None or element.layout is None or not count or not element.size:
        return None
    end = address + count * element.size
    if not any(item.paddr <= address and end <= item.paddr + item.memsz for item in kernel.segments):
        problem = f"its {name}, {count} times {element.size} bytes at {address:#x}, is not in the kernel's memory"
        raise KernelError(kernel.path, problem, BUILD_AGAIN)
    for field in element.layout.fields.values():
        if field.bit_size is None and field.end > element.size:
            problem = f"the field {field.name} of its {name} ends at byte {field.end} of {element.size}"
            raise KernelError(kernel.path, problem, BUILD_AGAIN)
    return Table(name, address, count, element.size, element.layout)
