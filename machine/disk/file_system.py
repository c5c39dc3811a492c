"""Writes an xv6 file-system image from scratch: what ``mkfs`` would have made, with no ``mkfs`` needed.

The log is empty and every block and inode that is not used is free, so a kernel mounts it as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from cowcheck.machine.disk.layout import (
    BLOCK_BYTES,
    DIRECT_BLOCKS,
    ENTRY,
    INODE_BYTES,
    INODES_PER_BLOCK,
    MAGIC,
    MAX_FILE_BYTES,
    NAME_BYTES,
    ROOT_INODE,
    T_DIR,
    T_FILE,
    Inode,
    Superblock,
)
from cowcheck.model.errors import CowcheckError

INODES = 200
LOG_BLOCKS = 31
"""A header and 30 blocks, as since 2024; a kernel of before asks for 30 in all, and one more does it no harm."""
IMAGE_BLOCKS = 2000
_BITS_PER_BLOCK = BLOCK_BYTES * 8


def make_image(files: Mapping[str, bytes], *, blocks: int = IMAGE_BLOCKS) -> bytes:
    """An image of ``blocks`` blocks whose root directory holds ``files`` (names without a slash).

    Raises :class:`CowcheckError` for what xv6 could not hold: a name that is too long, a file over 268 KiB, too many.
    """
    _check_names(files)
    writer = _Writer(blocks)
    entries = [(ROOT_INODE, "."), (ROOT_INODE, "..")]
    for number, (name, data) in enumerate(files.items(), start=ROOT_INODE + 1):
        if len(data) > MAX_FILE_BYTES:
            raise CowcheckError(
                f"file '{name}' has {len(data)} bytes, and an xv6 file at most {MAX_FILE_BYTES}; make it smaller"
            )
        writer.add(number, T_FILE, data)
        entries.append((number, name))
    directory = b"".join(ENTRY.pack(number, name.encode("ascii")) for number, name in entries)
    writer.add(ROOT_INODE, T_DIR, directory)
    return writer.image()


def _check_names(files: Mapping[str, bytes]) -> None:
    if len(files) > INODES - ROOT_INODE - 1:
        raise CowcheckError(f"{len(files)} files, and an image holds {INODES - ROOT_INODE - 1}; leave some out")
    for name in files:
        if not (name.isascii() and name.isprintable() and 0 < len(name) <= NAME_BYTES) or "/" in name:
            raise CowcheckError(f"file name {name!r}: give 1 to {NAME_BYTES} ASCII characters without a slash")
        if name in (".", ".."):
            raise CowcheckError(f"file name {name!r} is the directory's own; give another")


class _Writer:
    """Hands out blocks in order, from the first data block on."""

    def __init__(self, blocks: int) -> None:
        inode_blocks = INODES // INODES_PER_BLOCK + 1
        bitmap_blocks = blocks // _BITS_PER_BLOCK + 1
        log_start = 2
        inode_start = log_start + LOG_BLOCKS
        bitmap_start = inode_start + inode_blocks
        self._next = bitmap_start + bitmap_blocks
        if self._next >= blocks:
            raise CowcheckError(f"an image of {blocks} blocks has no room for data; give it more than {self._next}")
        self._superblock = Superblock(
            MAGIC, blocks, blocks - self._next, INODES, LOG_BLOCKS, log_start, inode_start, bitmap_start
        )
        self._image = bytearray(blocks * BLOCK_BYTES)
        self._put(1, self._superblock.packed())

    def add(self, number: int, kind: int, data: bytes) -> None:
        """Writes an inode and its contents."""
        addresses = [self._append(data[at : at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES)]
        direct, indirect = addresses[:DIRECT_BLOCKS], addresses[DIRECT_BLOCKS:]
        direct += [0] * (DIRECT_BLOCKS - len(direct))
        table = self._append(struct.pack(f"<{len(indirect)}I", *indirect)) if indirect else 0
        inode = Inode(kind, 1, len(data), (*direct, table))
        self._write(self._superblock.inodestart * BLOCK_BYTES + number * INODE_BYTES, inode.packed())

    def image(self) -> bytes:
        """The finished image, every block that was handed out marked in the bitmap."""
        bits = (1 << self._next) - 1
        self._put(self._superblock.bmapstart, bits.to_bytes(-(-self._next // 8), "little"))
        return bytes(self._image)

    def _append(self, data: bytes) -> int:
        block = self._next
        if block >= self._superblock.size:
            raise CowcheckError(f"the files do not fit on {self._superblock.size} blocks; give the image more")
        self._next += 1
        self._put(block, data)
        return block

    def _put(self, block: int, data: bytes) -> None:
        self._write(block * BLOCK_BYTES, data)

    def _write(self, offset: int, data: bytes) -> None:
        self._image[offset : offset + len(data)] = data
