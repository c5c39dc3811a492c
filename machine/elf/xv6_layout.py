"""Where an xv6 kernel keeps what cowcheck looks at, from its symbols and its debugging information alone.

What a kernel must have to be observed at all is required: without it there is an error that names what looks missing.
The rest is optional: an attribute is None, or a name is not in a mapping, and ``absent`` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cowcheck.machine.elf.c_types import Field, StructLayout
from cowcheck.machine.elf.damage import KernelError
from cowcheck.machine.elf.free_lists import FreeList, find_free_lists
from cowcheck.machine.elf.image import KernelElf
from cowcheck.machine.elf.segment import RAM
from cowcheck.machine.elf.symbols import Symbol
from cowcheck.machine.elf.variables import Variable
from cowcheck.machine.elf.xv6_functions import InlinedCopy, find_functions, inlined_copies, system_calls
from cowcheck.machine.elf.xv6_names import (
    BUILD_WITH_G,
    IS_IT_XV6,
    OPTIONAL_PROC_FIELDS,
    OPTIONAL_VARIABLES,
    REQUIRED_PROC_FIELDS,
    REQUIRED_STATES,
)
from cowcheck.machine.elf.xv6_tables import Table, find_files, find_table

PAGE_BYTES = 4096
_WORD_BYTES = (1, 2, 4, 8)
TRAMPOLINE = (1 << 38) - PAGE_BYTES  # xv6 kernel/memlayout.h: the highest page, in every page table


@dataclass(frozen=True, slots=True)
class Xv6Layout:
    """An xv6 kernel's functions, tables and types. Names are xv6's usual ones (``fork`` stands for ``kfork`` too)."""

    functions: Mapping[str, Symbol]
    system_calls: Mapping[str, Symbol]  # "sys_fork" and so on
    inlined: Mapping[str, tuple[InlinedCopy, ...]]  # of xv6's functions, those with copies
    procs: Table
    cpus: Table
    proc_fields: Mapping[str, Field]  # of struct proc; "trapframe" stands for 2019's "tf" too
    states: Mapping[str, int]  # enum procstate
    end: int  # the first address behind the kernel; what follows is kalloc's
    free_lists: tuple[FreeList, ...]
    variables: Mapping[str, int]  # addresses of single ones, such as kernel_pagetable
    structs: Mapping[str, StructLayout]  # spinlock, trapframe, context, pipe, file, run
    files: Table | None  # ftable.file
    file_types: Mapping[str, int]  # FD_NONE, FD_PIPE, ...
    disk: Variable | None  # the driver's state, whose pointer fields may hold frames
    stack0: tuple[int, int] | None  # the stacks of the harts, address and bytes
    absent: Mapping[str, str]  # what was not found, and why

    def function(self, name: str) -> int | None:
        """The entry of a function; None where the kernel has none of that name."""
        found = self.functions.get(name)
        return None if found is None else found.address

    def linked_address(self, pc: int) -> int:
        """Where the ELF file has the code at ``pc``: the trampoline's page runs at its own address."""
        if not TRAMPOLINE <= pc < TRAMPOLINE + PAGE_BYTES:
            return pc
        return pc - TRAMPOLINE + self.functions["trampoline"].address


def xv6_layout(kernel: KernelElf) -> Xv6Layout:
    """The layout of an xv6 kernel. Raises :class:`KernelError` where something required is missing."""
    absent: dict[str, str] = {}
    functions = find_functions(kernel, absent)
    if kernel.debug.absent:
        problem = f"{kernel.debug.absent}, so the layout of struct proc cannot be known"
        raise KernelError(kernel.path, problem, BUILD_WITH_G)
    procs, cpus = find_table(kernel, "proc", "pagetable"), find_table(kernel, "cpus", "proc")
    proc_fields = _proc_fields(kernel, procs, absent)
    files = find_files(kernel, absent)
    structs = _structs(kernel, procs, proc_fields, files, absent)
    for name in ("noff", "intena"):
        if name not in cpus.layout.fields:
            absent[f"cpu.{name}"] = f"struct cpu has no field {name}"
    free_lists = find_free_lists(kernel, functions["kalloc"])
    if not free_lists:
        absent["free_lists"] = "no variable of kalloc's file points to a linked list of free pages"
    disks = kernel.debug.variables_named("disk")
    if not disks:
        absent["disk"] = "no variable disk"
    return Xv6Layout(
        functions=functions,
        system_calls=system_calls(kernel),
        inlined=inlined_copies(kernel, absent),
        procs=procs,
        cpus=cpus,
        proc_fields=proc_fields,
        states=_states(kernel, proc_fields["state"]),
        end=_end(kernel),
        free_lists=free_lists,
        variables=_variables(kernel, absent),
        structs=structs,
        files=files,
        file_types=structs["file"].fields["type"].type.enumerators if files else {},
        disk=disks[0] if disks else None,
        stack0=_stack0(kernel, absent),
        absent=absent,
    )


