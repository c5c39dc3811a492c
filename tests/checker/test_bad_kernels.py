"""Kernels that hang, print for ever or go where nothing is: the check ends, and says that nothing could be checked."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from cowcheck.machine.program.assembler import Assembler
from cowcheck.machine.program.encoding import Reg, jalr, sb, sd
from tests.checker.test_check_command import built, run

WFI, CSRW_MTVEC_T0 = 0x10500073, 0x30529073
UART = 0x1000_0000
LONGEST_SECONDS = 200  # of a loaded machine; a minute is usual

Code = Callable[[Assembler], None]


def patched(path: Path, function: str, code: Code) -> Path:
    """The right test kernel with other instructions at the beginning of a function."""
    whole = bytearray(built().read_bytes())
    elf = ELFFile(io.BytesIO(bytes(whole)))
    symbols = elf.get_section_by_name(".symtab")
    assert isinstance(symbols, SymbolTableSection)
    found = symbols.get_symbol_by_name(function)
    assert found is not None
    symbol = found[0]
    address = symbol["st_value"]
    assembler = Assembler(address)
    code(assembler)
    instructions = assembler.assemble()
    assert len(instructions) <= symbol["st_size"]
    segment = next(item for item in elf.iter_segments() if 0 <= address - item["p_paddr"] < item["p_filesz"])
    at = segment["p_offset"] + address - segment["p_paddr"]
    whole[at : at + len(instructions)] = instructions
    path.write_bytes(whole)
    return path


def loop(*words: int) -> Code:
    """The same instructions for ever."""

    def code(assembler: Assembler) -> None:
        assembler.label("again")
        assembler.emit(*words)
        assembler.j("again")

    return code


def printing(assembler: Assembler) -> None:
    """``x`` on the console, for ever."""
    assembler.li(Reg.T0, UART)
    assembler.li(Reg.T1, ord("x"))
    loop(sb(Reg.T1, Reg.T0, 0))(assembler)


def storing(assembler: Assembler) -> None:
    """A store behind the end of RAM."""
    assembler.li(Reg.T0, 0x9000_0000)
    assembler.emit(sd(Reg.T0, Reg.T0, 0))
    loop()(assembler)


def jumping(address: int) -> Code:
    """A jump to where no code is."""

    def code(assembler: Assembler) -> None:
        assembler.li(Reg.T0, address)
        assembler.emit(jalr(Reg.ZERO, Reg.T0, 0))

    return code


def faulting(assembler: Assembler) -> None:
    """Machine mode with a trap handler that is none, which is RAM without code."""
    assembler.li(Reg.T0, 0x8700_0000)
    assembler.emit(CSRW_MTVEC_T0, 0)


@pytest.mark.parametrize(
    ("function", "code", "said"),
    [
        ("main", loop(), "it was still busy after"),
        ("main", loop(WFI), "it was still busy after"),
        ("main", printing, "it printed for ever"),
        ("main", storing, "it went where no code is"),
        ("main", jumping(0x1234_5678_0000), "it went where no code is"),
        ("main", jumping(0), "it went where no code is"),
        ("start", faulting, "it went where no code is"),
    ],
    ids=["hangs", "waits", "prints", "writes-outside-ram", "jumps-nowhere", "jumps-to-0", "no-machine-handler"],
)
def test_it_never_boots(function: str, code: Code, said: str, tmp_path: Path) -> None:
    start = time.monotonic()
    done = run("check", patched(tmp_path / "kernel", function, code))
    assert done.returncode == 3, done.stdout + done.stderr
    text = " ".join(done.stdout.split())
    assert f"the kernel did not come to its first process: {said}" in text
    assert "pass" not in text
    assert len(text) < 5_000
    assert done.stderr == ""
    assert time.monotonic() - start < LONGEST_SECONDS


def test_it_hangs_in_every_system_call(tmp_path: Path) -> None:
    """It is not asked the same of every workload."""
    start = time.monotonic()
    done = run("check", patched(tmp_path / "kernel", "syscall", loop()))
    assert done.returncode == 1, done.stdout + done.stderr
    text = " ".join(done.stdout.split())
    assert "This violates progress" in text
    assert "process 1: syscall (kernel/syscall.c:" in text
    assert "more workloads: they were not run: too many before them came to no end" in text
    assert "pass:" not in text
    assert time.monotonic() - start < LONGEST_SECONDS
