"""Which frames a kernel can still reach: chains of words, page-table entries, and what is left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE, PAGE, SP, X0
from cowcheck.machine.record.event import ProcessState, Role
from cowcheck.machine.record.observer import NO_TABLE, OBSERVER
from cowcheck.machine.record.reach import FREE, KNOWN, MAPPED, REACHED, Reach
from cowcheck.machine.record.roots import accounted, data_ranges, harts_registers, kernel_pa, stacks, word
from cowcheck.model.sv39 import PTE_R, PTE_V, PTE_W
from tests.machine.record.world import World, pa_of, pte_of

FIRST = 600  # frames below are the kernel's image
POOL = range(FIRST, FIRST + 12)
ROOTS = pa_of(590)


def scan(world: World, accounted_for: dict[int, int] | None = None, words: list[int] | None = None) -> set[int]:
    """The frames that are reached from the words at ROOTS, and from ``words`` in registers."""
    known = np.zeros(FRAMES, np.uint8)
    for frame, how in (accounted_for or {}).items():
        known[frame] = how
    reach = Reach(world.ram, FIRST, known)
    reach.add_range(ROOTS, ROOTS + 256)
    reach.add(np.array(words or [], np.int64))
    found = reach.frames()
    assert all(found[frame] & how for frame, how in (accounted_for or {}).items())
    return set(np.flatnonzero(found == REACHED).tolist())


@settings(max_examples=60, deadline=None)
@given(
    roots=st.lists(st.sampled_from(POOL), max_size=3),
    edges=st.lists(st.tuples(st.sampled_from(POOL), st.sampled_from(POOL), st.integers(0, 511), st.integers(0, 4095))),
    stopped=st.dictionaries(st.sampled_from(POOL), st.sampled_from([FREE, MAPPED, KNOWN]), max_size=3),
)
def test_what_is_reached_is_what_a_graph_search_finds(
    shared_world: World, roots: list[int], edges: list[tuple[int, int, int, int]], stopped: dict[int, int]
) -> None:
    """What is accounted for already is not followed: a free frame's words are nobody's, a process's are its own."""
    world = shared_world
    world.clear()
    graph = networkx.DiGraph()
    graph.add_nodes_from(["roots", *POOL])
    for number, frame in enumerate(roots):
        world.put(ROOTS + 8 * number, pa_of(frame) + 16)
    words: dict[tuple[int, int], int] = {}
    for source, target, index, offset in edges:
        words[source, index] = target
        world.put(pa_of(source) + 8 * index, pa_of(target) + offset)
    graph.add_edges_from(("roots", frame) for frame in roots if frame not in stopped)
    graph.add_edges_from(
        (source, target) for (source, _), target in words.items() if source not in stopped and target not in stopped
    )
    assert scan(world, stopped) == networkx.descendants(graph, "roots")


def test_words_that_reach(world: World) -> None:
    for number, value in enumerate((
        pa_of(600), pa_of(601) + 4095, pte_of(602, PTE_V | PTE_R | PTE_W), pte_of(603, PTE_V),
        pa_of(599), pte_of(604, 0), pa_of(605) >> 12, KERNBASE - 1, KERNBASE + FRAMES * PAGE, 1, (1 << 64) - 1,
    )):  # fmt: skip
        world.put(ROOTS + 8 * number, value)
    assert scan(world) == {600, 601, 602, 603}


def test_registers_reach(world: World) -> None:
    world.put(pa_of(606), pa_of(607))
    assert scan(world, words=[0, -1, pa_of(606)]) == {606, 607}


@pytest.mark.parametrize(("first", "end"), [(ROOTS + 4, ROOTS + 24), (ROOTS + 8, ROOTS + 24), (ROOTS + 1, ROOTS + 31)])
def test_a_range_has_whole_words(world: World, first: int, end: int) -> None:
    for number in range(4):
        world.put(ROOTS + 8 * number, pa_of(600 + number))
    reach = Reach(world.ram, FIRST, np.zeros(FRAMES, np.uint8))
    reach.add_range(first, end)
    assert set(np.flatnonzero(reach.frames()).tolist()) == {601, 602}


def test_a_range_outside_ram_has_none(world: World) -> None:
    reach = Reach(world.ram, FIRST, np.zeros(FRAMES, np.uint8))
    reach.add_range(0, KERNBASE)
    reach.add_range(KERNBASE + FRAMES * PAGE, 1 << 62)
    reach.add_range(ROOTS + 8, ROOTS)
    assert not reach.frames().any()


# --- where the roots are ---

