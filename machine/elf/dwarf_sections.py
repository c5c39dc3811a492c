"""The bytes of a kernel's .debug sections, decompressed where the linker compressed them (``-gz``)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping

from cowcheck.machine.elf.damage import BUILD_AGAIN, KernelError
from cowcheck.machine.elf.sections import Section

_WANTED = frozenset(
    ("abbrev", "addr", "info", "line", "line_str", "loclists", "ranges", "rnglists", "str", "str_offsets")
)
_MOST_BYTES = 8 << 20  # of one section; the largest of an xv6 kernel has 80 KiB
_COMPRESSION_HEADER = struct.Struct("<IIQQ")  # Elf64_Chdr: ch_type, ch_reserved, ch_size, ch_addralign
_ELFCOMPRESS_ZLIB = 1
_GNU_HEADER = struct.Struct(">4sQ")  # of .zdebug_*, the older way: "ZLIB" and the size


def debug_sections(path: str, data: bytes, sections: Iterable[Section]) -> Mapping[str, bytes]:
    """The sections that are read here, by name without ``.debug_``."""
    found: dict[str, bytes] = {}
    for section in sections:
        old = section.name.startswith(".zdebug_")
        name = section.name.removeprefix(".zdebug_" if old else ".debug_")
        if name == section.name or name not in _WANTED:
            continue
        raw = section.bytes_of(data)
        size = len(raw)
        if old:
            magic, size = _GNU_HEADER.unpack_from(raw)
            method, raw = _ELFCOMPRESS_ZLIB if magic == b"ZLIB" else 0, raw[_GNU_HEADER.size :]
        elif section.compressed:
            method, _, size, _ = _COMPRESSION_HEADER.unpack_from(raw)
            raw = raw[_COMPRESSION_HEADER.size :]
        if size > _MOST_BYTES:
            problem = f"its section {section.name} has {size >> 20} MiB, far more than any xv6 kernel's"
            raise KernelError(path, problem, BUILD_AGAIN)
        if old or section.compressed:
            if method != _ELFCOMPRESS_ZLIB:
                problem = f"its section {section.name} is compressed in a way that is not known here"
                raise KernelError(path, problem, "build it with -gz=none")
            raw = zlib.decompressobj().decompress(raw, size) if size else b""
        found[name] = raw
    return found
