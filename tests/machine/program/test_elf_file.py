"""The files are executables as pyelftools reads them, and as xv6's exec wants them."""

from __future__ import annotations

import io

import pytest
from elftools.elf.elffile import ELFFile

from cowcheck.machine.program import REPORT_VA, sweeps
from cowcheck.machine.program.elf_file import PAGE_BYTES, PF_R, PF_W, PF_X, Segment, write_elf

PROGRAMS = [
    pytest.param(data, id=f"{workload.name}/{name}")
    for workload in sweeps()
    for name, data in workload.files.items()
    if data.startswith(b"\x7fELF")
]


def test_segments_come_back() -> None:
    text, data = b"\x13\0\0\0" * 3, b"words"
    elf = ELFFile(io.BytesIO(write_elf(8, [Segment(0, text, 12, PF_R | PF_X), Segment(4096, data, 64, PF_R | PF_W)])))
    assert (elf.elfclass, elf.little_endian, elf.get_machine_arch()) == (64, True, "RISC-V")
    assert (elf["e_type"], elf["e_entry"], elf["e_ehsize"], elf["e_phentsize"]) == ("ET_EXEC", 8, 64, 56)
    first, second = elf.iter_segments("PT_LOAD")
    assert (first["p_vaddr"], first["p_memsz"], first["p_flags"], first.data()) == (0, 12, PF_R | PF_X, text)
    assert (second["p_vaddr"], second["p_memsz"], second["p_flags"], second.data()) == (4096, 64, PF_R | PF_W, data)


def test_segments_on_top_of_each_other_are_an_inner_fault() -> None:
    with pytest.raises(AssertionError):
        write_elf(0, [Segment(0, b"", 4097, PF_R), Segment(4096, b"", 1, PF_R)])


@pytest.mark.parametrize("data", PROGRAMS)
def test_a_program_is_one_that_exec_loads(data: bytes) -> None:
    """xv6 kernel/exec.c: page-aligned, in order, memory no smaller than file; text is not writable, data not
    executable."""
    elf = ELFFile(io.BytesIO(data))
    text, own = elf.iter_segments("PT_LOAD")
    assert text["p_vaddr"] == 0
    assert own["p_vaddr"] % PAGE_BYTES == 0
    assert own["p_vaddr"] >= text["p_memsz"]
    assert text["p_filesz"] <= text["p_memsz"]
    assert (text["p_flags"], own["p_flags"]) == (PF_R | PF_X, PF_R | PF_W)
    assert REPORT_VA < elf["e_entry"] < text["p_memsz"]
    assert text.data()[REPORT_VA : REPORT_VA + 8].hex() == "1300000067800000"  # nop; ret


@pytest.mark.parametrize("data", PROGRAMS)
def test_a_program_needs_no_indirect_block(data: bytes) -> None:
    """A kernel with the labs' large files has eleven direct blocks, and reads the others differently."""
    assert len(data) <= 11 * 1024
