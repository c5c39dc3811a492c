"""Reads an xv6 file-system image that somebody else made: which files its root directory holds, and their contents.

The image is untrusted: every number in it is checked before it is used, and what is wrong is told with the remedy.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cowcheck.machine.disk.layout import (
    BLOCK_BYTES,
    DIRECT_BLOCKS,
    ENTRY,
    INDIRECT_BLOCKS,
    INODE_BYTES,
    INODES_PER_BLOCK,
    MAGIC,
    MAX_FILE_BYTES,
    ROOT_INODE,
    SUPERBLOCK_BLOCK,
    T_DIR,
    T_FILE,
    Inode,
    Superblock,
)
from cowcheck.model.errors import CowcheckError


@dataclass(frozen=True, slots=True)
class DiskImage:
    """The files of the root directory, by name. Their contents are looked up when asked for."""

    shown: str  # what errors call the image
    superblock: Superblock
    inodes: dict[str, Inode]
    _data: bytes

    @property
    def names(self) -> tuple[str, ...]:
        """Names of regular files, in the directory's order."""
        return tuple(self.inodes)

    def read(self, name: str) -> bytes:
        """The contents of a file. Raises :class:`CowcheckError` where there is none, or it is damaged."""
        inode = self.inodes.get(name)
        if inode is None:
            known = ", ".join(self.inodes) or "none"
            raise CowcheckError(f"{self.shown}: no file '{name}'; files: {known}")
        return _contents(self._data, self.superblock, inode, f"{self.shown}: file '{name}'")


def read_image(data: bytes, shown: str = "fs.img") -> DiskImage:
    """The files of an image. Raises :class:`CowcheckError` where it is no xv6 file system, or a damaged one."""
    superblock = _superblock(data, shown)
    root = _inode(data, superblock, ROOT_INODE, shown)
    if root.kind != T_DIR:
        raise CowcheckError(f"{shown}: inode {ROOT_INODE} is no directory: the image is damaged; build it again")
    inodes: dict[str, Inode] = {}
    for number, name in _entries(_contents(data, superblock, root, f"{shown}: the root directory")):
        if not 0 < number < superblock.ninodes:
            raise CowcheckError(
                f"{shown}: '{name}' leads to inode {number}, and there are {superblock.ninodes}: "
                "the image is damaged; build it again"
            )
        inode = _inode(data, superblock, number, shown)
        if inode.kind == T_FILE:
            inodes.setdefault(name, inode)
    return DiskImage(shown, superblock, inodes, data)


def _superblock(data: bytes, shown: str) -> Superblock:
    if len(data) < (SUPERBLOCK_BLOCK + 1) * BLOCK_BYTES:
        raise CowcheckError(f"{shown}: {len(data)} bytes are no file system; build it with `make fs.img`")
    found = Superblock.unpacked(data[SUPERBLOCK_BLOCK * BLOCK_BYTES :][:BLOCK_BYTES])
    if found.magic != MAGIC:
        raise CowcheckError(
            f"{shown}: no xv6 file system (magic {found.magic:#x}, not {MAGIC:#x}); build it with `make fs.img`"
        )
    blocks = len(data) // BLOCK_BYTES
    inode_end = found.inodestart + found.ninodes // INODES_PER_BLOCK + 1
    if found.size > blocks:
        raise CowcheckError(f"{shown}: cut off: {found.size} blocks were made, {blocks} are there; build it again")
    if not 1 < found.inodestart < inode_end <= found.bmapstart < found.size:
        raise CowcheckError(f"{shown}: the superblock's sizes contradict each other; build the image again")
    return found


def _inode(data: bytes, superblock: Superblock, number: int, shown: str) -> Inode:
    offset = superblock.inodestart * BLOCK_BYTES + number * INODE_BYTES
    if not 0 < number < superblock.ninodes or offset + INODE_BYTES > len(data):
        raise CowcheckError(f"{shown}: there is no inode {number}: the image is damaged; build it again")
    return Inode.unpacked(data, offset)


def _contents(data: bytes, superblock: Superblock, inode: Inode, what: str) -> bytes:
    if inode.size_bytes > MAX_FILE_BYTES:
        raise CowcheckError(
            f"{what} says it has {inode.size_bytes} bytes, and a file at most {MAX_FILE_BYTES}; build the image again"
        )
    count = -(-inode.size_bytes // BLOCK_BYTES)
    blocks = list(inode.addresses[: min(count, DIRECT_BLOCKS)])
    if count > DIRECT_BLOCKS:
        table = _block(data, superblock, inode.addresses[DIRECT_BLOCKS], what)
        blocks += struct.unpack(f"<{INDIRECT_BLOCKS}I", table)[: count - DIRECT_BLOCKS]
    return b"".join(_block(data, superblock, block, what) for block in blocks)[: inode.size_bytes]


def _block(data: bytes, superblock: Superblock, block: int, what: str) -> bytes:
    if not superblock.bmapstart < block < superblock.size:
        raise CowcheckError(f"{what} leads to block {block}, which is no data block; build the image again")
    return data[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES]


def _entries(directory: bytes) -> list[tuple[int, str]]:
    """Inode number and name of each entry in use. Names are shown as they can be: bytes that are no ASCII are
    escaped."""
    whole = len(directory) // ENTRY.size * ENTRY.size
    found = []
    for number, raw in ENTRY.iter_unpack(directory[:whole]):
        name = raw.partition(b"\0")[0].decode("ascii", "backslashreplace")
        if number and name not in (".", ".."):
            found.append((number, name))
    return found
