"""Trace files as streams of bytes: plain, gzip or zstandard, told by their first bytes, read piece by piece.

However far a few bytes expand, no more than some 32 MiB are held at a time.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, BinaryIO, cast

from cowcheck.model.errors import CowcheckError

BLOCK = 1 << 18
ZSTD_INPUT = 1 << 10  # compressed bytes at a time: a run-length block of 4 bytes expands to 128 KiB
GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
GZIP_WINDOW = 31  # zlib's word for: gzip, with any window
LEVEL = 3  # of either: the events of a trace repeat so much that more is hardly smaller


class Damaged(Exception):
    """The rest of the file cannot be decompressed."""


def blocks(file: BinaryIO, name: str) -> Iterator[bytes]:
    """The decompressed contents of a file, in blocks. Raises :class:`Damaged` where they break off, and
    :class:`CowcheckError` where the file is of a kind that cannot be read here."""
    head = b""
    while len(head) < len(ZSTD_MAGIC) and (piece := file.read(len(ZSTD_MAGIC) - len(head))):
        head += piece
    source = _Prepended(head, file)
    if head.startswith(GZIP_MAGIC):
        return _gzip_blocks(source)
    if head == ZSTD_MAGIC:
        return _zstd_blocks(source, name)
    return iter(lambda: source.read(BLOCK), b"")


def compressing(file: BinaryIO, name: str) -> BinaryIO:
    """A file to write to, compressed as its name's suffix says (``.gz``, ``.zst``), and the same for the same
    contents."""
    suffix = PurePath(name).suffix
    if suffix == ".gz":
        return cast(BinaryIO, gzip.GzipFile("", "wb", LEVEL, file, mtime=0))
    if suffix == ".zst":
        return cast(BinaryIO, _zstd(name).compressing(file))
    return file


class _Prepended:
    """A file of which some bytes have been read already."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self.head, self.file = head, file

    def read(self, size: int = -1) -> bytes:
        if self.head:
            head, self.head = self.head, b""
            return head
        return self.file.read(size)


def _gzip_blocks(source: _Prepended) -> Iterator[bytes]:
    decompressor, begun, data = zlib.decompressobj(GZIP_WINDOW), True, b""
    while True:
        data = data or source.read(BLOCK)
        if not begun:  # another member may follow, or the zeros that fill a tape's block
            if not data:
                return
            if not (data := data.lstrip(b"\0")):
                continue
        try:
            block = decompressor.decompress(data, BLOCK)
        except zlib.error as error:
            raise Damaged(f"its gzip data are damaged ({error})") from error
        if not data and not block and not decompressor.eof:
            raise Damaged("its gzip data are cut off")
        data, begun = decompressor.unconsumed_tail, True
        if decompressor.eof:
            data, begun = decompressor.unused_data, False
            decompressor = zlib.decompressobj(GZIP_WINDOW)
        if block:
            yield block


def _zstd_blocks(source: _Prepended, name: str) -> Iterator[bytes]:
    library = _zstd(name)
    decompressor = None
    rest = b""
    while True:
        data = rest or source.read(ZSTD_INPUT)
        rest = b""
        if not data:
            if decompressor is not None:
                raise Damaged("its zstandard data are cut off")
            return
        try:
            decompressor = decompressor or library.decompressor()
            block = decompressor.decompress(data)
        except Exception as error:
            if not library.is_error(error):
                raise
            raise Damaged(f"its zstandard data are damaged ({error})") from error
        if decompressor.eof:
            rest, decompressor = decompressor.unused_data, None
        if block:
            yield block


class _Zstd:
    """zstandard, by the package of that name or by Python 3.14's own module."""

    def __init__(self) -> None:
        self.module: Any
        try:
            import zstandard

            self.module, self.own = zstandard, False
        except ImportError:
            from compression import zstd  # type: ignore[import-not-found,unused-ignore] # 3.14

            self.module, self.own = zstd, True

    def decompressor(self) -> Any:
        return self.module.ZstdDecompressor() if self.own else self.module.ZstdDecompressor().decompressobj()

    def compressing(self, file: BinaryIO) -> Any:
        if self.own:
            return self.module.ZstdFile(file, "w", level=LEVEL)
        return self.module.ZstdCompressor(level=LEVEL).stream_writer(file, closefd=False)

    def is_error(self, error: Exception) -> bool:
        return isinstance(error, self.module.ZstdError)


def _zstd(name: str) -> _Zstd:
    try:
        return _Zstd()
    except ImportError as error:
        raise CowcheckError(
            f"{name}: zstandard is not installed here; run `pip install zstandard`, or use gzip (.gz) or plain text"
        ) from error
