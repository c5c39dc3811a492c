"""``memset`` and ``memmove`` carried out at once are what the kernel's own loops do: memory, and what is told of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.board.state import KERNBASE, PAGE, RAM_BYTES
from cowcheck.machine.program import encoding
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.record.observer import COUNTS_ARRAY
from cowcheck.machine.record.strings import on_memmove, on_memset
from cowcheck.model.sv39 import PTE_R, PTE_U, PTE_V, PTE_W
from tests.machine.board.bare import Program
from tests.machine.record.machine import Machine
from tests.machine.record.world import COUNTS, HEADS, PAGETABLE, World, pa_of, pte_of

RWU = PTE_V | PTE_R | PTE_W | PTE_U
USED = 0x60_0000  # bytes of RAM that the tests use


def routines() -> Program:
    """xv6's kernel/string.c, as a compiler may have it; ``n`` is a uint."""
    program = Program()
    program.label("memset")
    program.emit(encoding.slli(Reg.T1, Reg.A2, 32), encoding.srli(Reg.T1, Reg.T1, 32), encoding.addi(Reg.T0, Reg.A0, 0))
    program.label("set")
    program.beq(Reg.T1, Reg.ZERO, "return")
    program.emit(encoding.sb(Reg.A1, Reg.T0, 0), encoding.addi(Reg.T0, Reg.T0, 1), encoding.addi(Reg.T1, Reg.T1, -1))
    program.j("set")
    program.label("return")
    program.ret()
    program.label("memmove")
    program.emit(encoding.slli(Reg.T1, Reg.A2, 32), encoding.srli(Reg.T1, Reg.T1, 32), encoding.addi(Reg.T0, Reg.A0, 0))
    program.emit(encoding.addi(Reg.T2, Reg.A1, 0), encoding.add(Reg.T3, Reg.A1, Reg.T1))
    program.bge(Reg.T2, Reg.T0, "forwards")  # addresses below 2^63
    program.bge(Reg.T0, Reg.T3, "forwards")
    program.emit(encoding.add(Reg.T0, Reg.T0, Reg.T1), encoding.add(Reg.T2, Reg.T2, Reg.T1))
    program.label("backwards")
    program.beq(Reg.T1, Reg.ZERO, "return")
    program.emit(
        encoding.addi(Reg.T0, Reg.T0, -1), encoding.addi(Reg.T2, Reg.T2, -1), encoding.addi(Reg.T1, Reg.T1, -1)
    )
    program.emit(encoding.lbu(Reg.T4, Reg.T2, 0), encoding.sb(Reg.T4, Reg.T0, 0))
    program.j("backwards")
    program.label("forwards")
    program.beq(Reg.T1, Reg.ZERO, "return")
    program.emit(encoding.lbu(Reg.T4, Reg.T2, 0), encoding.sb(Reg.T4, Reg.T0, 0))
    program.emit(encoding.addi(Reg.T0, Reg.T0, 1), encoding.addi(Reg.T2, Reg.T2, 1), encoding.addi(Reg.T1, Reg.T1, -1))
    program.j("forwards")
    program.label("back")
    program.stop()
    return program


class Pair(NamedTuple):
    """Two machines: one runs the loops, the other does them at once."""

    slow: Machine
    fast: Machine


@pytest.fixture(scope="module")
def pair() -> Pair:
    pair = Pair(Machine(routines()), Machine(routines()))
    pair.fast.hook(on_memset, "memset")
    pair.fast.hook(on_memmove, "memmove")
    return pair


def prepared(machine: Machine) -> World:
    """Two processes share frame 401; frame 410 is free; the counts are shorts; memory holds a pattern."""
    world = machine.clean()
    world.use_counts(COUNTS_ARRAY, 2, 2)
    world.populate()
    for frame in (400, 401, 402, 410, 411, 420, 421, 422):
        world.ram[frame * PAGE : (frame + 1) * PAGE] = (np.arange(PAGE) * 7 + frame) % 251
        world.touched.add(frame)
    for slot, root, frames in ((0, 300, (400, 401)), (1, 303, (401, 402))):
        world.store(pa_of(root), pte_of(root + 1, PTE_V))
        world.store(pa_of(root + 1), pte_of(root + 2, PTE_V))
        for index, frame in enumerate(frames):
            world.store(pa_of(root + 2) + 8 * index, pte_of(frame, RWU))
        world.store(world.proc(slot, PAGETABLE), pa_of(root))
    for index in range(40):
        world.put(pa_of(421) + 8 * index, pte_of(400 + index % 4, RWU))
    world.put(pa_of(410), 0)
    world.store(HEADS[0], pa_of(410))
    for index in range(64):
        world.put(COUNTS + 2 * (600 + index), index, 2)
    return world


