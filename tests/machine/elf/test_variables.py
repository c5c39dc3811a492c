"""Variables with their addresses, types and files, and the list of all that is in writable memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cowcheck.machine.elf import KernelElf, global_variables_in_data, read_kernel


@pytest.fixture(params=["-gdwarf-2", "-gdwarf-4", "-gdwarf-5"])
def kernel(request: pytest.FixtureRequest, build: Callable[..., Path]) -> KernelElf:
    return read_kernel(build("-O1", request.param))


def test_a_global_variable(kernel: KernelElf) -> None:
    (proc,) = kernel.debug.variables_named("proc")
    assert proc.address == kernel.symbols["proc"].address
    assert (proc.unit, proc.file, proc.function, proc.is_global) == ("kernel/proc.c", "kernel/proc.c", "", True)
    assert proc.line > 0
    assert kernel.debug.variables_named("none") == ()


def test_static_variables_of_one_name_are_kept_apart(kernel: KernelElf) -> None:
    found = kernel.debug.variables_named("calls")
    assert [item.unit for item in found] == ["kernel/proc.c", "kernel/kalloc.c"]
    assert [item.is_global for item in found] == [False, False]
    assert [kernel.read(item.address, 4)[0] for item in found] == [7, 0]


def test_a_static_variable_of_a_function(kernel: KernelElf) -> None:
    (times,) = kernel.debug.variables_named("times")
    assert times.function == "counted"
    assert kernel.read(times.address, 4) == b"\3\0\0\0"


def test_every_object_of_writable_memory_is_listed(kernel: KernelElf) -> None:
    objects = global_variables_in_data(kernel)
    shown = {item.name: (item.size, item.stride, item.count) for item in objects}
    assert shown["refs"] == (32 * 32, 32, 32)
    assert shown["matrix"] == (60, 20, 3)
    assert shown["stack0"] == (16384, 1, 16384)
    assert shown["ftable"][2] == 1
    assert shown["times"] == (4, 4, 1)
    assert [item.address for item in objects] == sorted(item.address for item in objects)
    symbols = {item.name for item in kernel.symbol_table.all if item.kind == "object"}
    assert symbols - {item.name for item in objects} <= {"counted.times"}  # clang's name for `times`


def test_without_types_the_symbols_are_listed(build: Callable[..., Path]) -> None:
    objects = global_variables_in_data(read_kernel(build("-O1", "-g0")))
    found = {item.name: item for item in objects}
    assert (found["proc"].size, found["proc"].type, found["proc"].unit) == (64 * 336, None, "")
