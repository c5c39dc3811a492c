"""Images come back as they were written; damaged ones are told, and nothing else happens."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.disk import make_image, read_image
from cowcheck.machine.disk.layout import BLOCK_BYTES, MAX_FILE_BYTES, Superblock
from cowcheck.model.errors import CowcheckError

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/"), min_size=1, max_size=14)
SIZES = st.one_of(st.integers(0, 30_000), st.sampled_from([0, 1, 1023, 1024, 1025, 12288, 12289, 13312, 13313]))
FILES = st.dictionaries(NAMES.filter(lambda name: name not in (".", "..")), SIZES, max_size=20)


def contents(size: int) -> bytes:
    return bytes(at * 7 % 251 for at in range(size))


@settings(max_examples=60, deadline=None)
@given(FILES)
def test_files_come_back(sizes: dict[str, int]) -> None:
    files = {name: contents(size) for name, size in sizes.items()}
    image = read_image(make_image(files))
    assert image.names == tuple(files)
    assert {name: image.read(name) for name in image.names} == files


def test_the_layout_is_the_one_of_mkfs() -> None:
    """xv6 mkfs/mkfs.c, with one block more for the log, as since 2024."""
    data = make_image({"init": contents(13 * 1024)})
    assert len(data) == 2000 * 1024
    assert Superblock.unpacked(data[1024:2048]) == Superblock(0x10203040, 2000, 1953, 200, 31, 2, 33, 46)
    inodes = data[33 * 1024 :]
    assert struct.unpack_from("<4hI", inodes, 64) == (1, 0, 0, 1, 48)  # the root directory: three entries
    assert struct.unpack_from("<4hI13I", inodes, 128) == (2, 0, 0, 1, 13312, *range(47, 59), 60)
    assert struct.unpack_from("<I", data, 60 * 1024) == (59,)
    root = data[61 * 1024 :]
    assert root[:48] == b"\1\0." + bytes(13) + b"\1\0.." + bytes(12) + b"\2\0init" + bytes(10)
    bitmap = int.from_bytes(data[46 * 1024 : 47 * 1024], "little")
    assert bitmap == (1 << 62) - 1
    assert data[2 * 1024 : 3 * 1024] == bytes(1024)  # the log's header: nothing to recover


@pytest.mark.parametrize(
    ("files", "blocks", "said"),
    [
        ({"a/b": b""}, 2000, "without a slash"),
        ({"": b""}, 2000, "1 to 14 ASCII characters"),
        ({"fifteen-letters": b""}, 2000, "1 to 14 ASCII characters"),
        ({"..": b""}, 2000, "the directory's own"),
        ({"ä": b""}, 2000, "1 to 14 ASCII characters"),
        ({"large": bytes(MAX_FILE_BYTES + 1)}, 2000, "at most 274432"),
        ({"large": bytes(100_000)}, 100, "do not fit on 100 blocks"),
        ({"a": b""}, 40, "give it more than 47"),
        ({str(number): b"" for number in range(199)}, 2000, "199 files, and an image holds 198"),
    ],
)
def test_what_does_not_fit_is_refused(files: dict[str, bytes], blocks: int, said: str) -> None:
    with pytest.raises(CowcheckError) as caught:
        make_image(files, blocks=blocks)
    assert said in str(caught.value)


def test_the_largest_file_and_the_most_files_fit() -> None:
    largest = contents(MAX_FILE_BYTES)
    assert read_image(make_image({"large": largest})).read("large") == largest
    assert len(read_image(make_image({str(number): b"x" for number in range(198)})).names) == 198


def damaged(offset: int, value: int) -> bytes:
    data = bytearray(make_image({"init": contents(13 * 1024), "cowtest": b"x" * 100}))
    struct.pack_into("<I", data, offset, value)
    return bytes(data)


INODES = 33 * 1024
DIRECTORY = 62 * 1024


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "0 bytes are no file system"),
        (bytes(4096), "no xv6 file system (magic 0x0"),
        (make_image({})[:99_000], "cut off: 2000 blocks were made, 96 are there"),
        (damaged(1024 + 4, 5000), "cut off: 5000 blocks"),
        (damaged(1024 + 12, 10**9), "contradict each other"),
        (damaged(1024 + 24, 1999), "contradict each other"),
        (damaged(INODES + 64, 2 | 1 << 16), "inode 1 is no directory"),
        (damaged(INODES + 64 + 8, 10**9), "the root directory says it has 1000000000 bytes"),
        (damaged(INODES + 64 + 12, 7), "leads to block 7, which is no data block"),
        (damaged(DIRECTORY + 32, 3000 | ord("i") << 16), "leads to inode 3000, and there are 200"),
    ],
)
def test_a_damaged_image_is_told(data: bytes, said: str) -> None:
    with pytest.raises(CowcheckError) as caught:
        read_image(data, "fs.img")
    assert said in str(caught.value)
    assert str(caught.value).startswith("fs.img: ")


def test_a_damaged_file_leaves_the_others_readable() -> None:
    image = read_image(damaged(60 * 1024, 1))  # its indirect block
    assert image.read("cowtest") == b"x" * 100
    with pytest.raises(CowcheckError, match="file 'init' leads to block 1, which is no data block"):
        image.read("init")
    with pytest.raises(CowcheckError, match=r"no file 'forktest'; files: init, cowtest"):
        image.read("forktest")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1024, 64 * 1024), st.integers(0, 255)), max_size=30))
def test_no_damage_raises_anything_else(changes: list[tuple[int, int]]) -> None:
    data = bytearray(make_image({"init": contents(13 * 1024), "cowtest": b"x" * 100})[: 70 * BLOCK_BYTES])
    struct.pack_into("<I", data, 1024 + 4, 70)
    for offset, value in changes:
        data[offset] = value
    with contextlib.suppress(CowcheckError):
        image = read_image(bytes(data))
        for name in image.names:
            assert name.isascii()
            image.read(name)
