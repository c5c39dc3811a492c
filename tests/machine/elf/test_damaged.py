"""A damaged kernel is answered by one KernelError, or by a result: never by another exception, and never by waiting."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cowcheck.machine.elf import KernelElf, KernelError, global_variables_in_data, read_kernel, xv6_layout
from cowcheck.machine.elf.c_types import Types
from cowcheck.machine.elf.dwarf import Dwarf, Entry, Unit
from cowcheck.machine.elf.lines import read_lines


def use_everything(path: Path) -> None:
    """All that can be asked of a kernel. Raises KernelError only."""
    kernel = read_kernel(path)
    _ = kernel.instructions
    for first, end in kernel.text_ranges[:10]:
        for pc in range(first, min(end, first + 64), 2):
            kernel.locate(pc)
    xv6_layout(kernel)
    global_variables_in_data(kernel)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "kernel.elf"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(data=st.data())
def test_changed_bytes(data: st.DataObject, tiny: KernelElf, scratch: Path) -> None:
    whole = bytearray(tiny.data)
    places = [(0, 64), (64, 64 + 56 * 4), (len(whole) - 64 * 20, len(whole))]
    places += [(item.offset, item.offset + item.size) for item in tiny.sections if item.bytes_of(tiny.data)]
    for first, end in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=6)):
        at = data.draw(st.integers(first, end - 1))
        new = data.draw(st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from([b"\xff" * 8, bytes(8)])))
        whole[at : at + len(new)] = new
    del whole[data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole)))) :]
    scratch.write_bytes(whole)
    said, start = f"{scratch}: x; y", time.process_time()
    try:
        use_everything(scratch)
    except KernelError as error:
        said = str(error)
    assert re.fullmatch(f"{re.escape(str(scratch))}: .+; .+", said)
    assert said.isprintable()
    assert time.process_time() - start < 20  # seconds; 0.02 are usual


def line_program(version: int, header: bytes, code: bytes) -> bytes:
    """A line program whose header, from the length of an instruction on, and code are these."""
    body = struct.pack("<H", version) + (b"\x08\0" if version == 5 else b"") + struct.pack("<I", len(header)) + header
    return struct.pack("<I", len(body + code)) + body + code


NUMBERS = b"\1\1\1\xfb\x0e\x0d\0\1\1\1\1\0\0\0\1\0\0\1"  # what compilers write


def test_a_count_of_files_is_not_believed() -> None:
    many = b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"  # 2^63 folders, in a format of no bytes
    program = line_program(5, NUMBERS + b"\0" + many, b"")
    with pytest.raises(ValueError, match="a list of 9223372036854775807 files"):
        read_lines({"line": program}, 0, "/")


def test_a_line_program_of_a_later_version() -> None:
    with pytest.raises(ValueError, match="a line program of DWARF's version 6"):
        read_lines({"line": line_program(6, NUMBERS, b"")}, 0, "/")


def test_a_line_program_with_wide_offsets_and_names_of_its_own() -> None:
    header = NUMBERS + b"\1\1\x08\1/x\0" + b"\2\1\x08\2\x0b\2a.c\0\0b.c\0\0"
    code = b"\0\x09\2" + struct.pack("<Q", 0x8000_0000) + b"\3\6\1\2\4\0\1\1"  # at line 7, 4 bytes
    body = struct.pack("<HBBQ", 5, 8, 0, len(header)) + header + code
    table = read_lines({"line": struct.pack("<IQ", 0xFFFF_FFFF, len(body)) + body}, 0, "/x")
    assert table.files == ("a.c", "b.c")
    assert table.rows == ((0x8000_0000, 0x8000_0004, "b.c", 7),)


@given(st.sampled_from([2, 4, 5]), st.binary(max_size=100))
def test_any_line_program_ends(version: int, code: bytes) -> None:
    header = NUMBERS + (b"\0\0\0\0" if version == 5 else b"\0a.c\0\0\0\0\0")
    try:
        table = read_lines({"line": line_program(version, header if version > 2 else header[1:], code)}, 0, "/")
    except (ValueError, IndexError):
        return
    assert all(row.address < row.end for row in table.rows)


def entries(*rows: tuple[str, dict[str, Any]]) -> tuple[Types, list[Entry]]:
    """A forest of one unit with these entries, whose offsets are 1, 2, ..."""
    unit = Unit("a.c", "/", 0, None, False)
    root = Entry(0, "compile_unit", unit, None, {})
    root.children = [Entry(number, tag, unit, root, about) for number, (tag, about) in enumerate(rows, 1)]
    return Types("kernel", Dwarf((root,), {item.offset: item for item in (root, *root.children)})), root.children


@pytest.mark.parametrize("tag", ["typedef", "const_type", "array_type", "structure_type"])
def test_types_that_are_inside_themselves(tag: str) -> None:
    types, (one, other) = entries((tag, {"name": "a", "type": 2}), (tag, {"name": "b", "type": 1}))
    if tag == "structure_type":
        one.children = [Entry(9, "member", one.unit, one, {"name": "x", "type": 2})]
        other.children = [Entry(10, "member", one.unit, other, {"name": "x", "type": 1})]
    with pytest.raises(KernelError, match=r"kernel: its types cannot be read, .* inside each other without an end"):
        types.of(one)


def test_pointers_to_each_other_are_no_fault() -> None:
    types, (one, _) = entries(("pointer_type", {"type": 2}), ("pointer_type", {"type": 1}))
    assert types.pointed_at(types.of(one)).kind == "pointer"


def test_a_type_that_is_not_there_is_unknown() -> None:
    types, (one,) = entries(("array_type", {"type": 77}))
    one.children = [Entry(9, "subrange_type", one.unit, one, {"upper_bound": 3})]
    assert (types.of(one).count, types.of(one).size) == (4, 0)


def test_a_struct_that_gcc_has_put_into_a_unit_of_its_own() -> None:
    types, (one,) = entries(("structure_type", {"signature": 0x1234_5678_9ABC_DEF0}))
    assert types.of(one).layout is None


def test_functions_that_are_their_own_origin() -> None:
    _, (one, other) = entries(("subprogram", {"abstract_origin": 2}), ("subprogram", {"abstract_origin": 1}))
    assert list(Dwarf((), {1: one, 2: other}).origin(one)) == [one, other]


def test_a_section_that_unpacks_to_a_terabyte(build: Callable[..., Path], scratch: Path) -> None:
    kernel = read_kernel(build("-O1", "-gdwarf-5", "-Wl,--compress-debug-sections=zlib"))
    section = next(item for item in kernel.sections if item.compressed and item.name == ".debug_str")
    whole = bytearray(kernel.data)
    struct.pack_into("<Q", whole, section.offset + 8, 1 << 40)
    scratch.write_bytes(whole)
    with pytest.raises(KernelError, match=r"its section \.debug_str has 1048576 MiB"):
        _ = read_kernel(scratch).debug


def test_another_compression_is_named(build: Callable[..., Path], scratch: Path) -> None:
    kernel = read_kernel(build("-O1", "-gdwarf-5", "-Wl,--compress-debug-sections=zlib"))
    section = next(item for item in kernel.sections if item.compressed)
    whole = bytearray(kernel.data)
    struct.pack_into("<I", whole, section.offset, 2)
    scratch.write_bytes(whole)
    with pytest.raises(KernelError, match="compressed in a way that is not known here; build it with -gz=none"):
        _ = read_kernel(scratch).debug