TEXT_END, END = pa_of(580), pa_of(598)
STACK0 = (pa_of(585), 2 * PAGE)
COUNTS = (pa_of(588), pa_of(592))
TABLE = pa_of(615)  # the kernel's page table, and two below it
POINTER = pa_of(581)  # the variable that leads to it
CONTEXT, CPU_CONTEXT = 0x80, 0x10
PROC, CPU = pa_of(594), pa_of(593)
HIGH = 0x3F_FFFF_D000  # where a kernel stack is mapped


class Hart:
    """Registers of several harts, as a board has them."""

    def __init__(self, pointers: list[int]) -> None:
        self.shared = {"hart": 1}
        self.harts = len(pointers)
        self.registers = [[hart << 8 | number for number in range(32)] for hart in range(self.harts)]
        for hart, pointer in enumerate(pointers):
            self.registers[hart][2] = pointer
        self.engine = SimpleNamespace(read=lambda register: self.registers[self.shared["hart"]][register - X0])

    def switch(self, hart: int) -> None:
        self.shared["hart"] = hart


def kernel(*, stack0: bool = True, context: bool = True) -> Any:
    """The layout that the roots are read by."""
    fields = {"context": SimpleNamespace(offset=CONTEXT)} if context else {}
    cpus = SimpleNamespace(
        layout=SimpleNamespace(fields={"context": 0} if context else {}),
        address_of=lambda hart, field: CPU + 0x80 * hart + CPU_CONTEXT,
    )
    layout = SimpleNamespace(
        stack0=STACK0 if stack0 else None,
        end=END,
        proc_fields=fields,
        cpus=cpus,
        variables={"kernel_pagetable": POINTER},
    )
    return SimpleNamespace(layout=layout)


def observer() -> Any:
    record = np.zeros(1, OBSERVER)[0]
    record["text_end"], record["image_end"] = TEXT_END, FIRST
    record["proc"], record["proc_stride"], record["slots"] = PROC, 0x100, 3
    record["hart_slot"] = NO_TABLE
    return record


def test_counts_and_boot_stacks_are_no_roots() -> None:
    record = observer()
    assert data_ranges(kernel(stack0=False), record) == [(TEXT_END, END)]
    assert data_ranges(kernel(), record) == [(TEXT_END, STACK0[0]), (STACK0[0] + STACK0[1], END)]
    record["counts"], record["count_first"], record["count_end"] = 1, *COUNTS
    assert data_ranges(kernel(), record) == [
        (TEXT_END, STACK0[0]),
        (STACK0[0] + STACK0[1], COUNTS[0]),
        (COUNTS[1], END),
    ]


def prepared(world: World) -> None:
    """The kernel's page table maps HIGH to frame 610, and RAM where it is.

    Process 0 waits there, process 1 has a stack in RAM, process 2 is unused.
    """
    world.put(POINTER, TABLE)
    for table, shift, entry in (
        (TABLE, 30, pte_of(616, PTE_V)), (pa_of(616), 21, pte_of(617, PTE_V)),
        (pa_of(617), 12, pte_of(610, PTE_V | PTE_R)),
    ):  # fmt: skip
        world.put(table + 8 * (HIGH >> shift & 511), entry)
    world.put(TABLE + 8 * 2, pte_of(0, PTE_V | PTE_R | PTE_W))
    for slot, pointer in enumerate((HIGH + 0x800, pa_of(611) + 0xFF0, pa_of(612))):
        world.put(PROC + 0x100 * slot + CONTEXT + 8, pointer)
    for hart, pointer in enumerate((pa_of(613) + 8, 0x1234)):
        world.put(CPU + 0x80 * hart + CPU_CONTEXT + 8, pointer)


def test_the_parts_of_stacks_that_are_in_use(world: World) -> None:
    prepared(world)
    record = observer()
    record["slot_state"][:3] = (ProcessState.SLEEPING, ProcessState.RUNNABLE, ProcessState.UNUSED)
    pointers = np.array([HIGH + 0x10, pa_of(614)], np.uint64)
    found = stacks(SimpleNamespace(ram=world.ram, harts=2), kernel(), record, pointers)  # type: ignore[arg-type]
    assert found == [
        (pa_of(610) + 0x10, pa_of(611)),
        (pa_of(614), pa_of(615)),
        (pa_of(610) + 0x800, pa_of(611)),
        (pa_of(611) + 0xFF0, pa_of(612)),
        (pa_of(613) + 8, pa_of(614)),
    ]
    bare = stacks(SimpleNamespace(ram=world.ram, harts=2), kernel(context=False), record, pointers)  # type: ignore[arg-type]
    assert bare == found[:2]
    record["hart_slot"][1] = 1  # it runs: what it saved when it last slept says nothing
    running = stacks(SimpleNamespace(ram=world.ram, harts=2), kernel(), record, pointers)  # type: ignore[arg-type]
    assert running == [*found[:3], found[4]]


