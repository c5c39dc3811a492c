"""The free lists as the recorder follows them: what it tells, folded, is what a walk of the lists finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.board.state import KERNBASE
from cowcheck.machine.record.event import EventKind
from cowcheck.machine.record.observer import WATCH_FREE
from tests.machine.record.world import HEADS, World, pa_of

FRAMES = range(500, 512)


class Allocator:
    """xv6's: a link in the first word of each free frame. It does as it is told, right or wrong."""

    def __init__(self, world: World, lists: int = 1, next_at: int = 0) -> None:
        self.world, self.next_at = world, next_at
        world.observer["lists"], world.observer["next_at"] = lists, next_at

    def head(self, which: int) -> int:
        return self.world.get(HEADS[which])

    def first(self, which: int) -> int:
        """The frame that the head leads to, by its index; 0 for none."""
        head = self.head(which)
        return (head - KERNBASE) // 4096 if KERNBASE <= head < KERNBASE + (128 << 20) else 0

    def link(self, frame: int, to: int) -> None:
        self.world.store(pa_of(frame) + self.next_at, to)

    def push(self, frame: int, which: int = 0) -> None:
        self.link(frame, self.head(which))
        self.world.store(HEADS[which], pa_of(frame))

    def push_head_first(self, frame: int, which: int = 0) -> None:
        """As a compiler may order the two stores; kfree has filled the page before."""
        old = self.head(which)
        self.world.put(pa_of(frame) + self.next_at, 0x0101_0101_0101_0101)
        self.world.store(HEADS[which], pa_of(frame))
        self.link(frame, old)

    def pop(self, which: int = 0) -> int:
        """The frame, by its index; 0 for none. What the list leads to is believed, as kalloc does."""
        frame = self.first(which)
        if frame:
            self.world.store(HEADS[which], self.world.get(pa_of(frame) + self.next_at))
            self.world.store(pa_of(frame) + 8, 0x0505_0505_0505_0505)
        return frame


def check(world: World) -> None:
    """The law."""
    due = world.slow_lists()
    assert world.believed.lists == due
    assert {
        int(frame): int(world.observer["on_list"][frame]) for frame in np.flatnonzero(world.observer["on_list"])
    } == due
    assert set(np.flatnonzero(world.observer["watch"] & WATCH_FREE).tolist()) == set(due)


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["push", "push", "late", "late", "pop", "pop", "again"]),
            st.integers(0, 1),
            st.sampled_from(FRAMES),
        ),
        st.tuples(
            st.sampled_from(["move", "cut", "junk", "swap", "stray", "wrong", "both"]),
            st.integers(0, 1),
            st.sampled_from(FRAMES),
        ),
    ),
    max_size=40,
)


def play(allocator: Allocator, steps: list[Any], lists: int) -> None:
    world, next_at = allocator.world, allocator.next_at
    for what, number, frame in steps:
        which = number % lists
        on = world.slow_lists()
        if what == "push" and not on[frame]:
            allocator.push(frame, which)
        elif what == "late" and not on[frame]:
            before = len(world.believed.stores)
            allocator.push_head_first(frame, which)
            assert len(world.believed.stores) == before
        elif what == "pop":
            taken = allocator.pop(which)
            assert bool(on[taken]) == (taken > 0)
        elif what == "again" and (
            first := allocator.first(which)
        ):  # a double free of the frame that was freed last ...
            allocator.push(first, which)
            assert world.believed.lists[first] == world.slow_lists()[first] == 2
            world.store(pa_of(first) + next_at, 0)  # ... which the test mends, or the rest is lost
            world.store(HEADS[which], 0)
            world.store(HEADS[which], pa_of(first))
        elif what == "move" and lists == 2:  # a hart steals all that another has
            world.store(HEADS[1 - which], allocator.head(which))
            world.store(HEADS[which], 0)
        elif what == "cut" and (first := allocator.first(which)):  # the head goes to the middle of the list
            second = world.get(pa_of(first) + next_at)
            if second >= KERNBASE:
                world.store(HEADS[which], world.get(second + next_at))
        elif what == "junk":  # the head is overwritten
            world.store(HEADS[which], 0x0101_0101_0101_0101)
            world.store(HEADS[which], 0)
        elif what == "swap" and (
            first := allocator.first(which)
        ):  # the first frame's link is overwritten, then it is taken
            beyond = pa_of(520) if first != 520 else 0  # one that leads to itself is a double free
            world.store(pa_of(first) + next_at, [0, 7, beyond][frame % 3])
            allocator.pop(which)
        elif what == "stray" and not on[frame]:  # the head goes astray, and it is told at the next store of the head
            world.put(pa_of(frame) + next_at, [0, 7, 0x0101_0101_0101_0101][number])
            world.store(HEADS[which], pa_of(frame))
            allocator.pop(which)
        elif what == "wrong" and not on[frame]:  # a link that is stored late, and is not what the head was
            world.put(pa_of(frame) + next_at, 0x0101_0101_0101_0101)
            world.store(HEADS[which], pa_of(frame))
            world.store(pa_of(frame) + next_at, [0, allocator.head(which) ^ 4096][number])
        elif what == "both" and lists == 2 and not on[frame] and not on[frame + 20]:  # two harts at once
            heads = [allocator.head(0), allocator.head(1)]
            world.put(pa_of(frame) + next_at, 0x0101_0101_0101_0101)
            world.put(pa_of(frame + 20) + next_at, 0x0101_0101_0101_0101)
            world.store(HEADS[0], pa_of(frame))
            world.store(HEADS[1], pa_of(frame + 20))
            allocator.link([frame, frame + 20][number], heads[number])
            allocator.link([frame, frame + 20][1 - number], heads[1 - number])
        check(world)


