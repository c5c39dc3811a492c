"""Timers and software interrupts of the harts: registers of 8 bytes that may come as two halves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cowcheck.machine.board.devices.clint import MTIME, MTIMECMP, Clint, replaced
from cowcheck.machine.board.state import BOARD, LINE_MSIP, LINE_MTIP


@pytest.fixture
def clint() -> Clint:
    return Clint(np.zeros(1, BOARD)[0])


WORDS = st.integers(0, (1 << 64) - 1)


@given(hart=st.integers(0, 7), value=WORDS, halves=st.booleans())
def test_a_timer_is_set_at_once_or_by_halves(hart: int, value: int, halves: bool) -> None:
    clint = Clint(np.zeros(1, BOARD)[0])
    clint.board["time"] = 1 << 40
    at = MTIMECMP + 8 * hart
    if halves:
        clint.write(at, 4, value & 0xFFFFFFFF)
        clint.write(at + 4, 4, value >> 32)
    else:
        clint.write(at, 8, value)
    assert int(clint.board["mtimecmp"][hart]) == value
    assert clint.read(at, 8) == clint.read(at, 4) | clint.read(at + 4, 4) << 32 == value
    assert (int(clint.board["lines"][hart]) == LINE_MTIP) == (value <= 1 << 40)
    assert [clint.read(MTIMECMP + 8 * other, 8) for other in range(8) if other != hart] == [0] * 7


def test_the_clock(clint: Clint) -> None:
    clint.board["time"] = 0x1_2345_6789
    assert clint.read(MTIME, 8) == 0x1_2345_6789
    assert (clint.read(MTIME, 4), clint.read(MTIME + 4, 4)) == (0x2345_6789, 1)
    clint.write(MTIME, 4, 0)
    assert int(clint.board["time"]) == 1 << 32
    clint.write(MTIME, 8, (1 << 64) - 1)  # the clock has a sign; it never gets there
    assert int(clint.board["time"]) == (1 << 63) - 1


def test_a_software_interrupt_of_another_hart(clint: Clint) -> None:
    clint.write(4 * 2, 4, 1)
    assert [int(line) for line in clint.board["lines"][:4]] == [0, 0, LINE_MSIP, 0]
    assert (clint.read(4 * 2, 4), clint.read(4 * 3, 4)) == (1, 0)
    clint.write(4 * 2, 4, 0xFFFF_FFFE)  # only the lowest bit is the register's
    assert not clint.board["lines"].any()


@given(old=WORDS, byte=st.integers(0, 7), value=WORDS, size=st.sampled_from([1, 2, 4, 8]))
def test_bytes_of_a_word_are_replaced(old: int, byte: int, value: int, size: int) -> None:
    memory = bytearray(old.to_bytes(8, "little") + bytes(8))
    memory[byte : byte + size] = (value % (1 << 8 * size)).to_bytes(size, "little")
    assert replaced(old, byte, size, value) == int.from_bytes(memory[:8], "little")


@given(
    accesses=st.lists(
        st.tuples(
            st.one_of(
                st.integers(0, 0xFFFF),
                st.builds(
                    lambda base, offset: base + offset, st.sampled_from([0, MTIMECMP, MTIME]), st.integers(0, 70)
                ),
            ),
            st.sampled_from([1, 2, 4, 8]),
            st.one_of(st.none(), st.integers(0, 1 << 64)),
        )
    )
)
def test_any_access_is_survived(accesses: list[tuple[int, int, int | None]]) -> None:
    clint = Clint(np.zeros(1, BOARD)[0])
    for offset, size, value in accesses:
        if value is None:
            assert 0 <= clint.read(offset, size) < 1 << 8 * size
        else:
            clint.write(offset, size, value % (1 << 8 * size))
