"""What a kernel's stores mean, compiled: every store to RAM passes here, and most mean nothing.

A store is looked at before it is done, so RAM still has the old value. Which frames matter is one byte a frame
(``watch``), so that the rest costs one load.
"""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import FIRST_PPN, KERNBASE, PAGE
from cowcheck.machine.native import Array, Record, Value, compiled
from cowcheck.machine.record.count_stores import count_stored
from cowcheck.machine.record.event import EventKind, ProcessState, Role
from cowcheck.machine.record.free_list import head_stored, link_stored
from cowcheck.machine.record.numbers import number, overlaid, overlaps
from cowcheck.machine.record.observer import (
    NO_TABLE,
    WATCH_DATA,
    WATCH_FREE,
    WATCH_MAPPED,
    WATCH_TABLE,
    emit,
    index_of,
)
from cowcheck.machine.record.tables import entry, follow_root, suspect, table_written

RUN, STATE = int(EventKind.RUN), int(EventKind.STATE)
STORE, KILLED, OWN, SIZE = int(EventKind.STORE), int(EventKind.KILLED), int(EventKind.OWN), int(EventKind.SIZE)
RUNNABLE, RUNNING = int(ProcessState.RUNNABLE), int(ProcessState.RUNNING)
NONE, TRAPFRAME = int(Role.NONE), int(Role.TRAPFRAME)


@compiled
def stored(
    observer: Record, board: Record, events: Array, ram: Array, offset: Value, size: Value, value: Value, pc: Value
) -> None:
    """Kernel code is about to store ``size`` bytes (1 to 8, within a word) at ``offset`` of RAM."""
    frame = offset >> 12
    board.dirty[frame] = 1
    watch = observer.watch[frame]
    if watch == 0 or observer.active == 0:
        return
    if watch & WATCH_TABLE:
        index = (offset & (PAGE - 1)) >> 3
        word = (offset >> 3) << 3
        old = entry(ram, frame, index)
        table_written(observer, board, events, ram, frame, index, old, overlaid(ram, word, 8, offset, size, value), pc)
    if watch & WATCH_DATA:
        data_stored(observer, board, events, ram, offset, size, value, pc)
    if watch & WATCH_FREE and link_stored(observer, board, events, ram, offset, size, value, pc):
        return
    if watch & (WATCH_FREE | WATCH_MAPPED | WATCH_TABLE):
        contents_stored(observer, board, events, frame, pc)


@compiled
def contents_stored(observer: Record, board: Record, events: Array, frame: Value, pc: Value) -> None:
    """Tells, once, of a store to a frame that is not plainly the running process's own."""
    slot = observer.hart_slot[board.hart]
    watch = observer.watch[frame]
    if watch & WATCH_TABLE or observer.last_store[board.hart] == frame:
        return
    if watch & WATCH_FREE or observer.mapped[frame] > 1 or observer.mapper[frame] != slot:
        observer.last_store[board.hart] = frame
        emit(observer, board, events, STORE, slot, pc, frame + FIRST_PPN, 0, 0, 0)


@compiled
def data_stored(
    observer: Record, board: Record, events: Array, ram: Array, offset: Value, size: Value, value: Value, pc: Value
) -> None:
    """A store to a frame that holds kernel variables: told if it meets one that matters."""
    address = offset + KERNBASE
    if observer.proc <= address < observer.proc_end:
        proc_stored(observer, board, events, ram, offset, size, value, pc)
    elif observer.cpus <= address < observer.cpus_end:
        hart = (address - observer.cpus) // observer.cpu_stride
        field = observer.cpus + hart * observer.cpu_stride + observer.cpu_proc_at - KERNBASE
        if overlaps(field, 8, offset, size):
            runs(observer, board, events, hart, overlaid(ram, field, 8, offset, size, value), pc)
    else:
        for index in range(observer.lists):
            field = observer.list_heads[index] - KERNBASE
            if overlaps(field, 8, offset, size):
                old, new = number(ram, field, 8), overlaid(ram, field, 8, offset, size, value)
                head_stored(observer, board, events, ram, index, old, new, pc)
        if observer.counts != 0 and observer.count_first <= address + size - 1 and address < observer.count_end:
            count_stored(observer, board, events, ram, offset, size, value, pc)


