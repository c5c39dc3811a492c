"""An ELF executable that xv6's ``exec`` loads, from 2019 to 2025: page-aligned segments from address 0 up, nothing
else.

``exec`` reads the file header and the program headers (xv6 kernel/elf.h); it needs no sections. Until 2021 it makes all
user memory readable, writable and executable; since 2022 it takes the flags of each segment.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

PAGE_BYTES = 4096
PF_X, PF_W, PF_R = 1, 2, 4

_FILE_HEADER = struct.Struct("<4sBBBB8xHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_ET_EXEC, _EM_RISCV, _PT_LOAD = 2, 243, 1


@dataclass(frozen=True, slots=True)
class Segment:
    """``data`` at ``va``, and zeros after it up to ``size_bytes``."""

    va: int
    data: bytes
    size_bytes: int
    flags: int  # PF_R, PF_W, PF_X


def write_elf(entry_va: int, segments: Sequence[Segment]) -> bytes:
    """The file. Segments are page-aligned, in the order of their addresses, and do not overlap."""
    end = 0
    headers, contents = [], []
    offset = _FILE_HEADER.size + len(segments) * _PROGRAM_HEADER.size
    for segment in segments:
        assert segment.va % PAGE_BYTES == 0, hex(segment.va)
        assert segment.va >= end, hex(segment.va)
        assert len(segment.data) <= segment.size_bytes
        headers.append(
            _PROGRAM_HEADER.pack(
                _PT_LOAD,
                segment.flags,
                offset,
                segment.va,
                segment.va,
                len(segment.data),
                segment.size_bytes,
                PAGE_BYTES,
            )
        )
        contents.append(segment.data)
        offset += len(segment.data)
        end = segment.va + segment.size_bytes
    header = _FILE_HEADER.pack(
        b"\x7fELF",
        2,
        1,
        1,
        0,
        _ET_EXEC,
        _EM_RISCV,
        1,
        entry_va,
        _FILE_HEADER.size,
        0,
        0,
        _FILE_HEADER.size,
        _PROGRAM_HEADER.size,
        len(segments),
        0,
        0,
        0,
    )
    return b"".join([header, *headers, *contents])
