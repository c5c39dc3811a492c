"""What races with what: the same bytes, and nothing that locks order, xv6's or a kernel's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cowcheck.machine.board.state import KERNBASE, RAM_BYTES
from cowcheck.machine.interleave.analysis import Analyst, Subject
from cowcheck.machine.interleave.state import LOGGED, MOST_HOT, STEP, Access

COUNT, LOCK, LIST = KERNBASE + 0x1000, KERNBASE + 0x2000, KERNBASE + 0x3000
PC, AMO = KERNBASE + 0x100, KERNBASE + 0x104

Item = tuple[int, Access, int, int]  # hart, kind, address, pc


def load(hart: int, address: int) -> Item:
    return hart, Access.LOAD, address, PC


def store(hart: int, address: int) -> Item:
    return hart, Access.STORE, address, PC


def swap(hart: int, address: int) -> list[Item]:
    return [(hart, Access.LOAD, address, AMO), (hart, Access.STORE, address, AMO)]


@pytest.fixture(scope="module")
def analyst() -> Analyst:
    ram = np.zeros(RAM_BYTES, np.uint8)
    ram[AMO - KERNBASE] = 0x2F
    subject = Subject(KERNBASE + 0x10_0000, (0, 0), (COUNT, COUNT + 64), ((LIST, LIST + 8),))
    return Analyst(ram, subject, np.zeros(MOST_HOT, np.int64), plenty=False)


def racing(analyst: Analyst, *items: Item) -> set[int]:
    log: Any = np.zeros(len(items), LOGGED)
    for row, (hart, kind, address, pc) in zip(log, items, strict=True):
        row["hart"], row["kind"], row["object"], row["pc"], row["size"] = hart, kind, address, pc, 4
    return {race.address for race in analyst.analyse(np.zeros(0, STEP), log, 2).races}


def test_two_harts_that_change_one_count_race(analyst: Analyst) -> None:
    assert racing(analyst, store(0, COUNT + 4), load(1, COUNT + 4)) == {COUNT}
    assert racing(analyst, load(0, COUNT + 4), store(1, COUNT + 4)) == {COUNT}
    assert racing(analyst, load(0, COUNT + 4), load(1, COUNT + 4)) == set()


def test_the_counts_of_two_frames_in_one_word_do_not(analyst: Analyst) -> None:
    assert racing(analyst, store(0, COUNT), store(1, COUNT + 4)) == set()
    assert racing(analyst, store(0, COUNT + 1), store(1, COUNT + 2)) == set()


@pytest.mark.parametrize("given_back", [lambda: [store(0, LOCK)], lambda: swap(0, LOCK)])
def test_a_lock_of_the_kernels_own_making_orders_what_it_guards(analyst: Analyst, given_back: Any) -> None:
    first = [*swap(0, LOCK), store(0, COUNT), *given_back()]
    assert COUNT not in racing(analyst, *first, *swap(1, LOCK), store(1, COUNT))
    assert COUNT in racing(analyst, *first, store(1, COUNT))