@compiled
def runs(observer: Record, board: Record, events: Array, hart: Value, pointer: Value, pc: Value) -> None:
    """``c->proc`` is set."""
    slot = np.int64(-1)
    if observer.proc <= pointer < observer.proc_end:
        slot = (pointer - observer.proc) // observer.proc_stride
    if slot != observer.hart_slot[hart]:
        emit(
            observer,
            board,
            events,
            RUN,
            observer.hart_slot[hart],
            pc,
            observer.slot_pid[slot] if slot >= 0 else 0,
            0,
            0,
            0,
        )
    observer.hart_slot[hart] = slot
    observer.last_store[hart] = -1


@compiled
def proc_stored(
    observer: Record, board: Record, events: Array, ram: Array, offset: Value, size: Value, value: Value, pc: Value
) -> None:
    """A store to a ``struct proc``."""
    slot = (offset + KERNBASE - observer.proc) // observer.proc_stride
    base = observer.proc + slot * observer.proc_stride - KERNBASE
    running = observer.hart_slot[board.hart]
    if overlaps(base + observer.pid_at, 4, offset, size):
        pid = overlaid(ram, base + observer.pid_at, 4, offset, size, value)
        if pid != 0:
            observer.slot_pid[slot] = pid
    if overlaps(base + observer.state_at, 4, offset, size):
        state = overlaid(ram, base + observer.state_at, 4, offset, size, value)
        state = observer.state_names[state] if 0 <= state < 8 else 0
        set_state(observer, board, events, slot, state, pc)
    killed, bytes_of_killed = base + observer.killed_at, observer.killed_size
    if (
        overlaps(killed, bytes_of_killed, offset, size)
        and overlaid(ram, killed, bytes_of_killed, offset, size, value) != 0
    ):
        emit(observer, board, events, KILLED, running, pc, observer.slot_pid[slot], 0, 0, 0)
    if overlaps(base + observer.sz_at, 8, offset, size):
        told = overlaid(ram, base + observer.sz_at, 8, offset, size, value)
        if observer.slot_pid[slot] != 0:
            emit(observer, board, events, SIZE, running, pc, observer.slot_pid[slot], told, 0, 0)
    if overlaps(base + observer.pagetable_at, 8, offset, size):
        root = index_of(overlaid(ram, base + observer.pagetable_at, 8, offset, size, value))
        set_root(observer, board, events, ram, slot, root, pc)
    if observer.trapframe_at >= 0 and overlaps(base + observer.trapframe_at, 8, offset, size):
        frame = index_of(overlaid(ram, base + observer.trapframe_at, 8, offset, size, value))
        set_trapframe(observer, board, events, slot, frame, pc)


@compiled
def set_state(observer: Record, board: Record, events: Array, slot: Value, state: Value, pc: Value) -> None:
    """``p->state`` is set."""
    old = observer.slot_state[slot]
    if state == old:
        return
    observer.slot_state[slot] = state
    observer.runnable += (RUNNABLE <= state <= RUNNING) - (RUNNABLE <= old <= RUNNING)
    emit(observer, board, events, STATE, observer.hart_slot[board.hart], pc, observer.slot_pid[slot], state, 0, 0)


@compiled
def set_root(observer: Record, board: Record, events: Array, ram: Array, slot: Value, root: Value, pc: Value) -> None:
    """``p->pagetable`` is set: exec exchanges it, fork and exit make and unmake it."""
    old = observer.slot_root[slot]
    if old == root:
        return
    if old != NO_TABLE:
        follow_root(observer, board, events, ram, slot, old, pc, False)
    if root >= 0:
        follow_root(observer, board, events, ram, slot, root, pc, True)


@compiled
def set_trapframe(observer: Record, board: Record, events: Array, slot: Value, frame: Value, pc: Value) -> None:
    """``p->trapframe`` is set."""
    old, running = observer.slot_trapframe[slot], observer.hart_slot[board.hart]
    if old == frame:
        return
    if old >= 0 and observer.role[old] == TRAPFRAME:
        own(observer, board, events, old, NONE, pc)
        suspect(observer, old, running)
    observer.slot_trapframe[slot] = frame
    if frame >= 0:
        own(observer, board, events, frame, TRAPFRAME, pc)


@compiled
def own(observer: Record, board: Record, events: Array, frame: Value, role: Value, pc: Value) -> None:
    """The kernel's own use of a frame changes."""
    observer.role[frame] = role
    emit(observer, board, events, OWN, observer.hart_slot[board.hart], pc, frame + FIRST_PPN, role, 0, 0)
