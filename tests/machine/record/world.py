"""A kernel's memory without a kernel: tables in a RAM of our own, stores that the recorder sees, and what it tells,
folded.

Every store is put through the recorder's code and then done, as the emulator does it. ``fold`` makes of the events what
a verifier would believe; the ``slow_...`` functions read the same from RAM, whole, in plain Python. The law is that
both are equal, after every store.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cowcheck.machine.board.state import BOARD, FIRST_PPN, FRAMES, KERNBASE, PAGE, RAM_BYTES
from cowcheck.machine.native import address_of
from cowcheck.machine.record.begin import begin
from cowcheck.machine.record.event import KIND, WIDTH, A, B, C, D, EventKind, ProcessState, Role
from cowcheck.machine.record.observer import CAPACITY, CLEARED, NO_TABLE, OBSERVER, TRAPFRAME_VPN, WATCH_DATA
from cowcheck.machine.record.stores import stored
from cowcheck.model.sv39 import PTE_R, PTE_V, PTE_W, PTE_X, pte_ppn

SLOTS, STRIDE = 4, 0x100
STATE, KILLED, PID_AT, SZ, PAGETABLE, TRAPFRAME = 0x18, 0x28, 0x30, 0x48, 0x50, 0x58
PROC = KERNBASE + 0x8000
CPUS, CPU_STRIDE, CPU_PROC, HARTS = KERNBASE + 0xA000, 128, 0, 2
HEADS = (KERNBASE + 0xB008, KERNBASE + 0xB028)
COUNTS = KERNBASE + 0x1_0000
IMAGE_END = 256  # frame index: the counts lie below
FIRST_PID = 11
STATES = (0, 1, 2, 3, 4, 5, 0, 0)  # the kernel's numbers are ProcessState's
LEAF = PTE_R | PTE_W | PTE_X

Mappings = dict[tuple[int, int], int]  # (pid, vpn): pte


def pa_of(frame: int) -> int:
    """The physical address of a frame, by its index."""
    return KERNBASE + frame * PAGE


def pte_of(frame: int, flags: int) -> int:
    """The PTE that leads to a frame, by its index."""
    return FIRST_PPN + frame << 10 | flags


def signed(value: int) -> int:
    value %= 1 << 64
    return value - (1 << 64) if value >> 63 else value


@dataclass
class Believed:
    """What the events told so far."""

    mappings: Mappings = field(default_factory=dict)
    lists: Counter[int] = field(default_factory=Counter)
    counts: dict[int, int] = field(default_factory=dict)
    roles: dict[int, int] = field(default_factory=dict)
    states: dict[int, int] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    runs: dict[int, int] = field(default_factory=dict)
    killed: set[int] = field(default_factory=set)
    stores: list[int] = field(default_factory=list)

    def take(self, row: Any) -> None:
        """One event; an ``old`` that is not what was told before is a contradiction."""
        kind = EventKind(int(row[KIND]))
        a, b, c, d = (int(row[column]) for column in (A, B, C, D))
        match kind:
            case EventKind.PTE:
                assert self.mappings.get((a, b), 0) == c, "old is not what was told"
                assert c != d
                self.mappings[a, b] = d
                if d == 0:
                    del self.mappings[a, b]
            case EventKind.LIST:
                self.lists[a - FIRST_PPN] += b
                assert self.lists[a - FIRST_PPN] >= 0
                if not self.lists[a - FIRST_PPN]:
                    del self.lists[a - FIRST_PPN]
            case EventKind.COUNT:
                self.counts[a - FIRST_PPN] = c
            case EventKind.OWN:
                self.roles[a - FIRST_PPN] = b
            case EventKind.STATE:
                self.states[a] = b
            case EventKind.SIZE:
                self.sizes[a] = b
            case EventKind.RUN:
                self.runs[int(row[1])] = a
            case EventKind.KILLED:
                self.killed.add(a)
            case EventKind.STORE:
                self.stores.append(a - FIRST_PPN)
            case _:
                raise AssertionError(kind)


class World:
    """RAM, the two records and the events."""

    def __init__(self, ram: np.ndarray[Any, np.dtype[np.uint8]] | None = None) -> None:
        self.ram = np.zeros(RAM_BYTES, np.uint8) if ram is None else ram
        self.board_record, self.record = np.zeros(1, BOARD), np.zeros(1, OBSERVER)
        self.board, self.observer = self.board_record[0], self.record[0]
        self.events = np.zeros((CAPACITY, WIDTH), np.int64)  # of which few rows are ever used, and taken from memory
        self.touched: set[int] = set()
        self.believed = Believed()
        self.rows: list[tuple[int, ...]] = []
        self.clear()

    def clear(self) -> None:
        """Everything as it was in the beginning; only frames that were touched are cleaned."""
        for frame in self.touched:
            self.ram[frame * PAGE : (frame + 1) * PAGE] = 0
        self.touched.clear()
        self.board_record[:] = np.zeros(1, BOARD)
        self.record[:] = np.zeros(1, OBSERVER)
        observer = self.observer
        observer["events"] = address_of(self.events)
        for name in (*CLEARED, "table_slot", "mapper"):
            self.record[name] = NO_TABLE
        for name, value in {
            "proc": PROC, "proc_end": PROC + SLOTS * STRIDE, "proc_stride": STRIDE, "slots": SLOTS, "pid_at": PID_AT,
            "state_at": STATE, "killed_at": KILLED, "killed_size": 4, "sz_at": SZ, "pagetable_at": PAGETABLE,
            "trapframe_at": TRAPFRAME, "cpus": CPUS, "cpus_end": CPUS + HARTS * CPU_STRIDE, "cpu_stride": CPU_STRIDE,
            "cpu_proc_at": CPU_PROC, "lists": 1, "next_at": 0, "image_end": IMAGE_END, "text_end": KERNBASE + 0x4000,
            "active": 1,
        }.items():  # fmt: skip
            observer[name] = value
        observer["state_names"][:] = STATES
        observer["list_heads"][: len(HEADS)] = HEADS
        observer["watch"][8:12] |= WATCH_DATA
        self.forget()

    def forget(self) -> None:
        """Starts to believe anew."""
        observer = self.observer
        observer["count"] = 0
        self.believed = Believed()
        self.rows.clear()

    def use_counts(self, kind: int, stride: int, width: int, offset: int = 0, **others: int) -> None:
        """Where the reference counts are: from COUNTS on, an entry a frame."""
        observer = self.observer
        observer["counts"], observer["count_base"], observer["count_stride"] = kind, COUNTS, stride
        observer["count_width"], observer["count_offset"] = width, offset
        observer["count_first"], observer["count_end"] = COUNTS, COUNTS + stride * 1024
        for name, value in others.items():
            observer[name] = value
        observer["watch"][(COUNTS - KERNBASE) // PAGE : (COUNTS - KERNBASE + stride * 1024) // PAGE + 1] |= WATCH_DATA

    # --- memory ---

    def put(self, address: int, value: int, size: int = 8) -> None:
        """Memory, behind the recorder's back."""
        offset = address - KERNBASE
        self.ram[offset : offset + size] = list((value % (1 << 8 * size)).to_bytes(size, "little"))
        self.touched |= {offset // PAGE, (offset + size - 1) // PAGE}

    def get(self, address: int, size: int = 8) -> int:
        """An unsigned number in memory."""
        offset = address - KERNBASE
        return int.from_bytes(self.ram[offset : offset + size].tobytes(), "little")

    def store(self, address: int, value: int, size: int = 8, *, hart: int = 0, pieces: int = 0) -> None:
        """A kernel's store; in ``pieces`` of so many bytes, one after the other, where that is given."""
        step = pieces or size
        for at in range(0, size, step):
            piece = value >> 8 * at & (1 << 8 * step) - 1
            self.board["hart"] = hart
            offset = address + at - KERNBASE
            stored(
                self.observer,
                self.board,
                self.events,
                self.ram,
                offset,
                step,
                np.int64(signed(piece)),
                np.int64(0x8000),
            )
            self.put(address + at, piece, step)
        self.fold()

    def begin(self) -> None:
        """The recorder's first look at memory as it is."""
        begin(self.observer, self.board, self.events, self.ram, HARTS)
        self.fold()

    def fold(self) -> Believed:
        """Takes the events that were told since."""
        count = int(self.observer["count"])
        for row in self.events[:count]:
            self.rows.append(tuple(int(value) for value in row))
            self.believed.take(row)
        self.observer["count"] = 0
        return self.believed

    # --- fields ---

    def proc(self, slot: int, at: int) -> int:
        """The address of a field of a process."""
        return PROC + slot * STRIDE + at

    def populate(self) -> None:
        """Each slot gets a pid, and runs nowhere."""
        for slot in range(SLOTS):
            self.store(self.proc(slot, PID_AT), FIRST_PID + slot, 4)
            self.store(self.proc(slot, STATE), ProcessState.RUNNABLE, 4)

    # --- the same, read from RAM ---

    def entries(self, table: int, level: int) -> list[tuple[int, int]]:
        """The entries of a table that are not 0, by index; of a root's only those that MAXVA allows."""
        words = self.ram[table * PAGE : (table + 1) * PAGE].view(np.uint64)[: 256 if level == 2 else 512]
        return [(int(index), int(words[index])) for index in np.flatnonzero(words)]

    def slow_tables(self, root: int, level: int = 2) -> set[int]:
        """The frames of a page table and of the tables below it."""
        found = {root}
        if level:
            for _, pte in self.entries(root, level):
                below = pte_ppn(pte) - FIRST_PPN
                if pte & PTE_V and not pte & LEAF and 0 <= below < FRAMES:
                    found |= self.slow_tables(below, level - 1)
        return found

    def slow_mappings(self) -> Mappings:
        """Every valid leaf of every process, but for the two highest pages."""
        found: Mappings = {}
        for slot in range(SLOTS):
            root = (self.get(self.proc(slot, PAGETABLE)) - KERNBASE) // PAGE
            if 0 <= root < FRAMES:
                self._slow_leaves(self.get(self.proc(slot, PID_AT), 4), root, 2, 0, found)
        return found

    def _slow_leaves(self, pid: int, table: int, level: int, vpn: int, found: Mappings) -> None:
        for index, pte in self.entries(table, level):
            here = vpn + (index << 9 * level)
            below = (pte_ppn(pte) & (1 << 44) - 1) - FIRST_PPN
            if not pte & PTE_V:
                continue
            if level and not pte & LEAF and 0 <= below < FRAMES:
                self._slow_leaves(pid, below, level - 1, here, found)
            elif not level and pte & LEAF and here < TRAPFRAME_VPN:
                found[pid, here] = signed(pte)

    def slow_lists(self) -> Counter[int]:
        """The frames on the free lists; one that is met for the third time ends the walk."""
        found: Counter[int] = Counter()
        for head in HEADS[: int(self.observer["lists"])]:
            at = self.get(head)
            while 0 <= (at - KERNBASE) // PAGE < FRAMES and found[(at - KERNBASE) // PAGE] < 2:
                found[(at - KERNBASE) // PAGE] += 1
                at = self.get(pa_of((at - KERNBASE) // PAGE) + int(self.observer["next_at"]))
        return +found

    def slow_mapped(self, mappings: Mappings) -> dict[int, int]:
        """How often each frame of RAM is mapped."""
        targets = (((pte >> 10) & (1 << 44) - 1) - FIRST_PPN for pte in mappings.values())
        return dict(Counter(frame for frame in targets if 0 <= frame < FRAMES))

    def mapped(self) -> dict[int, int]:
        """The same, as the recorder counts."""
        frames = np.flatnonzero(self.observer["mapped"])
        return {int(frame): int(self.observer["mapped"][frame]) for frame in frames}


TABLE_ROLE, NO_ROLE = int(Role.PAGE_TABLE), int(Role.NONE)
