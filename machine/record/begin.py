"""The state of a kernel as events: what a recording starts with, so that a verifier needs nothing but events."""

from __future__ import annotations

from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE
from cowcheck.machine.native import Array, Record, Value, compiled
from cowcheck.machine.record.count_stores import entry_of
from cowcheck.machine.record.event import EventKind, ProcessState
from cowcheck.machine.record.free_list import relist
from cowcheck.machine.record.numbers import number, signed
from cowcheck.machine.record.observer import COUNTS_NONE, COUNTS_TABLE, NO_TABLE, emit, index_of
from cowcheck.machine.record.stores import runs, set_root, set_state, set_trapframe

COUNT, SIZE = int(EventKind.COUNT), int(EventKind.SIZE)
UNUSED = int(ProcessState.UNUSED)


@compiled
def begin(observer: Record, board: Record, events: Array, ram: Array, harts: Value) -> None:
    """Reads processes, page tables, free list and counts as they stand in RAM, and emits them."""
    for slot in range(observer.slots):
        base = observer.proc + slot * observer.proc_stride - KERNBASE
        observer.slot_pid[slot] = number(ram, base + observer.pid_at, 4)
        state = number(ram, base + observer.state_at, 4)
        state = observer.state_names[state] if 0 <= state < 8 else 0
        if state != UNUSED:
            set_state(observer, board, events, slot, state, 0)
    for slot in range(observer.slots):
        if observer.slot_state[slot] != UNUSED:
            base = observer.proc + slot * observer.proc_stride - KERNBASE
            told = number(ram, base + observer.sz_at, 8)
            emit(observer, board, events, SIZE, NO_TABLE, 0, observer.slot_pid[slot], told, 0, 0)
            if observer.trapframe_at >= 0:
                set_trapframe(observer, board, events, slot, index_of(number(ram, base + observer.trapframe_at, 8)), 0)
            set_root(observer, board, events, ram, slot, index_of(number(ram, base + observer.pagetable_at, 8)), 0)
    if observer.lists > 0:
        relist(observer, board, events, ram, 0, number(ram, observer.list_heads[0] - KERNBASE, 8), 0)
    observer.suspect[:] = 0
    observer.suspect_count = 0
    counts_as_they_are(observer, board, events, ram)
    for hart in range(harts):
        pointer = number(ram, observer.cpus + hart * observer.cpu_stride + observer.cpu_proc_at - KERNBASE, 8)
        observer.hart_slot[hart] = NO_TABLE
        current = board.hart
        board.hart = hart
        runs(observer, board, events, hart, pointer, 0)
        board.hart = current


@compiled
def counts_as_they_are(observer: Record, board: Record, events: Array, ram: Array) -> None:
    """The counts of the frames that are mapped."""
    if observer.counts == COUNTS_NONE:
        return
    entries = (observer.count_end - observer.count_base) // observer.count_stride
    for index in range(entries):
        at = observer.count_base + index * observer.count_stride
        if at < observer.count_first:
            continue
        frame = index
        if observer.counts == COUNTS_TABLE:
            frame = index_of(number(ram, at - KERNBASE + observer.key_at, 8) << observer.key_shift)
        if 0 <= frame < FRAMES and observer.mapped[frame] > 0:
            value = signed(number(ram, at - KERNBASE, observer.count_width), observer.count_width)
            if observer.counts == COUNTS_TABLE and value == 0 and entry_of(observer, ram, frame, at - KERNBASE) >= 0:
                continue  # what is left of an entry that was given up
            emit(observer, board, events, COUNT, NO_TABLE, 0, frame + FIRST_PPN, 0, value - observer.count_offset, 0)
