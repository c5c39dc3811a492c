"""Stores to processes, harts and page contents: what each means, whatever its size, and what means nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.board.state import KERNBASE
from cowcheck.machine.record.event import HART, PC, PID, EventKind, ProcessState, Role
from cowcheck.machine.record.numbers import number, overlaid, overlaps, signed
from cowcheck.machine.record.observer import NO_TABLE, frame_index, index_of
from cowcheck.model.sv39 import PTE_R, PTE_U, PTE_V, PTE_W
from tests.machine.record.world import (
    CPU_STRIDE,
    CPUS,
    FIRST_PID,
    KILLED,
    PAGETABLE,
    PID_AT,
    PROC,
    SLOTS,
    STATE,
    STRIDE,
    SZ,
    TRAPFRAME,
    World,
    pa_of,
    pte_of,
)

RWU = PTE_V | PTE_R | PTE_W | PTE_U


def kinds(world: World) -> list[EventKind]:
    return [EventKind(row[0]) for row in world.rows]


@settings(deadline=None)
@given(
    memory=st.binary(min_size=24, max_size=24),
    at=st.integers(0, 16),
    size=st.integers(1, 8),
    field=st.integers(0, 16),
    width=st.sampled_from([1, 2, 4, 8]),
    value=st.integers(0, (1 << 64) - 1),
)
def test_what_a_field_will_be(memory: bytes, at: int, size: int, field: int, width: int, value: int) -> None:
    ram = np.frombuffer(memory, np.uint8).copy()
    after = bytearray(memory)
    after[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, "little")
    as_int64 = np.int64(value - (1 << 64) if value >> 63 else value)
    found = int(overlaid(ram, field, width, at, size, as_int64)) % (1 << 8 * width)
    assert found == int.from_bytes(after[field : field + width], "little")
    assert int(number(ram, field, width)) % (1 << 64) == int.from_bytes(memory[field : field + width], "little")
    assert bool(overlaps(field, width, at, size)) == bool(set(range(field, field + width)) & set(range(at, at + size)))


@pytest.mark.parametrize(
    ("value", "width", "expected"),
    [(0xFF, 1, 255), (0xFFFF, 2, -1), (0x7FFF, 2, 0x7FFF), (0xFFFFFFFE, 4, -2), (0x80000000, 4, -(1 << 31)), (5, 8, 5)],
)
def test_a_count_as_its_type_has_it(value: int, width: int, expected: int) -> None:
    assert int(signed(value, width)) == expected


def test_frames_of_addresses() -> None:
    addresses = (
        KERNBASE,
        KERNBASE + 4095,
        KERNBASE + (128 << 20) - 1,
        KERNBASE - 1,
        KERNBASE + (128 << 20),
        0,
        -1,
        1 << 62,
    )
    assert [int(index_of(np.int64(pa))) for pa in addresses] == [0, 0, 32767, -1, -1, -1, -1, -1]
    assert frame_index(KERNBASE + 8192) == 2


def test_a_process_begins_and_ends(world: World) -> None:
    slot = world.proc(1, 0)
    world.store(slot + PID_AT, 7, 4)
    world.store(slot + STATE, ProcessState.USED, 4)
    world.store(slot + SZ, 0x3000)
    world.store(slot + STATE, ProcessState.RUNNABLE, 4)
    world.store(slot + STATE, ProcessState.RUNNABLE, 4)  # nothing new
    world.store(slot + KILLED, 0, 4)
    world.store(slot + KILLED, 1, 4)
    world.store(slot + 0x20, 0x1234)  # p->chan, say
    assert [row[5:7] for row in world.rows] == [
        (7, ProcessState.USED), (7, 0x3000), (7, ProcessState.RUNNABLE), (7, 0),
    ]  # fmt: skip
    assert kinds(world) == [EventKind.STATE, EventKind.SIZE, EventKind.STATE, EventKind.KILLED]
    assert int(world.observer["runnable"]) == 1
    world.store(slot + PID_AT, 0, 4)
    world.store(slot + STATE, ProcessState.UNUSED, 4)
    assert world.rows[-1][5:7] == (7, ProcessState.UNUSED)  # still told by the pid that it had
    assert int(world.observer["runnable"]) == 0


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(list(range(4))), state=st.sampled_from([1, 2, 3, 4, 5]))
def test_a_field_that_is_stored_by_bytes(shared_world: World, order: list[int], state: int) -> None:
    world = shared_world
    world.clear()
    world.store(world.proc(2, PID_AT), 0x01020304, 4)
    for byte in order:
        world.store(world.proc(2, STATE) + byte, state if byte == 0 else 0, 1)
    assert world.believed.states == {0x01020304: state}


def test_the_kernels_own_numbers_of_states(world: World) -> None:
    world.observer["state_names"][:] = (0, 2, 3, 4, 5, 0, 0, 1)  # 2019: no USED
    world.store(world.proc(0, PID_AT), 3, 4)
    for mine in (1, 2, 3, 4, 7, 9):
        world.store(world.proc(0, STATE), mine, 4)
    assert [row[6] for row in world.rows] == [2, 3, 4, 5, 1, 0]


def test_who_runs(world: World) -> None:
    world.populate()
    world.forget()
    for hart, slot in ((0, 2), (1, 0), (0, None), (0, None)):
        world.store(CPUS + hart * CPU_STRIDE, 0 if slot is None else PROC + slot * STRIDE, hart=hart)
    assert kinds(world) == [EventKind.RUN] * 3
    assert [(row[HART], row[PID], row[5]) for row in world.rows] == [
        (0, 0, FIRST_PID + 2), (1, 0, FIRST_PID), (0, FIRST_PID + 2, 0),
    ]  # fmt: skip
    assert world.observer["hart_slot"][:2].tolist() == [NO_TABLE, 0]
    world.store(CPUS + 8, 0x1234, hart=0)  # another field of struct cpu
    assert len(world.rows) == 3


def test_a_pointer_to_no_process_is_none(world: World) -> None:
    world.populate()
    world.forget()
    world.store(CPUS, PROC + SLOTS * STRIDE)
    world.store(CPUS, PROC - 8)
    assert not world.rows


def test_a_trapframe_comes_and_goes(world: World) -> None:
    world.populate()
    world.store(world.proc(0, TRAPFRAME), pa_of(350))
    world.store(world.proc(0, TRAPFRAME), pa_of(350))
    assert world.believed.roles == {350: Role.TRAPFRAME}
    world.store(world.proc(0, TRAPFRAME), pa_of(351))
    assert world.believed.roles == {350: Role.NONE, 351: Role.TRAPFRAME}
    world.store(world.proc(0, TRAPFRAME), 0)
    assert world.believed.roles == {350: Role.NONE, 351: Role.NONE}
    assert set(world.observer["suspects"][: world.observer["suspect_count"]].tolist()) == {350, 351}


def test_every_frame_that_is_stored_to_may_differ(world: World) -> None:
    world.store(pa_of(500) + 8, 1)
    world.store(pa_of(501) + 4095, 1, 1)
    assert np.flatnonzero(world.board["dirty"]).tolist() == [500, 501]


class TestContents:
    """Which stores to a page's contents are told."""

    @pytest.fixture
    def shared(self, world: World) -> World:
        """Slot 0 maps frames 400 and 401, slot 1 frames 401 and 402; hart 0 runs slot 0. Frame 410 is free."""
        world.populate()
        for slot, root, frames in ((0, 300, (400, 401)), (1, 303, (401, 402))):
            world.store(pa_of(root), pte_of(root + 1, PTE_V))
            world.store(pa_of(root + 1), pte_of(root + 2, PTE_V))
            for index, frame in enumerate(frames):
                world.store(pa_of(root + 2) + 8 * index, pte_of(frame, RWU))
            world.store(world.proc(slot, PAGETABLE), pa_of(root))
        world.store(CPUS, PROC)
        world.store(int(world.observer["list_heads"][0]), pa_of(410))
        world.forget()
        return world

    def test_to_its_own_page_no(self, shared: World) -> None:
        shared.store(pa_of(400), 1)
        assert not shared.rows

    def test_to_a_shared_page_once(self, shared: World) -> None:
        shared.store(pa_of(401), 1)
        shared.store(pa_of(401) + 8, 1)
        assert shared.believed.stores == [401]
        shared.store(pa_of(402), 1)
        shared.store(pa_of(401), 1)
        assert shared.believed.stores == [401, 402, 401]

    def test_to_another_process_page(self, shared: World) -> None:
        shared.store(pa_of(402), 1)
        assert shared.believed.stores == [402]
        assert shared.rows[0][PID] == FIRST_PID

    def test_to_a_free_page(self, shared: World) -> None:
        shared.store(pa_of(410) + 16, 1)
        assert shared.believed.stores == [410]

    def test_to_a_page_that_nobody_has_no(self, shared: World) -> None:
        shared.store(pa_of(420), 1)
        assert not shared.rows

    def test_to_a_page_table_no(self, shared: World) -> None:
        shared.store(pa_of(302) + 8 * 100, 0)
        assert not shared.rows

    def test_while_nothing_is_recorded_no(self, shared: World) -> None:
        shared.observer["active"] = 0
        shared.store(pa_of(401), 1)
        assert not shared.rows
        assert shared.board["dirty"][401] == 1


def test_the_column_pc_is_the_instructions(world: World) -> None:
    world.store(world.proc(0, SZ), 1)
    assert not world.rows  # a slot that never had a pid
    world.populate()
    assert {row[PC] for row in world.rows} == {0x8000}