def test_addresses_of_the_kernels_own_page_table(world: World) -> None:
    prepared(world)
    addresses = (pa_of(630) + 3, HIGH + 5, HIGH + PAGE, 1 << 38, -8, 0)
    assert [kernel_pa(world.ram, kernel(), va) for va in addresses] == [
        pa_of(630) + 3,
        pa_of(610) + 5,
        None,
        None,
        None,
        None,
    ]
    world.put(POINTER, 0)
    assert kernel_pa(world.ram, kernel(), HIGH) is None


def test_the_kernels_page_table_leads_nowhere(world: World) -> None:
    """It maps all of RAM, page by page or in larger pieces; only what it maps elsewhere is in use by that."""
    world.put(POINTER, TABLE)
    world.put(TABLE + 8 * 2, pte_of(616, PTE_V))
    for index in range(512):
        world.put(pa_of(616) + 8 * index, pte_of(512 * index, PTE_V | PTE_R))  # 2 MiB each
    world.put(pa_of(616) + 8 * 1, pte_of(617, PTE_V))
    for index in range(512):
        world.put(pa_of(617) + 8 * index, pte_of(512 + index, PTE_V | PTE_R))
    world.put(TABLE + 8 * 255, pte_of(618, PTE_V))
    world.put(pa_of(618) + 8 * 511, pte_of(619, PTE_V))
    for index, frame in enumerate((700, 701)):
        world.put(pa_of(619) + 8 * (500 + index), pte_of(frame, PTE_V | PTE_R | PTE_W))
    world.put(pa_of(619), 0x1000 << 10 | PTE_V | PTE_R)  # a device
    world.put(pa_of(618), pte_of(0x1000, PTE_V | PTE_R))  # a large page elsewhere
    known = np.zeros(FRAMES, np.uint8)
    reach = Reach(world.ram, FIRST, known)
    reach.add_kernel(TABLE)
    reach.add_kernel(0)
    reach.add_kernel(KERNBASE - PAGE)
    reach.add(np.array([TABLE], np.int64))
    found = np.flatnonzero(reach.frames())
    assert set(found.tolist()) == {615, 616, 617, 618, 619, 700, 701} | set(range(0x1000, 0x1200))


def test_words_of_memory(world: World) -> None:
    world.put(pa_of(620), 0x1122334455667788)
    assert word(world.ram, pa_of(620)) == 0x1122334455667788
    assert [word(world.ram, address) for address in (0, KERNBASE - 1, KERNBASE + FRAMES * PAGE - 7)] == [0, 0, 0]


def test_the_board_goes_on_with_the_hart_that_it_had() -> None:
    """A report's answer is written to the registers of the hart that reported."""
    harts = Hart([7, 8, 9])
    registers = harts_registers(harts)  # type: ignore[arg-type]
    assert harts.shared["hart"] == 1
    assert registers[:, SP - X0].tolist() == [7, 8, 9]
    assert registers[2, 31] == 2 << 8 | 31


def test_a_frame_is_lost_where_nothing_leads_to_it(world: World) -> None:
    """Everything together: variables, stacks, registers; roles that are known, and those that are to be found anew."""
    prepared(world)
    record = observer()
    record["slot_state"][:2] = ProcessState.SLEEPING
    record["on_list"][700], record["mapped"][701], record["role"][702] = 1, 2, Role.PAGE_TABLE
    record["role"][703], record["role"][704] = Role.OBJECT, Role.LOST
    world.put(pa_of(582), pa_of(705))  # a variable
    world.put(pa_of(705) + 8, pa_of(703))  # and a chain
    world.put(pa_of(610) + 0x900, pa_of(706))  # on a stack in use
    world.put(pa_of(610) + 0x700, pa_of(707))  # below its pointer
    world.put(STACK0[0], pa_of(708))
    world.put(COUNTS[0] + 16, pa_of(709))
    record["counts"], record["count_first"], record["count_end"] = 2, *COUNTS
    harts = Hart([0, 0])
    harts.registers[1][10] = pa_of(710)
    board = SimpleNamespace(ram=world.ram, harts=2, shared=harts.shared, switch=harts.switch, engine=harts.engine)
    found = accounted(board, kernel(), record).frames()  # type: ignore[arg-type]
    assert [int(found[frame]) for frame in (610, 615, 616, 617)] == [KNOWN] * 4
    how = {frame: int(found[frame]) for frame in range(700, 711)}
    assert how == {
        700: FREE, 701: MAPPED, 702: KNOWN, 703: REACHED, 704: 0, 705: REACHED, 706: REACHED, 707: 0, 708: 0, 709: 0,
        710: REACHED,
    }  # fmt: skip
    assert FIRST_PPN << 12 == KERNBASE