def _proc_fields(kernel: KernelElf, procs: Table, absent: dict[str, str]) -> dict[str, Field]:
    fields = procs.layout.fields
    found = {name: fields[name] for name in OPTIONAL_PROC_FIELDS if name in fields}
    for name in OPTIONAL_PROC_FIELDS:
        if name not in fields:
            absent[f"proc.{name}"] = f"struct proc has no field {name}"
    for name, spellings in REQUIRED_PROC_FIELDS.items():
        spelling = next((item for item in spellings if item in fields), None)
        if spelling is None:
            raise KernelError(kernel.path, f"its struct proc has no field {' or '.join(spellings)}", IS_IT_XV6)
        found[name] = fields[spelling]
        if found[name].size not in _WORD_BYTES:
            problem = f"its proc.{spelling} is a {found[name].type_name} of {found[name].size} bytes"
            raise KernelError(kernel.path, problem, IS_IT_XV6)
    return found


def _states(kernel: KernelElf, field: Field) -> Mapping[str, int]:
    states = field.type.enumerators
    missing = [name for name in REQUIRED_STATES if name not in states]
    if missing:
        problem = f"the type of its proc.state, {field.type_name}, has no value {', '.join(missing)}"
        raise KernelError(kernel.path, problem, IS_IT_XV6)
    return states


def _end(kernel: KernelElf) -> int:
    symbol = kernel.symbols.get("end")
    if symbol is None:
        problem = "this kernel has no symbol end, which says where the memory for kalloc begins"
        raise KernelError(kernel.path, problem, "link it with xv6's kernel/kernel.ld")
    if not RAM[0] < symbol.address < RAM[1]:
        problem = f"its symbol end is {symbol.address:#x}, where there is no RAM"
        raise KernelError(kernel.path, problem, "link it with xv6's kernel/kernel.ld")
    return symbol.address


def _variables(kernel: KernelElf, absent: dict[str, str]) -> dict[str, int]:
    found = {}
    for name in OPTIONAL_VARIABLES:
        symbol = kernel.symbols.get(name)
        if symbol is not None and symbol.kind == "object":
            found[name] = symbol.address
        else:
            absent[name] = f"no variable {name}"
    return found


def _structs(
    kernel: KernelElf, procs: Table, fields: Mapping[str, Field], files: Table | None, absent: dict[str, str]
) -> dict[str, StructLayout]:
    types = kernel.debug.types
    reached = {"trapframe": types.pointed_at(fields["trapframe"].type).layout, "proc": procs.layout}
    if files is not None:
        reached |= {"file": files.layout, "pipe": types.pointed_at(files.layout.fields["pipe"].type).layout}
    found = {}
    for name in ("proc", "trapframe", "context", "spinlock", "pipe", "file", "run"):
        layout = reached.get(name) or types.struct(name)
        if layout is not None:
            found[name] = layout
        else:
            absent[f"struct {name}"] = f"no struct {name}"
    return found


def _stack0(kernel: KernelElf, absent: dict[str, str]) -> tuple[int, int] | None:
    variable = next(iter(kernel.debug.variables_named("stack0")), None)
    if variable is not None and variable.type.size:
        return variable.address, variable.type.size
    symbol = kernel.symbols.get("stack0")
    if symbol is not None and symbol.size:
        return symbol.address, symbol.size
    absent["stack0"] = "no variable stack0"
    return None
