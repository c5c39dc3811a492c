"""Page tables as the recorder follows them: what it tells, folded, is what a walk of all tables finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.board.state import FRAMES, KERNBASE
from cowcheck.machine.record.hooks import freed
from cowcheck.machine.record.observer import NO_TABLE, TRAMPOLINE_VPN, TRAPFRAME_VPN, WATCH_MAPPED, WATCH_TABLE
from cowcheck.model.sv39 import PTE_COW, PTE_R, PTE_U, PTE_V, PTE_W, PTE_X
from tests.machine.record.world import (
    FIRST_PID,
    NO_ROLE,
    PAGETABLE,
    SLOTS,
    TABLE_ROLE,
    World,
    pa_of,
    pte_of,
)

TABLES = range(300, 312)
PAGES = (400, 401, 402, 403, -1, -0x80000, FRAMES)  # frame indices; the last three are no RAM
FLAGS = (
    0,
    PTE_V | PTE_R | PTE_W | PTE_U,
    PTE_V | PTE_R | PTE_U | PTE_COW,
    PTE_V | PTE_X | PTE_R | PTE_U,
    PTE_V | PTE_R | PTE_W,
    PTE_R | PTE_W | PTE_U,  # not valid
    PTE_V | PTE_R | PTE_W | PTE_U | 1 << 6 | 1 << 7,
)
INDICES = (0, 1, 255, 256, 510, 511)
TREES = ((300, 301, 302), (303, 304, 305), (306, 307, 308))  # root, middle, leaves; the other tables are in none
RWU = FLAGS[1]

LEAVES = st.builds(pte_of, st.sampled_from(PAGES), st.sampled_from(FLAGS))
BRANCHES = st.builds(lambda table: pte_of(table, PTE_V), st.sampled_from(TABLES))
PLACES = st.tuples(st.sampled_from(TABLES), st.sampled_from(INDICES))
LEAF_PLACES = st.tuples(st.sampled_from([302, 305, 308, 311]), st.sampled_from(INDICES))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("root"), st.integers(0, SLOTS - 1), st.sampled_from([300, 303, 306, *TABLES, None])),
        st.tuples(st.just("root"), st.integers(0, SLOTS - 1), st.sampled_from([300, 303, 306])),
        st.tuples(st.just("link"), PLACES, BRANCHES),
        st.tuples(st.just("link"), PLACES, BRANCHES),
        st.tuples(st.just("leaf"), PLACES, LEAVES),
        st.tuples(st.sampled_from(["leaf", "bytes", "halves"]), LEAF_PLACES, LEAVES),
        st.tuples(st.sampled_from(["leaf", "bytes", "halves"]), LEAF_PLACES, LEAVES),
        st.tuples(st.just("clear"), PLACES, st.just(0)),
    ),
    min_size=5,
    max_size=40,
)


def used(world: World) -> set[int]:
    """Every table that a process has."""
    found: set[int] = set()
    for slot in range(SLOTS):
        root = (world.get(world.proc(slot, PAGETABLE)) - KERNBASE) // 4096
        if 0 <= root < FRAMES:
            found |= world.slow_tables(root)
    return found


def is_tree(world: World, table: int) -> bool:
    """Whether no table is met twice below this one, at any level it may come to stand on."""
    seen: set[int] = set()
    level = {table}
    for _ in range(3):
        if level & seen:
            return False
        seen |= level
        below = [(pte >> 10) - 0x80000 for part in level for _, pte in world.entries(part, 1) if pte & 15 == PTE_V]
        if len(below) != len(set(below)):
            return False
        level = set(below)
    return True


def play(world: World, steps: list[Any]) -> None:
    """Carries the steps out, but for those that no right kernel makes, and holds the law after each."""
    for what, place, value in steps:
        if what == "root":
            address = world.proc(place, PAGETABLE)
            if value is None:
                world.store(address, 0)
            elif value not in used(world) and is_tree(world, value) and not world.slow_tables(value) & used(world):
                world.store(address, pa_of(value))
        else:
            table, index = place
            address = pa_of(table) + 8 * index
            if what == "link":
                below = (value >> 10) - 0x80000
                whole = world.slow_tables(below) | world.slow_tables(below, 1)  # whichever level it may stand on
                if whole & used(world) or table in whole or not is_tree(world, below):
                    continue
            world.store(
                address, value, pieces={"bytes": 1, "halves": 4}.get(what, 8) if may_split(world, address) else 8
            )
        check(world)


def may_split(world: World, address: int) -> bool:
    """A branch that is overwritten byte by byte leads, half way, to a table of anybody's."""
    return world.get(address) & 15 != PTE_V


def prepared(world: World) -> World:
    """Four processes without page tables; three trees of tables that map something are ready for them."""
    world.populate()
    for number, (root, middle, leaves) in enumerate(TREES):
        world.store(pa_of(root) + 8 * number, pte_of(middle, PTE_V))
        world.store(pa_of(middle) + 8 * 511, pte_of(leaves, PTE_V))
        for index in range(3):
            world.store(pa_of(leaves) + 8 * index, pte_of(400 + (number + index) % 4, RWU))
    check(world)
    return world


