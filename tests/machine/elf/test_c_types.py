"""Layouts of types are the compiler's, in every version of DWARF."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cowcheck.machine.elf import CType, KernelElf, StructLayout, read_kernel

VERSIONS = ["-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5"]


@pytest.fixture(params=VERSIONS)
def kernel(request: pytest.FixtureRequest, build: Callable[..., Path]) -> KernelElf:
    return read_kernel(build("-O1", request.param))


def struct(kernel: KernelElf, name: str) -> StructLayout:
    found = kernel.debug.types.struct(name)
    assert found is not None
    return found


def variable(kernel: KernelElf, name: str) -> CType:
    (found,) = kernel.debug.variables_named(name)
    return found.type


def test_the_fields_of_a_struct(kernel: KernelElf) -> None:
    proc = struct(kernel, "proc")
    shown = {item.name: (item.offset, item.size, item.type_name, item.is_pointer) for item in proc.fields.values()}
    assert shown == {
        "lock": (0, 24, "struct spinlock", False),
        "state": (24, 4, "enum procstate", False),
        "killed": (28, 4, "int", False),
        "xstate": (32, 4, "int", False),
        "pid": (36, 4, "int", False),
        "parent": (40, 8, "struct proc *", True),
        "kstack": (48, 8, "uint64", False),
        "sz": (56, 8, "uint64", False),
        "pagetable": (64, 8, "pagetable_t", True),
        "trapframe": (72, 8, "struct trapframe *", True),
        "context": (80, 112, "struct context", False),
        "ofile": (192, 128, "struct file * [16]", False),
        "name": (320, 16, "char [16]", False),
    }
    assert proc.size == 336
    assert proc.fields["state"].type.enumerators["ZOMBIE"] == 5
    assert proc.fields["context"].type.layout == struct(kernel, "context")
    assert proc.fields["killed"].type.signed
    assert not proc.fields["sz"].type.signed


def test_what_a_pointer_points_at(kernel: KernelElf) -> None:
    types, parent = kernel.debug.types, struct(kernel, "proc").fields["parent"].type
    assert types.pointed_at(parent).layout == struct(kernel, "proc")
    assert types.pointed_at(types.pointed_at(parent)).kind == "unknown"
    assert types.pointed_at(struct(kernel, "proc").fields["pagetable"].type).name == "uint64"


def test_arrays(kernel: KernelElf) -> None:
    table, matrix = variable(kernel, "proc"), variable(kernel, "matrix")
    assert (table.name, table.count, table.size) == ("struct proc [64]", 64, 64 * 336)
    assert table.element is not None
    assert table.element.size == 336
    assert (matrix.name, matrix.count, matrix.size) == ("int [3][5]", 3, 60)
    assert matrix.element is not None
    assert (matrix.element.count, matrix.element.size) == (5, 20)


def test_bit_fields_unions_and_a_tail_without_a_length(kernel: KernelElf) -> None:
    bits = kernel.debug.types.pointed_at(variable(kernel, "bits")).layout
    assert bits is not None
    shown = {item.name: (item.offset, item.type_name, item.bit_size) for item in bits.fields.values()}
    assert shown == {
        "low": (0, "uint", 3),
        "high": (0, "uint", 20),
        "byte": (4, "char", None),
        "word": (4, "uint", None),
        "others": (8, "struct bits **", None),
        "call": (16, "function *", None),
        "tail": (24, "char * []", None),
    }


def test_an_anonymous_struct_and_one_inside_it(kernel: KernelElf) -> None:
    kmem = variable(kernel, "kmem")
    assert kmem.name == "struct"
    assert kmem.layout is not None
    offsets = {item.name: item.offset for item in kmem.layout.fields.values()}
    assert offsets == {"pages": 0, "lock": 8, "freelist": 32, "counts": 40, "large": 440}


def test_a_struct_that_another_file_only_declares(kernel: KernelElf) -> None:
    types, cpu = kernel.debug.types, struct(kernel, "spinlock").fields["cpu"].type
    assert types.pointed_at(cpu).layout == types.struct("cpu")
    assert types.struct("run", "kernel/kalloc.c") == types.struct("run")
    assert types.struct("none") is None
