"""Stores to the reference counts, however they are laid out: what is told, folded, is what stands there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.record.event import EventKind
from cowcheck.machine.record.observer import COUNTS_ARRAY, COUNTS_TABLE
from cowcheck.model.sv39 import PTE_R, PTE_V
from tests.machine.record.world import COUNTS, PAGETABLE, World, pa_of, pte_of

LAYOUTS = [
    (1, 1),
    (2, 2),
    (4, 4),
    (8, 8),
    (8, 4),
    (16, 4),
    (24, 4),
    (32, 4),
    (32, 8),
    (40, 1),
    (12, 2),
]  # stride, width
FRAMES = range(300, 308)


def told(world: World) -> dict[int, int]:
    return world.believed.counts


def as_c(value: int, width: int) -> int:
    """A number of a C type: unsigned char, short, int or long."""
    value %= 1 << 8 * width
    return value - (1 << 8 * width) if width > 1 and value >> 8 * width - 1 else value


@settings(max_examples=80, deadline=None)
@given(
    layout=st.sampled_from(LAYOUTS),
    offset=st.sampled_from([0, -1, 1]),
    steps=st.lists(st.tuples(st.sampled_from(FRAMES), st.integers(-2, 300), st.sampled_from([0, 1, 2])), max_size=25),
    lead=st.sampled_from([0, 5000]),
)
def test_an_array(
    shared_world: World, layout: tuple[int, int], offset: int, steps: list[tuple[int, int, int]], lead: int
) -> None:
    """Its base may lie before the array: of an index that starts with the first page behind the kernel, say."""
    world, (stride, width) = shared_world, layout
    world.clear()
    base = COUNTS - stride * (lead and 290)
    world.use_counts(COUNTS_ARRAY, stride, width, offset, count_base=base)
    counts: dict[int, int] = {}
    for frame, value, pieces in steps:
        world.store(base + stride * frame, value % (1 << 8 * width), width, pieces=min(pieces, width))
        if as_c(value, width) != counts.get(frame, 0):
            counts[frame] = as_c(value, width)
            assert told(world)[frame] == counts[frame] - offset
    assert told(world) == {frame: count - offset for frame, count in counts.items()} | dict.fromkeys(
        told(world).keys() - counts.keys(), -offset
    )
    assert all(row[0] == EventKind.COUNT for row in world.rows)


@settings(max_examples=40, deadline=None)
@given(width=st.sampled_from([1, 2, 4]), words=st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=6))
def test_one_store_may_set_several_counts(shared_world: World, width: int, words: list[int]) -> None:
    """An array that is cleared eight bytes at a time."""
    world = shared_world
    world.clear()
    world.use_counts(COUNTS_ARRAY, width, width)
    for number, word in enumerate(words):
        world.store(COUNTS + 256 + 8 * (number % 3), word)
    due = {}
    for at in range(256, 256 + 24, width):
        if value := as_c(world.get(COUNTS + at, width), width):
            due[at // width] = value
    assert {frame: count for frame, count in told(world).items() if count} == due


def test_what_stands_beside_a_count_is_not_told(world: World) -> None:
    """A lock in the same struct."""
    world.use_counts(COUNTS_ARRAY, 32, 4, count_base=COUNTS + 24)
    world.store(COUNTS + 32 * 5, 1, 4)
    world.store(COUNTS + 32 * 5 + 8, 0xFFFF)
    world.store(COUNTS + 32 * 5 + 28, 9, 4)
    assert not world.rows
    world.store(COUNTS + 32 * 5 + 24, 2, 4)
    assert told(world) == {5: 2}


def test_beyond_the_array_nothing_is_told(world: World) -> None:
    world.use_counts(COUNTS_ARRAY, 4, 4, count_first=COUNTS + 40, count_end=COUNTS + 80)
    for index in (9, 10, 19, 20):
        world.store(COUNTS + 4 * index, 3, 4)
    assert told(world) == {10: 3, 19: 3}


class Table:
    """A table that is searched for the frame, as kernels keep one."""

    def __init__(self, world: World, stride: int, width: int, key_at: int, shift: int, offset: int) -> None:
        self.world, self.stride, self.width, self.key_at, self.shift = world, stride, width, key_at, shift
        self.offset = offset
        first = max(-key_at, 0)  # the count's place in an entry
        world.use_counts(COUNTS_TABLE, stride, width, offset, count_base=COUNTS + first, key_at=key_at, key_shift=shift)
        self.base = COUNTS + first
        self.frames: dict[int, int | None] = {}  # by entry
        self.left_over: set[int] = set()  # entries whose frame has got another one since

    def key(self, entry: int, frame: int | None) -> None:
        pa = 0 if frame is None else pa_of(frame)
        self.frames[entry] = frame
        self.left_over |= {other for other, its in self.frames.items() if its == frame is not None}
        self.left_over -= {entry}
        self.world.store(self.base + entry * self.stride + self.key_at, pa >> self.shift)

    def count(self, entry: int, value: int) -> None:
        self.left_over -= {entry}
        self.world.store(self.base + entry * self.stride, value, self.width)

    def rows(self) -> dict[int, list[int]]:
        """The counts that are not 0, by frame, of entries that are not left over."""
        found: dict[int, list[int]] = {}
        for entry in set(range(ENTRIES)) - self.left_over:
            at = self.base + entry * self.stride
            pa = self.world.get(at + self.key_at) << self.shift
            value = as_c(self.world.get(at, self.width), self.width)
            if value and pa:
                found.setdefault((pa - pa_of(0)) // 4096, []).append(value)
        return found


ENTRIES = 6
TABLES = [
    (16, 4, -8, 0),
    (16, 4, 8, 0),
    (16, 8, -8, 12),
    (24, 2, -16, 0),
    (40, 1, 16, 12),
]  # stride, width, key_at, shift


@settings(max_examples=100, deadline=None)
@given(
    layout=st.sampled_from(TABLES),
    offset=st.sampled_from([0, 1, -1]),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("count"), st.integers(0, ENTRIES - 1), st.integers(0, 100)),
            st.tuples(st.just("key"), st.integers(0, ENTRIES - 1), st.sampled_from([*FRAMES, None])),
        ),
        max_size=30,
    ),
)
def test_a_table(shared_world: World, layout: tuple[int, int, int, int], offset: int, steps: list[Any]) -> None:
    """Whichever of an entry is stored first, and whoever had the entry before."""
    shared_world.clear()
    table = Table(shared_world, *layout, offset)
    for what, entry, value in steps:
        getattr(table, what)(entry, value)
        for frame, counts in table.rows().items():
            if len(counts) == 1:  # else the kernel itself would not know
                assert told(shared_world)[frame] == counts[0] - offset, (what, entry, value)


def test_an_entry_that_is_given_up_says_nothing(world: World) -> None:
    """A kernel that keeps an entry only for what is shared: a frame without one has a single reference, or none."""
    table = Table(world, 16, 4, -8, 0, 0)
    table.key(0, 301)
    table.count(0, 2)
    table.key(1, 302)
    table.count(1, 3)
    table.count(0, 1)
    table.key(0, 302)  # the last entry takes the place of the first
    table.count(0, 3)
    assert told(world) == {301: 1, 302: 3}


def test_an_entry_whose_count_goes_to_0_is_given_up(world: World) -> None:
    """A kernel that counts from 2, in entries that are free where the count is 0: one reference is left."""
    table = Table(world, 16, 4, -8, 0, 0)
    table.key(0, 301)
    table.count(0, 2)
    table.count(0, 1)
    table.count(0, 0)
    assert told(world) == {301: 1}
    table.count(0, 2)
    assert told(world) == {301: 2}


def test_what_was_moved_away_says_nothing(world: World) -> None:
    """A table whose last entry takes the place of one that is given up: its old place keeps key and count."""
    table = Table(world, 16, 4, -8, 0, 0)
    for entry, frame in enumerate((301, 302, 303)):
        table.key(entry, frame)
        table.count(entry, 2)
    table.count(0, 1)
    table.key(0, 303)
    table.count(0, 2)
    assert told(world) == {301: 1, 302: 2, 303: 2}
    table.count(0, 1)  # 303 is given up, and 302, the last now, takes its place
    table.key(0, 302)
    table.count(0, 2)
    assert told(world) == {301: 1, 302: 2, 303: 1}


def test_the_old_entry_of_a_frame_is_told_again(world: World) -> None:
    """The count is stored before the key, over a key of which nothing is left but the number."""
    table = Table(world, 16, 4, -8, 0, 0)
    table.key(1, 301)
    table.key(0, 301)
    table.count(0, 2)
    table.count(1, 1)
    assert told(world)[301] == 1  # as the table has it now
    table.key(1, 305)
    assert told(world) == {301: 2, 305: 1}


@pytest.mark.parametrize("kind", [COUNTS_ARRAY, COUNTS_TABLE])
def test_the_counts_at_the_beginning_are_those_of_mapped_frames(world: World, kind: int) -> None:
    """An entry of a table that was given up is passed over where the frame has another."""
    if kind == COUNTS_ARRAY:
        world.use_counts(kind, 4, 4, 1)
        for frame, count in ((400, 2), (401, 3), (402, 9)):
            world.put(COUNTS + 4 * frame, count, 4)
    else:
        world.use_counts(kind, 16, 4, 1, key_at=8)
        for entry, (frame, count) in enumerate(((401, 0), (400, 2), (401, 3), (402, 9), (401, 0))):
            world.put(COUNTS + 16 * entry, count, 4)
            world.put(COUNTS + 16 * entry + 8, pa_of(frame))
    world.put(world.proc(0, 0x30), 1, 4)
    world.put(world.proc(0, 0x18), 3, 4)
    world.put(world.proc(0, PAGETABLE), pa_of(300))
    world.put(pa_of(300), pte_of(301, PTE_V))
    world.put(pa_of(301), pte_of(302, PTE_V))
    for index, frame in enumerate((400, 401, 403 if kind == COUNTS_TABLE else 400)):
        world.put(pa_of(302) + 8 * index, pte_of(frame, PTE_V | PTE_R))
    world.begin()
    assert told(world) == {400: 1, 401: 2}
