"""Address translation against an Sv39 walk written down from the specification, and against the emulator's own."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unicorn import riscv_const as rv
from unicorn import unicorn_const

from cowcheck.machine.board.engine import Engine, EngineError
from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE, PAGE, RAM_BYTES
from cowcheck.machine.board.walk import (
    FETCH,
    LOAD,
    NO_ADDRESS,
    STORE,
    is_ram,
    leaf_pte,
    load_word,
    mark_tables,
    translate,
)
from cowcheck.machine.program import encoding
from cowcheck.machine.program.encoding import Reg
from cowcheck.model import sv39

Ram = np.ndarray[Any, np.dtype[np.uint8]]

SUM, MXR, MPRV, MPP_AT = 1 << 18, 1 << 19, 1 << 17, 11
SV39 = 8 << 60
TABLES = 6  # frames that tables are made of, from the first of RAM on
MAXVA = 1 << 38
A, D, G = 1 << 6, 1 << 7, 1 << 5


def slow_walk(memory: dict[int, int], satp: int, va: int, access: int, mode: int, status: int) -> int | None:
    """Privileged architecture 1.12, section 4.3.2, step by step; None for a page fault. Bits A and D are hardware's.

    ``memory`` holds 8-byte words by physical address; what is not in it reads as 0.
    """
    if mode == 3 or satp >> 60 == 0:
        return va
    high = va >> 38
    if high not in (0, (1 << 26) - 1):  # bits 63 to 39 equal bit 38
        return None
    a, i = (satp & ((1 << 44) - 1)) * PAGE, 2
    while True:
        pte = memory.get(a + (va >> 12 + 9 * i & 0x1FF) * 8, 0)
        v, r, w, x, u = (bool(pte >> bit & 1) for bit in range(5))
        if not v or (not r and w):
            return None
        ppn = pte >> 10 & ((1 << 44) - 1)
        if r or x:
            break
        i -= 1
        if i < 0:
            return None
        a = ppn * PAGE
    allowed = {LOAD: r or (x and bool(status & MXR)), STORE: w, FETCH: x}[access]
    if mode == 0:
        allowed = allowed and u
    elif u:
        allowed = allowed and access != FETCH and bool(status & SUM)
    if not allowed or ppn & ((1 << 9 * i) - 1):
        return None
    low = (1 << 12 + 9 * i) - 1
    return (ppn * PAGE & ~low) | (va & low)


class Entry(NamedTuple):
    """A PTE at a place of one of the tables."""

    table: int
    place: int
    pte: int


INDICES = st.sampled_from([0, 1, 2, 3, 255, 256, 510, 511])
FLAGS = st.one_of(
    st.integers(0, 255),
    st.sampled_from([1, 7, 9, 11, 15, 23, 27, 31, 0, 16]).map(lambda flags: flags | A | D),
)
BRANCHES = st.integers(0, TABLES - 1).map(lambda table: sv39.make_pte(FIRST_PPN + table, sv39.PTE_V))
PPNS = st.one_of(
    st.integers(FIRST_PPN, FIRST_PPN + FRAMES - 1),
    st.integers(FIRST_PPN, FIRST_PPN + FRAMES - 1).map(lambda ppn: ppn & ~0x1FF),
    st.integers(0, (1 << 44) - 1),
    st.sampled_from([0, 1 << 18, FIRST_PPN - 1, FIRST_PPN + FRAMES, 0x80000]),
)
LEAVES = st.builds(lambda ppn, flags, rsw: sv39.make_pte(ppn, flags | rsw << 8), PPNS, FLAGS, st.integers(0, 3))
ENTRIES = st.lists(
    st.builds(Entry, st.integers(0, TABLES - 1), INDICES, st.one_of(BRANCHES, LEAVES, LEAVES)), max_size=14
)
CHAINS = st.tuples(INDICES, INDICES, INDICES, LEAVES)
ADDRESSES = st.one_of(
    st.builds(
        lambda indices, offset, high: (
            (indices[0] << 30 | indices[1] << 21 | indices[2] << 12 | offset)
            | (((1 << 25) - 1) << 39 if indices[0] >= 256 and high else 0)
        ),
        st.tuples(INDICES, INDICES, INDICES),
        st.integers(0, 4095),
        st.booleans(),
    ),
    st.integers(0, (1 << 64) - 1),
    st.sampled_from([0, MAXVA - 1, MAXVA, MAXVA + 1, (1 << 64) - MAXVA, (1 << 64) - MAXVA - 1, (1 << 64) - 1, 1 << 63]),
)


def tables_of(entries: list[Entry], chains: list[tuple[int, int, int, int]]) -> dict[int, int]:
    """Words of memory by address: the chains lead from the first table through two more each, the entries overwrite."""
    memory = {}
    for number, (first, second, third, leaf) in enumerate(chains):
        middle, last = 1 + number % 2, 3 + number % 3
        memory[KERNBASE + first * 8] = sv39.make_pte(FIRST_PPN + middle, sv39.PTE_V)
        memory[KERNBASE + middle * PAGE + second * 8] = sv39.make_pte(FIRST_PPN + last, sv39.PTE_V)
        memory[KERNBASE + last * PAGE + third * 8] = leaf
    for entry in entries:
        memory[KERNBASE + entry.table * PAGE + entry.place * 8] = entry.pte
    return memory


def fill(ram: Ram, memory: dict[int, int]) -> None:
    """RAM with these words in the tables, and nothing else there."""
    ram[: TABLES * PAGE] = 0
    words = ram[: TABLES * PAGE].view(np.uint64)
    for address, value in memory.items():
        words[(address - KERNBASE) // 8] = value


@pytest.fixture(scope="module")
def ram() -> Ram:
    return np.zeros(RAM_BYTES, np.uint8)


CASES = st.tuples(ENTRIES, st.lists(CHAINS, min_size=1, max_size=4), st.lists(ADDRESSES, min_size=1, max_size=6))


def near(chains: list[tuple[int, int, int, int]], addresses: list[int]) -> list[int]:
    """The addresses, and for each chain the one that it maps, with the offset and the highest bits of one of them."""
    found = list(addresses)
    for number, (first, second, third, _) in enumerate(chains):
        other = addresses[number % len(addresses)]
        va = first << 30 | second << 21 | third << 12 | other & 0xFFF
        found += [va | ((1 << 25) - 1) << 39 if first >= 256 else va, va | other & ~((1 << 39) - 1)]
    return found


@settings(max_examples=150, deadline=None)
@given(case=CASES, mode=st.sampled_from([0, 1, 3]), status=st.sampled_from([0, SUM, MXR, SUM | MXR]))
def test_it_is_the_specifications_walk(ram: Ram, case: Any, mode: int, status: int) -> None:
    entries, chains, addresses = case
    memory = tables_of(entries, chains)
    fill(ram, memory)
    satp = SV39 | FIRST_PPN
    for va in near(chains, addresses):
        for access in (LOAD, STORE, FETCH):
            due = slow_walk(memory, satp, va, access, mode, status)
            found = int(translate(ram, np.uint64(satp), np.uint64(status), mode, np.uint64(va), access))
            assert found == (int(NO_ADDRESS) if due is None else due), (hex(va), access)


def test_the_walk_is_not_vacuous(ram: Ram) -> None:
    """A page that is there is found, by hand: 3 levels, a superpage of 2 MiB, one of 1 GiB."""
    leaf = sv39.make_pte(FIRST_PPN + 100, sv39.PTE_V | sv39.PTE_R | sv39.PTE_U)
    memory = {
        KERNBASE: sv39.make_pte(FIRST_PPN + 1, sv39.PTE_V),
        KERNBASE + PAGE + 8: sv39.make_pte(FIRST_PPN + 2, sv39.PTE_V),
        KERNBASE + 2 * PAGE + 16: leaf,
        KERNBASE + PAGE + 16: sv39.make_pte(FIRST_PPN + 512, sv39.PTE_V | sv39.PTE_R | sv39.PTE_W),
        KERNBASE + 8: sv39.make_pte(0x80000, sv39.PTE_V | sv39.PTE_X),
        KERNBASE + 16: sv39.make_pte(0x80001, sv39.PTE_V | sv39.PTE_X),  # not aligned to its size
    }
    fill(ram, memory)
    satp, small, middle, large = np.uint64(SV39 | FIRST_PPN), 0x202123, 0x400000 + 0x3123, (1 << 30) + 0x12345678

    def at(va: int, access: int, mode: int) -> int:
        return int(translate(ram, satp, np.uint64(0), mode, np.uint64(va), access))

    assert at(small, LOAD, 0) == (FIRST_PPN + 100) * PAGE + 0x123
    assert at(small, LOAD, 1) == at(small, STORE, 0) == int(NO_ADDRESS)
    assert at(middle, STORE, 1) == (FIRST_PPN + 512) * PAGE + 0x3123
    assert at(large, FETCH, 1) == 0x8000_0000 + 0x12345678
    assert at(2 << 30, FETCH, 1) == int(NO_ADDRESS)
    assert int(leaf_pte(ram, FIRST_PPN, small)) == leaf
    within = int(leaf_pte(ram, FIRST_PPN, middle))
    assert (sv39.pte_ppn(within), within & sv39.FLAG_MASK) == (
        FIRST_PPN + 512 + 3,
        memory[KERNBASE + PAGE + 16] & 0x3FF,
    )


def test_bare_and_machine_mode_translate_nothing(ram: Ram) -> None:
    assert int(translate(ram, np.uint64(FIRST_PPN), np.uint64(0), 1, np.uint64(1 << 63), LOAD)) == 1 << 63
    assert int(translate(ram, np.uint64(SV39 | 1), np.uint64(0), 3, np.uint64(1 << 50), STORE)) == 1 << 50


@settings(max_examples=60, deadline=None)
@given(offset=st.integers(-16, 16), size=st.integers(1, 8), end=st.booleans(), value=st.integers(0, (1 << 64) - 1))
def test_words_at_the_ends_of_ram(ram: Ram, offset: int, size: int, end: bool, value: int) -> None:
    ram[:16] = ram[-16:] = list(value.to_bytes(8, "little") * 2)
    pa = KERNBASE + (RAM_BYTES if end else 0) + offset
    whole = pa >= KERNBASE and pa + size <= KERNBASE + RAM_BYTES
    due = int.from_bytes(ram[pa - KERNBASE : pa - KERNBASE + size].tobytes(), "little") if whole else 0
    assert int(load_word(ram, np.uint64(pa), size)) == due
    assert bool(is_ram(np.uint64(pa))) == (KERNBASE <= pa < KERNBASE + RAM_BYTES)


@settings(max_examples=60, deadline=None)
@given(entries=ENTRIES, chains=st.lists(CHAINS, max_size=4))
def test_the_tables_in_use_are_marked(ram: Ram, entries: list[Entry], chains: list[tuple[int, int, int, int]]) -> None:
    memory = tables_of(entries, chains)
    fill(ram, memory)
    due, level = {0}, {0}
    for _ in range(2):
        level = {
            sv39.pte_ppn(pte) - FIRST_PPN
            for table in level
            for index in range(512)
            if (pte := memory.get(KERNBASE + table * PAGE + index * 8, 0)) & 15 == sv39.PTE_V
        }
        level = {frame for frame in level if 0 <= frame < FRAMES}
        due |= level
    marks = np.zeros(FRAMES, np.uint8)
    mark_tables(ram, np.uint64(SV39 | FIRST_PPN), marks)
    assert set(np.flatnonzero(marks).tolist()) == due
    marks[:] = 0
    for satp in (FIRST_PPN, SV39 | 1, SV39 | (FIRST_PPN + FRAMES)):  # bare; not in RAM
        mark_tables(ram, np.uint64(satp), marks)
    assert not marks.any()


class Emulated:
    """One access under MPRV, carried out by Unicorn: machine mode fetches, the mode in MPP loads and stores."""

    CODE = KERNBASE + 0x40_0000

    def __init__(self) -> None:
        self.engine = Engine()
        uc = self.engine.uc
        code = (encoding.lbu(Reg.A1, Reg.A0, 0), encoding.NOP, encoding.sb(Reg.A1, Reg.A0, 0), encoding.NOP)
        uc.mem_write(self.CODE, b"".join(item.to_bytes(4, "little") for item in code))
        self.faults: list[int] = []

        def on_interrupt(engine: Any, number: int, user: Any) -> None:
            self.faults.append(number)
            uc.emu_stop()

        uc.hook_add(unicorn_const.UC_HOOK_INTR, on_interrupt)

    def faults_at(self, va: int, access: int, mode: int, status: int) -> int:
        """The cause of the exception, 0 for none; an address that is not there counts as none."""
        engine = self.engine
        self.faults.clear()
        for register, value in (
            (rv.UC_RISCV_REG_PRIV, 3),
            (rv.UC_RISCV_REG_SATP, SV39 | FIRST_PPN),
            (rv.UC_RISCV_REG_MSTATUS, status | MPRV | mode << MPP_AT),
            (rv.UC_RISCV_REG_A0, va),
            (rv.UC_RISCV_REG_A1, 0),
        ):
            engine.write(register, value)
        engine.forget_translations()
        start = self.CODE + (8 if access == STORE else 0)
        with suppress(EngineError):  # where no memory is
            engine.uc.emu_start(start, start + 4, count=1)
        return self.faults[0] if self.faults else 0


@pytest.fixture(scope="module")
def emulated() -> Emulated:
    return Emulated()


@settings(max_examples=60, deadline=None)
@given(case=CASES, mode=st.sampled_from([0, 1]), status=st.sampled_from([0, SUM, MXR, SUM | MXR]))
def test_it_faults_where_the_emulator_does(emulated: Emulated, case: Any, mode: int, status: int) -> None:
    """Whatever else the board believes of an address would not be what the kernel meets."""
    entries, chains, addresses = case
    memory = {address: pte & ~(((1 << 44) - (1 << 20)) << 10) for address, pte in tables_of(entries, chains).items()}
    fill(emulated.engine.ram, memory)  # page numbers of 20 bits: beyond them Unicorn's own bus ends
    for va in near(chains, addresses):
        for access, cause in ((LOAD, 13), (STORE, 15)):
            fill(emulated.engine.ram, memory)
            found = translate(
                emulated.engine.ram, np.uint64(SV39 | FIRST_PPN), np.uint64(status), mode, np.uint64(va), access
            )
            due = cause if found == NO_ADDRESS else 0
            assert emulated.faults_at(va, access, mode, status) == due, (hex(va), access)
