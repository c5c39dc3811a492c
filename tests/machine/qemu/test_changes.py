"""Changes told after the fact: whatever was stored since the last look, what is believed then is what RAM holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.board.state import FRAMES, PAGE, RAM_BYTES
from cowcheck.machine.qemu.changes import catch_up
from cowcheck.machine.record.event import KIND, EventKind, ProcessState
from cowcheck.machine.record.observer import COUNTS_ARRAY, WATCH_DATA
from cowcheck.model.sv39 import PTE_R, PTE_U, PTE_V, PTE_W
from tests.machine.record.world import (
    COUNTS,
    FIRST_PID,
    HEADS,
    KILLED,
    PAGETABLE,
    PID_AT,
    SLOTS,
    STATE,
    TRAPFRAME,
    World,
    pa_of,
    pte_of,
)

ROOT, MIDDLE, LEAVES, FIRST_PAGE, PAGES = 300, 310, 320, 400, 12
USER_RW = PTE_V | PTE_R | PTE_W | PTE_U


class Looked(World):
    """A world that is looked at now and then. Process ``s`` has root ``ROOT + s``, one middle table and two of
    leaves."""

    def __init__(self) -> None:
        self.shadow = np.zeros(RAM_BYTES, np.uint8)
        self.fresh = np.zeros(FRAMES, np.uint8)
        super().__init__()
        self.listed: list[int] = []

    def start(self) -> None:
        """Every process has its tables, and nothing is mapped, free or counted."""
        self.clear()
        self.listed.clear()
        self.use_counts(COUNTS_ARRAY, 4, 4)
        for slot in range(SLOTS):
            self.put(self.proc(slot, PID_AT), FIRST_PID + slot, 4)
            self.put(self.proc(slot, STATE), ProcessState.RUNNABLE, 4)
            self.put(self.proc(slot, PAGETABLE), pa_of(ROOT + slot))
            self.put(pa_of(ROOT + slot), pte_of(MIDDLE + slot, PTE_V))
        self.shadow[:] = self.ram
        self.fresh[:] = 0
        self.begin()
        self.observer["active"] = 1

    def look(self, *, tell: bool = True) -> list[tuple[int, ...]]:
        """What is told of the changes since the last look."""
        known = len(self.rows)
        frames = np.flatnonzero(self.observer["watch"] & WATCH_DATA)
        catch_up(self.observer, self.board, self.events, self.ram, self.shadow, frames, self.fresh, tell)
        self.fold()
        return self.rows[known:]

    def change(self, kind: str, one: int, two: int, three: int) -> None:
        """Something that a kernel does, by three numbers."""
        slot, leaves = one % SLOTS, LEAVES + 2 * (one % SLOTS) + one // SLOTS % 2
        match kind:
            case "pte":
                flags = PTE_V | PTE_U | PTE_R | (PTE_W if three & 1 else 0) | (1 << 8 if three & 2 else 0)
                pte = pte_of(FIRST_PAGE + three % PAGES, flags) if three % 5 else 0
                self.put(pa_of(leaves) + 8 * (two % 6), pte)
            case "link":
                self.put(pa_of(MIDDLE + slot) + 8 * (one // SLOTS % 2), pte_of(leaves, PTE_V) if two % 3 else 0)
            case "root":
                self.put(self.proc(slot, PAGETABLE), pa_of(ROOT + slot) if two % 3 else 0)
            case "push" if FIRST_PAGE + PAGES + two % 8 not in self.listed:
                self.listed.insert(0, FIRST_PAGE + PAGES + two % 8)
                self.put(pa_of(self.listed[0]), self.get(HEADS[0]))
                self.put(HEADS[0], pa_of(self.listed[0]))
            case "pop" if self.listed:
                frame = self.listed.pop(0)
                self.put(HEADS[0], pa_of(self.listed[0]) if self.listed else 0)
                self.put(pa_of(frame), 0x0505_0505_0505_0505)
            case "count":
                self.put(COUNTS + 4 * (two % 64), three, 4)
            case "contents":
                self.put(pa_of(FIRST_PAGE + two % PAGES) + 8, three)


@pytest.fixture(scope="module")
def looked() -> Looked:
    return Looked()


numbers = st.integers(0, 999)
changes = st.tuples(
    st.sampled_from(["pte", "pte", "pte", "link", "link", "root", "push", "pop", "count", "contents"]),
    numbers,
    numbers,
    numbers,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(changes, max_size=12), min_size=1, max_size=6))
def test_what_is_believed_after_a_look_is_what_ram_holds(
    looked: Looked, batches: list[list[tuple[str, int, int, int]]]
) -> None:
    looked.start()
    for batch in batches:
        for kind, one, two, three in batch:
            looked.change(kind, one, two, three)
        looked.look()
        mappings = looked.slow_mappings()
        assert looked.believed.mappings == mappings
        assert looked.mapped() == looked.slow_mapped(mappings)
        assert looked.believed.lists == looked.slow_lists()
        for frame, count in looked.believed.counts.items():
            assert count == looked.get(COUNTS + 4 * frame, 4)
        assert looked.look() == []


def test_the_bits_that_the_hart_sets_are_no_change(looked: Looked) -> None:
    looked.start()
    looked.put(pa_of(MIDDLE), pte_of(LEAVES, PTE_V))
    looked.put(pa_of(LEAVES), pte_of(FIRST_PAGE, USER_RW))
    assert [row[KIND] for row in looked.look()] == [EventKind.OWN, EventKind.PTE]
    looked.put(pa_of(LEAVES), pte_of(FIRST_PAGE, USER_RW | 1 << 6 | 1 << 7))
    assert looked.look() == []


def test_a_process_is_named_before_it_lives_and_unmaps_before_it_is_gone(looked: Looked) -> None:
    looked.start()
    looked.put(pa_of(MIDDLE), pte_of(LEAVES, PTE_V))
    looked.put(pa_of(LEAVES), pte_of(FIRST_PAGE, USER_RW))
    looked.look()
    looked.put(looked.proc(0, STATE), ProcessState.UNUSED, 4)
    looked.put(looked.proc(0, PAGETABLE), 0)
    looked.put(looked.proc(0, PID_AT), 0, 4)
    told = [(row[KIND], row[5]) for row in looked.look() if row[KIND] in (EventKind.STATE, EventKind.PTE)]
    assert told == [(EventKind.PTE, FIRST_PID), (EventKind.STATE, FIRST_PID)]
    looked.put(looked.proc(0, STATE), ProcessState.USED, 4)
    looked.put(looked.proc(0, TRAPFRAME), pa_of(390))
    looked.put(looked.proc(0, PAGETABLE), pa_of(ROOT))
    looked.put(looked.proc(0, PID_AT), 77, 4)
    told = [(row[KIND], row[5]) for row in looked.look() if row[KIND] in (EventKind.STATE, EventKind.PTE)]
    assert told == [(EventKind.STATE, 77), (EventKind.PTE, 77)]


def test_a_kill_is_told_before_what_comes_of_it(looked: Looked) -> None:
    looked.start()
    looked.put(looked.proc(1, STATE), ProcessState.ZOMBIE, 4)
    looked.put(looked.proc(1, KILLED), 1, 4)
    assert [row[KIND] for row in looked.look()] == [EventKind.KILLED, EventKind.STATE]


def test_the_kernel_writing_to_a_shared_page_is_told_and_user_code_is_not(looked: Looked) -> None:
    looked.start()
    for slot in (0, 1):
        looked.put(pa_of(MIDDLE + slot), pte_of(LEAVES + 2 * slot, PTE_V))
        looked.put(pa_of(LEAVES + 2 * slot), pte_of(FIRST_PAGE, USER_RW))
    looked.look()
    for tell in (True, False):
        looked.put(pa_of(FIRST_PAGE) + PAGE - 8, 7 + tell)
        told = [row[KIND] for row in looked.look(tell=tell)]
        assert told == ([EventKind.STORE] if tell else [])
        looked.observer["last_store"][0] = -1


def test_a_frame_that_moves_between_free_lists_is_never_on_both(looked: Looked) -> None:
    looked.start()
    looked.observer["lists"] = 2
    for frame, after in ((450, 451), (451, 0)):
        looked.put(pa_of(frame), pa_of(after) if after else 0)
    looked.put(HEADS[0], pa_of(450))
    looked.look()
    assert looked.believed.lists == {450: 1, 451: 1}
    looked.put(HEADS[0], pa_of(451))
    looked.put(pa_of(450), 0)
    looked.put(HEADS[1], pa_of(450))
    steps = [row[6] for row in looked.look() if row[KIND] == EventKind.LIST]
    assert steps in ([], [-1, 1])
    assert looked.believed.lists == {450: 1, 451: 1}


def test_a_frame_that_is_freed_twice_is_on_the_list_twice(looked: Looked) -> None:
    looked.start()
    looked.put(pa_of(450), 0)
    looked.put(HEADS[0], pa_of(450))
    looked.look()
    looked.put(pa_of(450), pa_of(450))
    looked.look()
    assert looked.believed.lists == {450: 2}
    assert looked.look() == []
    looked.put(pa_of(450), 0x0505_0505_0505_0505)  # it is given out, and the head still leads to it
    looked.look()
    assert looked.believed.lists == {450: 1}