@settings(max_examples=80, deadline=None)
@given(steps=STEPS, lists=st.sampled_from([1, 2]), next_at=st.sampled_from([0, 16]))
def test_what_is_told_is_what_is_there(shared_world: World, steps: list[Any], lists: int, next_at: int) -> None:
    shared_world.clear()
    play(Allocator(shared_world, lists, next_at), steps, lists)


@pytest.fixture
def allocator(world: World) -> Allocator:
    """Frames 500, 501 and 502 are free, the last on top."""
    allocator = Allocator(world)
    for frame in (500, 501, 502):
        allocator.push(frame)
    return allocator


def test_a_push_and_a_pop_are_one_event_each(allocator: Allocator) -> None:
    world = allocator.world
    assert [(EventKind(row[0]), row[5] - 0x80000, row[6]) for row in world.rows] == [
        (EventKind.LIST, frame, 1) for frame in (500, 501, 502)
    ]
    assert allocator.pop() == 502
    lists = [row for row in world.rows if row[0] == EventKind.LIST]
    assert (lists[-1][5] - 0x80000, lists[-1][6]) == (502, -1)
    assert len(lists) == 4


def test_a_frame_that_was_taken_must_be_accounted_for(allocator: Allocator) -> None:
    allocator.pop()
    observer = allocator.world.observer
    assert observer["suspects"][: observer["suspect_count"]].tolist() == [502]
    assert observer["suspect"][502] == 1


def test_the_first_frame_is_freed_again(allocator: Allocator) -> None:
    """The list leads to itself; the head's word is stored, and does not change."""
    allocator.push(502)
    assert allocator.world.believed.lists == {500: 1, 501: 1, 502: 2}
    assert allocator.pop() == 502
    assert allocator.world.believed.lists[502] == 1


def test_another_frame_is_freed_again(allocator: Allocator) -> None:
    """Told of that frame alone: what a ring does to the others shows when it is walked."""
    allocator.push(500)
    assert allocator.world.believed.lists == {500: 2, 501: 1, 502: 1}


def test_an_overwritten_link_ends_the_list(allocator: Allocator) -> None:
    """The store to the free page is told, and the frames behind it are lost when it is taken."""
    world = allocator.world
    world.store(pa_of(502), 0)
    assert world.believed.stores[-1] == 502
    allocator.pop()
    assert not world.believed.lists
    assert not world.observer["on_list"].any()


def test_a_link_that_is_stored_late_is_no_use_of_a_free_page(allocator: Allocator) -> None:
    """But a second store to it is, and so is another value."""
    world = allocator.world
    allocator.push_head_first(503)
    assert world.believed.lists == dict.fromkeys((500, 501, 502, 503), 1)
    assert not world.believed.stores
    world.store(pa_of(503), 0)
    assert world.believed.stores == [503]
    world.put(pa_of(504), 0x0101_0101_0101_0101)
    world.store(HEADS[0], pa_of(504))
    world.store(pa_of(504), 0x1234)
    assert world.believed.stores == [503, 504]


def test_a_head_outside_ram(allocator: Allocator) -> None:
    allocator.world.store(HEADS[0], 0x1000)
    assert not allocator.world.believed.lists


@pytest.mark.parametrize("frame", [500, 501, 502])
def test_a_frame_is_freed_again_head_first(allocator: Allocator, frame: int) -> None:
    """The head's store looks like a pop, or like nothing; the link's store tells that it was a push."""
    world = allocator.world
    old = allocator.head(0)
    world.store(HEADS[0], pa_of(frame))
    allocator.link(frame, old)
    ring = dict.fromkeys((500, 501, 502), 2)  # which is walked, where the head went past a frame
    assert world.believed.lists == (ring if frame == 500 else dict.fromkeys(ring, 1) | {frame: 2})
    assert not world.believed.stores


def test_a_link_that_never_comes(allocator: Allocator) -> None:
    """A head that goes to a page which is no free one: that shows when the head is stored again."""
    world = allocator.world
    world.put(pa_of(505), pa_of(506))
    world.store(HEADS[0], pa_of(505))
    allocator.push(507)
    assert world.believed.lists == dict.fromkeys((505, 506, 507), 1)


def test_a_link_that_leaves_frames_out(allocator: Allocator) -> None:
    """The first frame leads to the last one: the one between them is on no list when it is taken."""
    world = allocator.world
    world.store(pa_of(502), pa_of(500))
    allocator.pop()
    assert world.believed.lists == {500: 1}


def test_pushes_and_pops_walk_no_list(allocator: Allocator) -> None:
    """Whichever of its two stores comes first: links that were changed behind the recorder's back are not met."""
    world = allocator.world
    world.put(pa_of(501), 0)
    allocator.push_head_first(503)
    allocator.push(504)
    for frame in (504, 503, 502):
        assert allocator.pop() == frame
    assert world.believed.lists == {500: 1, 501: 1}
