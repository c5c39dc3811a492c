"""What the callbacks decide: which frames must be accounted for when a path ends, faults that come for ever, kfree."""

from __future__ import annotations

import numpy as np
import pytest

from cowcheck.machine.record.event import ProcessState, Role
from cowcheck.machine.record.hooks import FOREVER, freed, repeated, unaccounted
from cowcheck.machine.record.observer import MOST_PENDING
from cowcheck.machine.record.stores import own
from cowcheck.machine.record.tables import suspect
from tests.machine.record.world import FIRST_PID, TRAPFRAME, World, pa_of

STORE_FAULT, ECALL = 15, 8


@pytest.fixture
def running(world: World) -> World:
    """Slots 0 and 1 live, slot 2 is a zombie."""
    world.populate()
    world.observer["slot_state"][2] = ProcessState.ZOMBIE
    return world


def suspects(world: World) -> list[int]:
    return [int(frame) for frame in world.observer["suspects"][: world.observer["suspect_count"]]]


def test_a_path_answers_for_what_it_took(running: World) -> None:
    """Not for what another process holds in the kernel, until that one is dead."""
    observer = running.observer
    for frame, slot in ((500, 0), (501, 1), (502, 2), (503, -1)):
        suspect(observer, frame, slot)
    for slot, expected in ((0, True), (1, True), (3, True)):
        assert bool(unaccounted(observer, slot)) is expected  # 502's process is dead, and 503's is the scheduler
    observer["on_list"][502] = observer["mapped"][503] = 1
    assert suspects(running) == [500, 501, 502, 503]
    assert not unaccounted(observer, 3)
    assert suspects(running) == [500, 501]
    assert unaccounted(observer, 1)
    observer["role"][501] = Role.PAGE_TABLE
    assert not unaccounted(observer, 1)
    assert suspects(running) == [500]
    assert observer["suspect"][[500, 501, 502, 503]].tolist() == [1, 0, 0, 0]


def test_a_frame_is_suspected_once(running: World) -> None:
    for slot in (0, 1, 0):
        suspect(running.observer, 500, slot)
    assert suspects(running) == [500]
    assert running.observer["suspect_slot"][500] == 0


def test_more_suspects_than_there_is_room_for(running: World) -> None:
    for frame in range(1000, 1000 + MOST_PENDING + 10):
        suspect(running.observer, frame, 0)
    assert len(suspects(running)) == MOST_PENDING
    assert running.observer["suspect"].sum() == MOST_PENDING  # the others may be suspected another time


def test_the_same_fault_for_ever(running: World) -> None:
    observer = running.observer
    found = [bool(repeated(observer, 0, STORE_FAULT, 0x3000, 0x40)) for _ in range(FOREVER + 5)]
    assert found.index(True) == FOREVER
    assert sum(found) == 1
    for _ in range(FOREVER - 1):
        assert not repeated(observer, 1, STORE_FAULT, 0x3000, 0x40)
    assert not repeated(observer, 1, STORE_FAULT, 0x4000, 0x40)  # another address: it got on
    for _ in range(FOREVER - 1):
        assert not repeated(observer, 1, STORE_FAULT, 0x3000, 0x40)


def test_a_system_call_may_come_again(running: World) -> None:
    assert not any(repeated(running.observer, 0, ECALL, 0, 0x40) for _ in range(2 * FOREVER))
    assert not any(repeated(running.observer, -1, STORE_FAULT, 0, 0) for _ in range(2 * FOREVER))


def test_a_dead_process_trapframe_is_given_back(running: World) -> None:
    """While it lives, kfree of its trapframe is a mistake, and the frame stays what it is."""
    for slot in (0, 2):
        running.store(running.proc(slot, TRAPFRAME), pa_of(350 + slot))
    for frame in (350, 352, -1):
        freed(running.observer, running.board, running.events, running.ram, frame, 0)
    running.fold()
    assert running.believed.roles == {350: Role.TRAPFRAME, 352: Role.NONE}
    assert running.observer["slot_trapframe"][[0, 2]].tolist() == [350, -1]


def test_an_object_that_is_freed_is_none(running: World) -> None:
    own(running.observer, running.board, running.events, 360, int(Role.OBJECT), 0)
    freed(running.observer, running.board, running.events, running.ram, 360, 0)
    running.fold()
    assert running.believed.roles == {360: Role.NONE}
    assert np.count_nonzero(running.observer["role"]) == 0
    assert FIRST_PID
