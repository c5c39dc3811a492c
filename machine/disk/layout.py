"""The bytes of an xv6 file system: superblock, inodes, directory entries (xv6 kernel/fs.h, 2019 to 2025).

Blocks in order: boot, superblock, log, inodes, free bitmap, data. Every number is little-endian. A kernel reads the
sizes from the superblock, so one layout serves all years.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

MAGIC = 0x10203040
BLOCK_BYTES = 1024
DIRECT_BLOCKS = 12
INDIRECT_BLOCKS = BLOCK_BYTES // 4
MAX_FILE_BYTES = (DIRECT_BLOCKS + INDIRECT_BLOCKS) * BLOCK_BYTES
NAME_BYTES = 14
ROOT_INODE = 1
SUPERBLOCK_BLOCK = 1

T_DIR = 1
T_FILE = 2

_SUPERBLOCK = struct.Struct("<8I")
_INODE = struct.Struct("<4hI13I")
ENTRY = struct.Struct(f"<H{NAME_BYTES}s")
INODE_BYTES = _INODE.size
INODES_PER_BLOCK = BLOCK_BYTES // INODE_BYTES


class Superblock(NamedTuple):
    """``struct superblock``: all sizes in blocks, but for ``ninodes``."""

    magic: int
    size: int
    nblocks: int
    ninodes: int
    nlog: int
    logstart: int
    inodestart: int
    bmapstart: int

    def packed(self) -> bytes:
        return _SUPERBLOCK.pack(*self)

    @classmethod
    def unpacked(cls, block: bytes) -> Superblock:
        return cls(*_SUPERBLOCK.unpack_from(block))


class Inode(NamedTuple):
    """``struct dinode``; ``addresses`` are the direct blocks and, last, the indirect one. 0 is no block."""

    kind: int
    links: int
    size_bytes: int
    addresses: tuple[int, ...]

    def packed(self) -> bytes:
        return _INODE.pack(self.kind, 0, 0, self.links, self.size_bytes, *self.addresses)

    @classmethod
    def unpacked(cls, data: bytes, offset: int) -> Inode:
        kind, _, _, links, size, *addresses = _INODE.unpack_from(data, offset)
        return cls(kind, links, size, tuple(addresses))
