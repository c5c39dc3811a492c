"""The ELF header and the two tables behind it, with every number held to the format, the file and the board.

They are read here rather than by pyelftools, which believes them: a table of 2^64 entries, or a name of 200 MiB, is
something that it sets out to read. Names of fields are the ELF specification's (System V ABI, chapters 4 and 5).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from cowcheck.machine.elf.damage import BUILD_AGAIN, KernelError
from cowcheck.machine.elf.names import name_from
from cowcheck.machine.elf.segment import SegmentHeader

SHT_SYMTAB = 2
_SHT_NULL, _SHT_NOBITS = 0, 8
_SHF_WRITE, _SHF_ALLOC, _SHF_EXECINSTR, _SHF_COMPRESSED = 1, 2, 4, 0x800
_ET_REL, _ET_EXEC, _ET_DYN, _ET_CORE = 1, 2, 3, 4
_PT_LOAD = 1
_EM_RISCV = 243
_MACHINES = {3: "32-bit x86", 8: "MIPS", 20: "PowerPC", 21: "PowerPC", 40: "ARM", 62: "x86-64", 183: "AArch64"}

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_MOST_HEADERS = 500  # of either table; an xv6 kernel has 2 segments and 20 sections
_LONGEST_NAME = 1024

_GIVE_A_KERNEL = "give an xv6 kernel (kernel/kernel), or the tree that holds it"
_FOR_RISCV = "build xv6-riscv with a 64-bit RISC-V compiler: `make TOOLPREFIX=riscv64-unknown-elf- kernel/kernel`"


class ElfHeader(NamedTuple):
    """What of the ELF header is used."""

    e_entry: int
    e_phoff: int
    e_shoff: int
    e_phentsize: int
    e_phnum: int
    e_shentsize: int
    e_shnum: int
    e_shstrndx: int


class Section(NamedTuple):
    """A section: part of the memory of the running kernel, or (``address`` is 0 then) of the file alone."""

    name: str
    sh_type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    entry_size: int

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.size

    @property
    def allocated(self) -> bool:
        return bool(self.flags & _SHF_ALLOC)

    @property
    def executable(self) -> bool:
        return self.allocated and bool(self.flags & _SHF_EXECINSTR)

    @property
    def writable(self) -> bool:
        return self.allocated and bool(self.flags & _SHF_WRITE)

    @property
    def compressed(self) -> bool:
        return bool(self.flags & _SHF_COMPRESSED)

    def bytes_of(self, data: bytes) -> bytes:
        """Its bytes in the file; none for .bss."""
        return b"" if self.sh_type == _SHT_NOBITS else data[self.offset : self.offset + self.size]


def read_header(path: str, data: bytes) -> ElfHeader:
    """The header of a linked ELF file for 64-bit RISC-V whose tables are in the file. Raises :class:`KernelError`."""
    if not data:
        raise KernelError(path, "is empty", BUILD_AGAIN)
    if data[:4] != b"\x7fELF":
        raise KernelError(path, "is no ELF file", _GIVE_A_KERNEL)
    if len(data) < _HEADER.size:
        raise KernelError(path, f"ends in its ELF header, after {len(data)} bytes: it is truncated", BUILD_AGAIN)
    _refuse_machine(path, data)
    fields = _HEADER.unpack_from(data)
    kind = fields[1]
    if kind not in (_ET_EXEC, _ET_DYN):
        names = {_ET_REL: "an object file that is not linked", _ET_CORE: "a core dump"}
        raise KernelError(path, f"is {names.get(kind, f'an ELF file of the unknown type {kind}')}", _GIVE_A_KERNEL)
    header = ElfHeader(*fields[4:7], *fields[9:])
    _check_table(path, "program", header.e_phoff, header.e_phnum, header.e_phentsize, _PROGRAM_HEADER.size, len(data))
    _check_table(path, "section", header.e_shoff, header.e_shnum, header.e_shentsize, _SECTION_HEADER.size, len(data))
    return header


def _refuse_machine(path: str, data: bytes) -> None:
    order = "little" if data[5] == 1 else "big"
    machine = int.from_bytes(data[18:20], "little" if order == "little" else "big")
    if machine != _EM_RISCV:
        name = _MACHINES.get(machine, f"the architecture with ELF's number {machine}")
        raise KernelError(path, f"is for {name}, not for RISC-V", _FOR_RISCV)
    if data[4] == 1:
        raise KernelError(path, "is for 32-bit RISC-V", _FOR_RISCV)
    if data[4] != 2 or order != "little":
        raise KernelError(path, "is for no RISC-V that xv6 runs on (64 bits, little-endian)", _FOR_RISCV)


def _check_table(path: str, name: str, offset: int, count: int, entry_size: int, due: int, file_bytes: int) -> None:
    if not count:
        return
    if entry_size != due:
        raise KernelError(path, f"its {name} headers have {entry_size} bytes each, where ELF has {due}", BUILD_AGAIN)
    if count > _MOST_HEADERS:
        raise KernelError(path, f"claims to have {count} {name} headers", BUILD_AGAIN)
    if offset + count * due > file_bytes:
        problem = f"its {name} headers end at byte {offset + count * due}, and the file at {file_bytes}"
        raise KernelError(path, f"{problem}: it is truncated", BUILD_AGAIN)


def read_segment_headers(data: bytes, header: ElfHeader) -> tuple[SegmentHeader, ...]:
    """The program headers of type PT_LOAD, in the file's order."""
    found = []
    for index in range(header.e_phnum):
        fields = _PROGRAM_HEADER.unpack_from(data, header.e_phoff + index * _PROGRAM_HEADER.size)
        if fields[0] == _PT_LOAD:
            found.append(SegmentHeader(*fields[2:7]))
    return tuple(found)


def read_sections(path: str, data: bytes, header: ElfHeader) -> tuple[Section, ...]:
    """All sections, in the file's order; those that have bytes in the file are inside it."""
    raw = [
        _SECTION_HEADER.unpack_from(data, header.e_shoff + index * _SECTION_HEADER.size)
        for index in range(header.e_shnum if header.e_shoff else 0)
    ]
    names = b""
    if header.e_shstrndx < len(raw):
        offset, size = raw[header.e_shstrndx][4:6]
        names = data[offset : offset + size]
    found: list[Section] = []
    for name, sh_type, flags, address, offset, size, link, _, _, entry_size in raw:
        section = Section(string_at(names, name), sh_type, flags, address, offset, size, link, entry_size)
        if sh_type not in (_SHT_NULL, _SHT_NOBITS) and offset + size > len(data):
            problem = f"its section {section.name or len(found)} ends at byte {offset + size}"
            raise KernelError(path, f"{problem}, and the file at {len(data)}: it is truncated", BUILD_AGAIN)
        found.append(section)
    return tuple(found)


def string_at(strings: bytes | memoryview, offset: int) -> str:
    """The string at ``offset``, up to its zero byte; none where the table has ended."""
    return name_from(bytes(strings[offset : offset + _LONGEST_NAME]).partition(b"\0")[0])
