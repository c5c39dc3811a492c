"""The callbacks through which a running kernel is recorded: stores, and the entries of a few functions.

A callback that needs Python asks the board to stop before the instruction (``Request``); it is called again for the
same instruction when the board goes on, and by then the request has been met.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from unicorn import riscv_const as rv

from cowcheck.machine.board.state import (
    A0,
    BOARD,
    KERNBASE,
    PC,
    PRIV,
    RA,
    RAM_BYTES,
    USER,
    Stop,
    read,
)
from cowcheck.machine.native import (
    CODE_CALLBACK,
    MEMORY_CALLBACK,
    Array,
    Record,
    Value,
    callback,
    carray,
    compiled,
    pointer,
    uc_emu_stop,
)
from cowcheck.machine.record.calls import note_caller, note_own_caller
from cowcheck.machine.record.event import WIDTH, EventKind, ProcessState, Role
from cowcheck.machine.record.observer import (
    CAPACITY,
    MARGIN,
    NO_TABLE,
    OBSERVER,
    WATCH_TABLE,
    emit,
    index_of,
)
from cowcheck.machine.record.stores import own, stored
from cowcheck.machine.record.tables import ENTRIES, entry, unregister

TRAP, USER_EVENT, ALLOC, FREE, FENCE = (
    int(EventKind.TRAP),
    int(EventKind.USER),
    int(EventKind.ALLOC),
    int(EventKind.FREE),
    int(EventKind.FENCE),
)
NONE, TRAPFRAME = int(Role.NONE), int(Role.TRAPFRAME)
SLEEPING, RUNNABLE, RUNNING = int(ProcessState.SLEEPING), int(ProcessState.RUNNABLE), int(ProcessState.RUNNING)
SCAUSE, STVAL, SEPC, SSTATUS = (
    rv.UC_RISCV_REG_SCAUSE,
    rv.UC_RISCV_REG_STVAL,
    rv.UC_RISCV_REG_SEPC,
    rv.UC_RISCV_REG_SSTATUS,
)
SPP = 1 << 8
ECALL = 8
FOREVER = 500  # times the same fault: a kernel that mends it does so at once
ASKED = int(Stop.ASKED)


class Request(IntEnum):
    """Why the board was stopped for the recorder."""

    NONE = 0
    DRAIN = 1  # the event buffer is nearly full
    SCAN = 2  # frames must be looked for in the kernel's memory before the path ends
    PANIC = 3
    REPORT = 4  # a workload's program reports
    MARK = 5  # the kernel returns to user code, and Python wanted to see that
    LOOP = 6  # a process takes one and the same fault for ever


DRAIN, SCAN, PANIC, REPORT, MARK, LOOP = (int(item) for item in list(Request)[1:])


@compiled
def ask(engine: Value, board: Record, observer: Record, request: Value) -> None:
    """Stops the board before the instruction."""
    observer.asked = request
    board.stop = ASKED
    uc_emu_stop(engine)


@compiled
def crowded(engine: Value, board: Record, observer: Record) -> Value:
    """Whether the buffer must be emptied before anything more is recorded; if so, that is asked for."""
    if observer.count < CAPACITY - MARGIN:
        return False
    ask(engine, board, observer, DRAIN)
    return True


@compiled
def unaccounted(observer: Record, slot: Value) -> Value:
    """Drops the suspects that are accounted for; True where one that this path, or a dead one, dealt with is not."""
    kept, found = 0, False
    for place in range(observer.suspect_count):
        frame = observer.suspects[place]
        if observer.on_list[frame] > 0 or observer.mapped[frame] > 0 or observer.role[frame] != NONE:
            observer.suspect[frame] = 0
            continue
        observer.suspects[kept] = frame
        kept += 1
        owner = observer.suspect_slot[frame]
        if owner < 0 or owner == slot or not SLEEPING <= observer.slot_state[owner] <= RUNNING:
            found = True
    observer.suspect_count = kept
    return found


@compiled
def store_seen(engine: Value, board: Record, observer: Record, address: Value, size: Value, value: Value) -> None:
    """Records a store that is about to be done."""
    offset = np.int64(address) - KERNBASE
    board.dirty[offset >> 12] = 1
    if observer.in_user[board.hart]:
        return
    end: Value = min(offset + np.int64(size), RAM_BYTES)
    last = end - 1
    board.dirty[last >> 12] = 1
    if observer.watch[offset >> 12] == 0 and observer.watch[last >> 12] == 0:
        return
    ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
    events = carray(pointer(observer.events), (CAPACITY, WIDTH), np.int64)
    pc = np.int64(read(engine, board, PC))
    note_own_caller(engine, board, observer, ram, pc)
    inside = min(last + 1 - offset, 8 - (offset & 7))
    stored(observer, board, events, ram, offset, inside, value, pc)
    if offset + inside <= last:
        stored(observer, board, events, ram, offset + inside, last + 1 - offset - inside, value >> (8 * inside), pc)


@callback(MEMORY_CALLBACK)
def on_store(engine: Value, kind: Value, address: Value, size: Value, value: Value, user: Value) -> None:
    """A store to RAM, by its physical address; also that of an atomic instruction, by what it stores."""
    board = carray(pointer(user), 1, BOARD)[0]
    store_seen(engine, board, carray(pointer(board.observer), 1, OBSERVER)[0], address, size, value)


@compiled
def repeated(observer: Record, slot: Value, cause: Value, value: Value, where: Value) -> Value:
    """Whether the process has taken the same fault so often that it will take it for ever."""
    if slot < 0:
        return False
    fault = observer.fault[slot]
    if fault[0] != cause or fault[1] != value or fault[2] != where or cause == ECALL:
        fault[0], fault[1], fault[2] = cause, value, where
        observer.again[slot] = 0
        return False
    observer.again[slot] += 1
    return observer.again[slot] == FOREVER


@callback(CODE_CALLBACK)
def on_trap(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """``uservec``: user code was left."""
    board = carray(pointer(user), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    if observer.active and crowded(engine, board, observer):
        return
    hart = board.hart
    observer.in_user[hart] = 0
    observer.last_store[hart] = -1
    if observer.active:
        events = carray(pointer(observer.events), (CAPACITY, WIDTH), np.int64)
        cause, value = np.int64(read(engine, board, SCAUSE)), np.int64(read(engine, board, STVAL))
        where = np.int64(read(engine, board, SEPC))
        observer.by = 0
        emit(observer, board, events, TRAP, observer.hart_slot[hart], pc, cause, value, where, 0)
        observer.moves += 1
        if cause > 0 and repeated(observer, observer.hart_slot[hart], cause, value, where):
            ask(engine, board, observer, LOOP)


@callback(CODE_CALLBACK)
def on_sret(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """``sret``: where it leads to user code, the path of the running process ends."""
    board = carray(pointer(user), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    if np.int64(read(engine, board, SSTATUS)) & SPP:
        return
    hart = board.hart
    slot = observer.hart_slot[hart]
    if observer.mark and not observer.marked:
        observer.marked = 1
        ask(engine, board, observer, MARK)
        return
    if observer.active:
        if crowded(engine, board, observer):
            return
        if unaccounted(observer, slot):
            ask(engine, board, observer, SCAN)
            return
        events = carray(pointer(observer.events), (CAPACITY, WIDTH), np.int64)
        observer.by = 0
        emit(observer, board, events, USER_EVENT, slot, pc, np.int64(read(engine, board, SEPC)), 0, 0, 0)
    observer.marked = 0
    observer.in_user[hart] = 1
    observer.last_store[hart] = -1


@callback(CODE_CALLBACK)
def on_kalloc_return(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """A ``ret`` of ``kalloc``."""
    board = carray(pointer(user), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    if observer.active:
        events = carray(pointer(observer.events), (CAPACITY, WIDTH), np.int64)
        ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
        pa = np.int64(read(engine, board, A0))
        caller = np.int64(read(engine, board, RA)) - 4
        note_caller(engine, board, observer, ram, caller, 0)
        emit(observer, board, events, ALLOC, observer.hart_slot[board.hart], caller, pa >> 12, 0, 0, 0)


@compiled
def freed(observer: Record, board: Record, events: Array, ram: Array, frame: Value, caller: Value) -> None:
    """A frame is given to ``kfree``: what the kernel used it for itself ends when nothing leads to it any more."""
    if frame < 0:
        return
    if observer.watch[frame] & WATCH_TABLE:
        empty = True
        for index in range(ENTRIES):
            if entry(ram, frame, index) & 1:
                empty = False
        unregister(observer, board, events, frame, caller, empty)
    elif observer.role[frame] == TRAPFRAME:
        for slot in range(observer.slots):
            if observer.slot_trapframe[slot] == frame and not SLEEPING <= observer.slot_state[slot] <= RUNNING:
                observer.slot_trapframe[slot] = NO_TABLE
                own(observer, board, events, frame, NONE, caller)
    elif observer.role[frame] != NONE:
        own(observer, board, events, frame, NONE, caller)


@callback(CODE_CALLBACK)
def on_kfree(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """The entry of ``kfree``."""
    board = carray(pointer(user), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    if observer.active == 0:
        return
    events = carray(pointer(observer.events), (CAPACITY, WIDTH), np.int64)
    ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
    pa = np.int64(read(engine, board, A0))
    caller = np.int64(read(engine, board, RA)) - 4
    note_caller(engine, board, observer, ram, caller, 0)
    emit(observer, board, events, FREE, observer.hart_slot[board.hart], caller, pa >> 12, 0, 0, 0)
    freed(observer, board, events, ram, index_of(pa), caller)


@callback(CODE_CALLBACK)
def on_fence(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """``sfence.vma``."""
    board = carray(pointer(user), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    if observer.active:
        events = carray(pointer(observer.events), (CAPACITY, WIDTH), np.int64)
        observer.by = 0
        emit(observer, board, events, FENCE, observer.hart_slot[board.hart], np.int64(pc), 0, 0, 0, 0)


@callback(CODE_CALLBACK)
def on_panic(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """The entry of ``panic``."""
    board = carray(pointer(user), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    observer.argument[0] = read(engine, board, A0)
    observer.argument[1] = read(engine, board, RA)
    ask(engine, board, observer, PANIC)


@callback(CODE_CALLBACK)
def on_report(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """A workload's program reports, from user code."""
    board = carray(pointer(user), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    if read(engine, board, PRIV) != np.uint64(USER):
        return
    for index in range(6):
        observer.argument[index] = read(engine, board, A0 + index)
    ask(engine, board, observer, REPORT)