def check(world: World) -> None:
    """The law."""
    due = world.slow_mappings()
    assert world.believed.mappings == due
    assert world.mapped() == world.slow_mapped(due)
    observer, tables = world.observer, used(world)
    assert set(np.flatnonzero(observer["watch"] & WATCH_TABLE).tolist()) == tables
    assert set(np.flatnonzero(observer["watch"] & WATCH_MAPPED).tolist()) == set(world.slow_mapped(due))
    assert {frame for frame, role in world.believed.roles.items() if role == TABLE_ROLE} == tables


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_what_is_told_is_what_is_there(shared_world: World, steps: list[Any]) -> None:
    shared_world.clear()
    play(prepared(shared_world), steps)


@settings(max_examples=30, deadline=None)
@given(steps=STEPS, more=STEPS)
def test_a_recording_may_begin_at_any_time(shared_world: World, steps: list[Any], more: list[Any]) -> None:
    """What was built before it began is told at its beginning."""
    shared_world.clear()
    play(prepared(shared_world), steps)
    memory = {frame: shared_world.ram[frame * 4096 : (frame + 1) * 4096].copy() for frame in shared_world.touched}
    shared_world.clear()
    for frame, contents in memory.items():
        shared_world.ram[frame * 4096 : (frame + 1) * 4096] = contents
        shared_world.touched.add(frame)
    shared_world.begin()
    check(shared_world)
    play(shared_world, more)


def built(world: World) -> World:
    """Slot 0 maps three pages through tables 300, 301 and 302."""
    world.populate()
    world.store(pa_of(301) + 8, pte_of(302, PTE_V))
    world.store(pa_of(300), pte_of(301, PTE_V))
    for index, frame in enumerate((400, 401, 400)):
        world.store(pa_of(302) + 8 * index, pte_of(frame, RWU))
    assert not world.believed.mappings
    world.store(world.proc(0, PAGETABLE), pa_of(300))
    return world


def test_tables_are_told_when_the_process_gets_them(world: World) -> None:
    built(world)
    assert world.believed.mappings == {
        (FIRST_PID, 512 + index): pte_of(frame, RWU) for index, frame in enumerate((400, 401, 400))
    }
    assert world.believed.roles == dict.fromkeys((300, 301, 302), TABLE_ROLE)
    assert world.mapped() == {400: 2, 401: 1}


def test_exec_exchanges_the_tables(world: World) -> None:
    built(world)
    world.store(pa_of(304) + 8, pte_of(305, PTE_V))
    world.store(pa_of(303), pte_of(304, PTE_V))
    world.store(pa_of(305), pte_of(402, RWU))
    world.store(world.proc(0, PAGETABLE), pa_of(303))
    assert world.believed.mappings == {(FIRST_PID, 512): pte_of(402, RWU)}
    assert world.believed.roles == dict.fromkeys((300, 301, 302), NO_ROLE) | dict.fromkeys((303, 304, 305), TABLE_ROLE)
    assert [int(frame) for frame in world.observer["suspects"][: world.observer["suspect_count"]]].count(400) == 1


def test_the_kernels_two_pages_are_not_told(world: World) -> None:
    built(world)
    world.store(pa_of(300) + 8 * 255, pte_of(306, PTE_V))
    world.store(pa_of(306) + 8 * 511, pte_of(307, PTE_V))
    for vpn in (TRAMPOLINE_VPN, TRAPFRAME_VPN, TRAPFRAME_VPN - 1):
        world.store(pa_of(307) + 8 * (vpn & 511), pte_of(403, PTE_V | PTE_R | PTE_W))
    assert (FIRST_PID, TRAPFRAME_VPN - 1) in world.believed.mappings
    assert world.mapped()[403] == 1


def test_a_table_that_is_freed_is_followed_no_longer(world: World) -> None:
    """The frame that kfree takes: an empty table is done with; one that still maps is not told to be."""
    built(world)
    for frame, expected in ((302, TABLE_ROLE), (301, TABLE_ROLE)):
        freed(world.observer, world.board, world.events, world.ram, frame, 0)
        world.fold()
        assert world.believed.roles[frame] == expected
        assert not world.observer["watch"][frame] & WATCH_TABLE
    built_again = World(world.ram)
    built_again.touched = world.touched
    built_again.clear()
    built(built_again)
    for index in range(3):
        built_again.store(pa_of(302) + 8 * index, 0)
    built_again.store(pa_of(301) + 8, 0)
    built_again.store(pa_of(300), 0)
    assert not built_again.believed.mappings
    freed(built_again.observer, built_again.board, built_again.events, built_again.ram, 300, 0)
    built_again.fold()
    assert built_again.believed.roles[300] == NO_ROLE
    assert built_again.observer["slot_root"][0] == NO_TABLE


@pytest.mark.parametrize("flags", [PTE_V | PTE_W | PTE_U, PTE_V | PTE_X])
def test_a_leaf_is_told_whatever_it_allows(world: World, flags: int) -> None:
    built(world)
    world.store(pa_of(302) + 8 * 9, pte_of(402, flags))
    assert world.believed.mappings[FIRST_PID, 521] == pte_of(402, flags)
