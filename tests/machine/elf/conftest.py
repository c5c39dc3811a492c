"""A tiny kernel that has what is looked for, compiled as each test wants it, and ELF files made by hand."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from cowcheck.machine.elf import KernelElf, read_kernel

TINY = Path(__file__).parent / "tiny"
COMPILE = (
    *("-target", "riscv64-freestanding-none", "-mcpu=generic_rv64+m+a+c+zicsr+zifencei", "-mcmodel=medany", "-I."),
    *("-ffreestanding", "-nostdlib", "-fno-builtin", "-fno-sanitize=all", "-fno-stack-protector", "-fno-pie"),
    *("-mno-relax", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-Wall", "-Werror", "-c"),
)
LINK = (
    "-target",
    "riscv64-freestanding-none",
    "-nostdlib",
    "-Wl,--no-gc-sections",
    "-Wl,--build-id=none",
    "-Wl,-e,_entry",
)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``build("-gdwarf-5", "-O1")`` is a tree with the tiny kernel in ``kernel/kernel``; each is built once.

    ``kernel/proc.c:-g0`` is a flag for that file alone, and what begins with ``-Wl,`` is for the linker.
    """
    built: dict[tuple[str, ...], Path] = {}

    def run(*arguments: str, cwd: Path) -> None:
        command = [sys.executable, "-m", "ziglang", "cc", *arguments]
        result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
        assert result.returncode == 0, result.stderr

    def make(*flags: str) -> Path:
        if find_spec("ziglang") is None:
            pytest.skip("ziglang is not installed")
        if flags not in built:
            tree = tmp_path_factory.mktemp("tiny")
            (tree / "kernel").mkdir()
            objects = []
            for source in ("kernel/entry.S", "kernel/kalloc.c", "kernel/proc.c"):
                objects.append(f"{source[:-2]}.o")
                own = [flag for flag in flags if not flag.startswith(("-Wl,", "kernel/"))]
                own += [flag.partition(":")[2] for flag in flags if flag.startswith(f"{source}:")]
                mapped = [f"-ffile-prefix-map={TINY}=.", *own, source, "-o", str(tree / objects[-1])]
                run(*COMPILE, *mapped, cwd=TINY)
            script = str(TINY / "kernel/tiny.ld")
            last = [flag for flag in flags if flag.startswith("-Wl,")]
            run(*LINK, *last, "-T", script, *objects, "-o", "kernel/kernel", cwd=tree)
            built[flags] = tree
        return built[flags]

    return make


@pytest.fixture(scope="session")
def tiny(build: Callable[..., Path]) -> KernelElf:
    """The tiny kernel with DWARF 5."""
    return read_kernel(build("-O1", "-gdwarf-5"))


@pytest.fixture(scope="session")
def real_kernel() -> KernelElf:
    """A real xv6 kernel, where one is at hand."""
    path = os.environ.get("COWCHECK_XV6")
    if not path:
        pytest.skip("COWCHECK_XV6 names no xv6 kernel or tree")
    return read_kernel(path)


Segments = list[tuple[int, bytes, int]]


@pytest.fixture
def make_elf(tmp_path: Path) -> Callable[..., Path]:
    """Writes an ELF file for 64-bit RISC-V with these segments (address, bytes, size in memory) and symbols, and with
    numbers of your own at some places: ``patch={offset: (format, value)}``."""

    def make(
        segments: Segments | None = None,
        symbols: dict[str, int] | None = None,
        patch: dict[int, tuple[str, int]] | None = None,
        cut: int | None = None,
    ) -> Path:
        loads = [(0x8000_0000, b"\x13\0\0\0" * 4, 64)] if segments is None else segments
        names, table = bytearray(b"\0"), bytearray(24)
        for name, address in ({"_entry": 0x8000_0000} if symbols is None else symbols).items():
            table += struct.pack("<IBBHQQ", len(names), 0x12, 0, 1, address, 16)
            names += name.encode() + b"\0"
        section_names = b"\0.text\0.symtab\0.strtab\0.shstrtab\0"
        body, programs = b"", b""
        start = 64 + 56 * len(loads)
        for address, data, size in loads:
            programs += struct.pack("<IIQQQQQQ", 1, 5, start + len(body), address, address, len(data), size, 1)
            body += data
        at = [start + len(body)]
        for part in (table, names, section_names):
            at.append(at[-1] + len(part))
        first = loads[0] if loads else (0, b"", 0)
        sections = bytes(64)
        for row in (
            (1, 1, 6, first[0], start, len(first[1]), 0, 0, 1, 0),
            (7, 2, 0, 0, at[0], len(table), 3, 1, 8, 24),
            (15, 3, 0, 0, at[1], len(names), 0, 0, 1, 0),
            (23, 3, 0, 0, at[2], len(section_names), 0, 0, 1, 0),
        ):
            sections += struct.pack("<IIQQQQIIQQ", *row)
        ident = b"\x7fELF\x02\x01\x01" + bytes(9)
        tables = (64, at[3], 0, 64, 56, len(loads), 64, 5, 4)
        whole = bytearray(struct.pack("<16sHHIQQQIHHHHHH", ident, 2, 243, 1, 0x8000_0000, *tables))
        whole += programs + body + table + names + section_names + sections
        for offset, (form, value) in (patch or {}).items():
            struct.pack_into(form, whole, offset, value)
        path = tmp_path / "kernel.elf"
        path.write_bytes(whole[:cut])
        return path

    return make