def both(pair: Pair, routine: str, registers: dict[int, int]) -> World:
    """Runs a routine on both machines and compares everything; gives the fast one's world."""
    for machine in pair:
        before = prepared(machine).ram[:USED].copy()
        machine.call(routine, registers)
    slow, fast = pair.slow.world, pair.fast.world
    assert np.array_equal(slow.ram[:USED], fast.ram[:USED])
    changed = np.flatnonzero((before != fast.ram[:USED]).reshape(-1, PAGE).any(axis=1))
    assert pair.fast.board.shared["dirty"][changed].all()
    for name in ("mappings", "lists", "counts", "roles", "states", "sizes", "runs", "killed"):
        assert getattr(slow.believed, name) == getattr(fast.believed, name), name
    assert set(slow.believed.stores) == set(fast.believed.stores)
    for field in ("mapped", "watch", "role", "on_list", "table_slot"):
        assert np.array_equal(slow.observer[field], fast.observer[field]), field
    assert pair.fast.register(Reg.A0) == pair.slow.register(Reg.A0) == registers[Reg.A0]
    return fast


# Tables of the lowest level, pages of all kinds, and the counts; no right kernel fills a table that others hang from.
PLACES = st.one_of(
    st.builds(
        lambda frame, at: pa_of(frame) + at, st.sampled_from([302, 305, 400, 401, 402, 411, 420]), st.integers(0, 4095)
    ),
    st.integers(0, 200).map(lambda at: COUNTS + 1100 + at),
    st.sampled_from([pa_of(302), pa_of(305), pa_of(401), pa_of(302) + 4, pa_of(410) + 8]),
)
LENGTHS = st.one_of(st.integers(0, 40), st.sampled_from([8, 4095, 4096]))
SOURCES = st.one_of(PLACES, st.integers(0, 4095).map(lambda at: pa_of(421) + at))


def clear_of_links(start: int, count: int) -> bool:
    """Neither a table with branches in it nor the free page's link is written to."""
    frames = range((start - KERNBASE) // PAGE, (start + max(count, 1) - 1 - KERNBASE) // PAGE + 1)
    return not {300, 301, 303, 304} & set(frames) and not (410 in frames and start < pa_of(410) + 8)


@settings(max_examples=50, deadline=None)
@given(start=PLACES, count=LENGTHS, byte=st.sampled_from([0, 1, 5, 0x107, 255]))
def test_memset(pair: Pair, start: int, count: int, byte: int) -> None:
    if clear_of_links(start, count):
        both(pair, "memset", {Reg.A0: start, Reg.A1: byte, Reg.A2: count})


@settings(max_examples=80, deadline=None)
@given(start=PLACES, source=SOURCES, count=LENGTHS, near=st.one_of(st.none(), st.integers(-40, 40)))
def test_memmove(pair: Pair, start: int, source: int, count: int, near: int | None) -> None:
    """Among it ranges that overlap."""
    if clear_of_links(start, count):
        both(pair, "memmove", {Reg.A0: start, Reg.A1: source if near is None else start + near, Reg.A2: count})


def test_a_page_table_that_is_filled_maps_nothing(pair: Pair) -> None:
    world = both(pair, "memset", {Reg.A0: pa_of(302), Reg.A1: 0, Reg.A2: PAGE})
    assert {vpn for pid, vpn in world.believed.mappings if pid == 11} == set()
    assert world.believed.mappings


def test_a_page_table_that_is_copied_maps_the_same(pair: Pair) -> None:
    world = both(pair, "memmove", {Reg.A0: pa_of(302), Reg.A1: pa_of(421), Reg.A2: PAGE})
    assert world.believed.mappings == world.slow_mappings()
    assert sum(pid == 11 for pid, _ in world.believed.mappings) > 40


def test_a_shared_page_that_is_written_is_told_once(pair: Pair) -> None:
    world = both(pair, "memset", {Reg.A0: pa_of(401), Reg.A1: 1, Reg.A2: PAGE})
    assert world.believed.stores == [401]


def test_a_length_has_32_bits(pair: Pair) -> None:
    both(pair, "memset", {Reg.A0: pa_of(411), Reg.A1: 1, Reg.A2: (7 << 32) + 16})


def test_it_is_done_at_once(pair: Pair) -> None:
    """The blocks that run are those of the call, not of a loop."""
    prepared(pair.fast)
    before = int(pair.fast.board.shared["retired"])
    pair.fast.call("memset", {Reg.A0: pa_of(420), Reg.A1: 1, Reg.A2: 2 * PAGE})
    assert int(pair.fast.board.shared["retired"]) - before < 100
    assert pair.fast.world.ram[420 * PAGE : 422 * PAGE].tolist() == [1] * 2 * PAGE


@pytest.mark.parametrize(
    ("start", "source"),
    [
        pytest.param(KERNBASE + 0x3000, pa_of(400), id="over the kernel's text"),
        pytest.param(pa_of(400), KERNBASE - 8, id="from no memory"),
        pytest.param(KERNBASE + RAM_BYTES - 4, pa_of(400), id="over the end of RAM"),
    ],
)
def test_other_ranges_are_left_to_the_kernel(pair: Pair, start: int, source: int) -> None:
    """There the kernel's own loop runs, and comes to grief as it would."""
    prepared(pair.fast)
    machine = pair.fast
    before = machine.board.ram[:USED].copy()
    machine.set({Reg.A0: start, Reg.A1: source, Reg.A2: 8, Reg.T1: 0})
    machine.board.shared["ran"], machine.board.shared["turn"] = 0, 1000
    pc = machine.program.address_of("memmove")
    machine.board.engine.uc.emu_start(pc, pc + 12, count=3)
    assert machine.register(Reg.T1) == 8  # its first instructions ran
    assert np.array_equal(machine.board.ram[:USED], before)
