"""DWARF's numbers: what is written is read again, and nothing is read past the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cowcheck.machine.elf.cursor import Cursor


def leb128(value: int, signed: bool) -> bytes:
    """The shortest LEB128 form (DWARF version 5, appendix C)."""
    found = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        done = value in (0, -1) and (value < 0) == bool(byte & 0x40) if signed else value == 0
        if done:
            return bytes([*found, byte])
        found.append(byte | 0x80)


@given(st.integers(0, (1 << 64) - 1), st.binary(max_size=3))
def test_uleb128(value: int, rest: bytes) -> None:
    cursor = Cursor(leb128(value, False) + rest)
    assert cursor.uleb128() == value
    assert cursor.take(len(rest)) == rest


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.binary(max_size=3))
def test_sleb128(value: int, rest: bytes) -> None:
    cursor = Cursor(leb128(value, True) + rest)
    assert cursor.sleb128() == value
    assert cursor.take(len(rest)) == rest


def test_numbers_and_strings() -> None:
    cursor = Cursor(b"\x01\x02\xff\xffab\0\0")
    assert cursor.unsigned(2) == 0x201
    assert cursor.signed(2) == -1
    assert cursor.string() == "ab"
    assert cursor.string() == ""


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (b"\1", lambda cursor: cursor.unsigned(2)),
        (b"ab", lambda cursor: cursor.string()),
        (b"\x80", lambda cursor: cursor.uleb128()),
        (b"\x80" * 20, lambda cursor: cursor.sleb128()),
        (b"\1", lambda cursor: cursor.take(-1)),
    ],
)
def test_the_end_is_not_passed(data: bytes, read: object) -> None:
    assert callable(read)
    with pytest.raises(ValueError, match=r"bytes at|no end"):
        read(Cursor(data))


def test_a_cursor_is_inside_its_bytes() -> None:
    with pytest.raises(ValueError, match="bytes 4 to 9 of 8"):
        Cursor(bytes(8), 4, 9)
