"""Source lines of instructions: held to pyelftools' own run of the line programs, and to the source."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from cowcheck.machine.elf import CallSite, KernelElf, SourceLine, read_kernel
from cowcheck.machine.elf.lines import source_name

TINY = Path(__file__).parent / "tiny"


def reference(path: str) -> dict[int, tuple[str, int]]:
    """File (without its folder) and line of each address at which a row begins, as pyelftools has them."""
    found: dict[int, tuple[str, int]] = {}
    info = ELFFile(io.BytesIO(Path(path).read_bytes())).get_dwarf_info()
    for unit in info.iter_CUs():
        program = info.line_program_for_CU(unit)
        assert program is not None
        first = 1 if program["version"] < 5 else 0
        last: tuple[str, int] = ("", 0)
        for entry in program.get_entries():
            state = entry.state
            if state is None:
                continue
            if state.end_sequence:
                last = ("", 0)
                continue
            if state.line:  # line 0 belongs to the line before it
                last = (Path(program["file_entry"][state.file - first].name.decode()).name, state.line)
            found[state.address] = last
    return found


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2"])
@pytest.mark.parametrize("version", ["-gdwarf-2", "-gdwarf-4", "-gdwarf-5"])
def test_every_row_is_what_pyelftools_says(build: Callable[..., Path], level: str, version: str) -> None:
    kernel = read_kernel(build(level, version))
    rows = reference(kernel.path)
    assert len(rows) > 40
    for address, expected in rows.items():
        found = kernel.locate(address)
        assert found is not None
        assert (Path(found.file).name, found.line) == expected


def line_of(file: str, text: str) -> int:
    """The number of the one line that holds the text."""
    lines = (TINY / file).read_text("utf-8").splitlines()
    (found,) = [number for number, line in enumerate(lines, 1) if text in line]
    return found


def test_an_instruction_is_located_in_the_source(tiny: KernelElf) -> None:
    kfree = tiny.symbols["kfree"]
    lines = {found for pc in range(kfree.address, kfree.address + kfree.size, 2) if (found := tiny.locate(pc))}
    assert {(item.function, item.file) for item in lines} == {("kfree", "kernel/kalloc.c")}
    first = line_of("kernel/kalloc.c", "void kfree")
    assert {item.line for item in lines} <= set(range(first, first + 7))


def test_inlined_calls_are_told_innermost_first(tiny: KernelElf) -> None:
    atomic = line_of("kernel/types.h", "__sync_add_and_fetch")
    call = line_of("kernel/proc.c", "one_more((int *)&matrix")
    expected = SourceLine("one_more", "kernel/types.h", atomic, (CallSite("usertrap", "kernel/proc.c", call),))
    usertrap = tiny.symbols["usertrap"]
    found = {tiny.locate(pc) for pc in range(usertrap.address, usertrap.address + usertrap.size, 2)}
    assert expected in found
    assert str(expected) == f"one_more (kernel/types.h:{atomic}, inlined into usertrap at kernel/proc.c:{call})"


def test_assembly_has_lines_and_its_labels(tiny: KernelElf) -> None:
    found = tiny.locate(tiny.symbols["userret"].address)
    assert found is not None
    assert (found.function, found.file) == ("userret", "kernel/entry.S")
    assert found.line == line_of("kernel/entry.S", "userret:") + 1


def test_without_debugging_information_the_function_is_known(build: Callable[..., Path]) -> None:
    kernel = read_kernel(build("-O1", "-g0"))
    assert kernel.debug.absent == "it has no debugging information (no .debug_info section)"
    assert kernel.locate(kernel.symbols["kfree"].address + 2) == SourceLine("kfree", "", 0)
    assert kernel.locate(0x1000) is None


def test_a_compressed_kernel_is_located_too(build: Callable[..., Path], tiny: KernelElf) -> None:
    kernel = read_kernel(build("-O1", "-gdwarf-5", "-Wl,--compress-debug-sections=zlib"))
    assert any(section.compressed for section in kernel.sections)
    pc = kernel.symbols["kfree"].address
    assert kernel.locate(pc) == tiny.locate(pc)


@pytest.mark.parametrize(
    ("directory", "folder", "name", "expected"),
    [
        ("/home/x/xv6", "", "kernel/vm.c", "kernel/vm.c"),
        ("/home/x/xv6", "kernel", "vm.c", "kernel/vm.c"),
        ("/home/x/xv6", "/home/x/xv6/kernel", "vm.c", "kernel/vm.c"),
        ("/home/x/xv6", ".", "./kernel/../kernel/riscv.h", "kernel/riscv.h"),
        ("/home/x/xv6", "/usr/lib/gcc", "stddef.h", "/usr/lib/gcc/stddef.h"),
        (".", "kernel", "vm.c", "kernel/vm.c"),
        ("", "", "vm.c", "vm.c"),
        ("/home/x/xv6", "kernel", "", ""),
    ],
)
def test_files_are_named_from_the_tree(directory: str, folder: str, name: str, expected: str) -> None:
    assert source_name(directory, folder, name) == expected
