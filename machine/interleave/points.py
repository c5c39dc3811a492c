"""The callbacks at preemption points: they log, count the steps, and stop the hart where its turn ends."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import (
    A0,
    BOARD,
    FRAMES,
    KERNBASE,
    PAGE,
    PC,
    PRIV,
    RA,
    RAM_BYTES,
    USER,
    read,
    write,
)
from cowcheck.machine.interleave.state import INTERLEAVING, IS_LOCK, MOST_HELD, TEXT_BYTES, Access, Halt
from cowcheck.machine.interleave.steps import halt, has_work, is_free, is_hot, log, step, without
from cowcheck.machine.native import (
    CODE_CALLBACK,
    MEMORY_CALLBACK,
    Record,
    Value,
    callback,
    carray,
    compiled,
    pointer,
)
from cowcheck.machine.record.hooks import store_seen
from cowcheck.machine.record.observer import OBSERVER
from cowcheck.machine.record.tables import suspect

LOAD, STORE, ATOMIC, ACQUIRE, RELEASE = (
    int(Access.LOAD), int(Access.STORE), int(Access.ATOMIC), int(Access.ACQUIRE), int(Access.RELEASE),
)  # fmt: skip
NONE, SWITCH, BLOCKED, DONE, PARKED = (
    int(Halt.NONE), int(Halt.SWITCH), int(Halt.BLOCKED), int(Halt.DONE), int(Halt.PARKED),
)  # fmt: skip
OPCODE, AMO = 0x7F, 0x2F  # unprivileged specification, table 24.1


@compiled
def is_amo(ram: Value, pc: Value) -> Value:
    """Whether an atomic instruction stands there."""
    return KERNBASE <= pc < KERNBASE + RAM_BYTES and ram[pc - KERNBASE] & OPCODE == AMO


@compiled
def suspect_again(address: Value, frame: Value) -> None:
    """The frame must be accounted for."""
    it = carray(pointer(np.uint64(address)), 1, INTERLEAVING)[0]
    board = carray(pointer(it.board), 1, BOARD)[0]
    suspect(carray(pointer(board.observer), 1, OBSERVER)[0], frame, -1)


@compiled
def put_frames_back(board_address: Value, ram_address: Value) -> None:
    """The frames that may differ from a snapshot's RAM."""
    board = carray(pointer(np.uint64(board_address)), 1, BOARD)[0]
    ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
    kept = carray(pointer(np.uint64(ram_address)), RAM_BYTES, np.uint8)
    for frame in range(FRAMES):
        if board.dirty[frame]:
            at = frame * PAGE
            ram[at : at + PAGE] = kept[at : at + PAGE]


@compiled
def keep(it: Record, ram: Value, at: Value, size: Value) -> None:
    """Keeps what stands where a store goes: the emulator makes it though it was stopped, and makes it once more when
    the hart goes on. In between other harts must not see it, so it is taken back."""
    it.undo, it.undo_bytes = at, size
    for place in range(size):
        it.undo_value[place] = ram[at + place]


@compiled
def accessed(
    engine: Value, board: Record, observer: Record, it: Record, address: Value, size: Value, kind: Value
) -> Value:
    """A load or a store of the hart that runs. False where the hart is stopped before it."""
    if it.halt != NONE:
        return False  # the store of an atomic instruction that was stopped at its load
    at = np.int64(address)
    frame = (at - KERNBASE) >> 12
    pc = np.int64(read(engine, board, PC))
    if KERNBASE <= pc < KERNBASE + TEXT_BYTES and it.lock_code[(pc - KERNBASE) >> 1]:
        return True
    ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
    word = at & ~np.int64(7)
    if it.hot_frame[frame] and not observer.in_user[board.hart] and is_hot(it, word):
        is_atomic = is_amo(ram, pc)
        if is_atomic and kind == STORE and it.atomic_pc == pc:
            it.atomic_pc = 0  # its load has passed: the access is one, and is done by now
        else:
            if not step(engine, board, observer, it, ram, ATOMIC if is_atomic else kind, word, pc):
                if kind == STORE:
                    keep(it, ram, at - KERNBASE, size)
                return False
            it.atomic_pc = pc if is_atomic and kind == LOAD else 0
    log(it, board, observer, kind, at, pc, size)
    return True


@callback(MEMORY_CALLBACK)
def on_load(engine: Value, kind: Value, address: Value, size: Value, value: Value, user: Value) -> None:
    """A load from RAM."""
    it = carray(pointer(user), 1, INTERLEAVING)[0]
    if not it.active:
        return
    board = carray(pointer(it.board), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    accessed(engine, board, observer, it, address, size, LOAD)


@callback(MEMORY_CALLBACK)
def on_store(engine: Value, kind: Value, address: Value, size: Value, value: Value, user: Value) -> None:
    """A store to RAM: it is recorded only if the hart is not stopped before it."""
    it = carray(pointer(user), 1, INTERLEAVING)[0]
    board = carray(pointer(it.board), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    if not it.active or accessed(engine, board, observer, it, address, size, STORE):
        store_seen(engine, board, observer, address, size, value)


@callback(CODE_CALLBACK)
def on_instruction(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """An instruction of the kernel's is next. Nothing is done, but for it the emulator sets the pc.

    Else, at some accesses, the pc is that of the block's first instruction: a hart that is stopped there would do again
    what comes before the access.
    """


@compiled
def holds(it: Record, hart: Value, lock: Value) -> Value:
    """Whether the hart holds the lock."""
    found = False
    for place in range(it.held_count[hart]):
        found = found or it.held[hart, place] == lock
    return found


@callback(CODE_CALLBACK)
def on_acquire(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """The entry of ``acquire``: the hart goes no further where another one holds the lock, so nothing ever spins."""
    it = carray(pointer(user), 1, INTERLEAVING)[0]
    if not it.active:
        return
    board = carray(pointer(it.board), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
    lock, hart = np.int64(read(engine, board, A0)), board.hart
    call = np.int64(read(engine, board, RA)) - 4
    if observer.hart_slot[hart] < 0 and not has_work(it, observer):
        halt(engine, board, it, PARKED, lock)
        return
    it.waits_at[hart] = call
    if not is_free(ram, lock) and not holds(it, hart, lock):
        halt(engine, board, it, BLOCKED, lock)
        return
    is_point = it.passing or (observer.hart_slot[hart] >= 0 and is_hot(it, lock | IS_LOCK))
    if is_point and not step(engine, board, observer, it, ram, ACQUIRE, lock, call):
        if it.halt == SWITCH:
            it.halt = BLOCKED  # it cannot go on while another hart has the lock, which may be before its next turn
        return
    log(it, board, observer, ACQUIRE, lock, call, 0)
    if it.held_count[hart] < MOST_HELD:
        it.held[hart, it.held_count[hart]] = lock
        it.held_count[hart] += 1


@callback(CODE_CALLBACK)
def on_release(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """The entry of ``release``."""
    it = carray(pointer(user), 1, INTERLEAVING)[0]
    if not it.active:
        return
    board = carray(pointer(it.board), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    lock, hart = np.int64(read(engine, board, A0)), board.hart
    call = np.int64(read(engine, board, RA)) - 4
    if it.everything and observer.hart_slot[hart] >= 0 and is_hot(it, lock | IS_LOCK):
        ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
        if not step(engine, board, observer, it, ram, RELEASE, lock, call):
            return
    log(it, board, observer, RELEASE, lock, call, 0)
    it.held_count[hart] = without(it.held[hart], it.held_count[hart], lock)


@callback(CODE_CALLBACK)
def on_report(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """User code is at its next report: its operation is over."""
    it = carray(pointer(user), 1, INTERLEAVING)[0]
    if not it.active:
        return
    board = carray(pointer(it.board), 1, BOARD)[0]
    if read(engine, board, PRIV) == np.uint64(USER):
        halt(engine, board, it, DONE, 0)


@callback(CODE_CALLBACK)
def on_trap(engine: Value, pc: Value, size: Value, user: Value) -> None:
    """The entry of the kernel's trap handler, where pc is set to what it is.

    After a trap's callback has set pc, Unicorn 2.1.4 does not tell memory callbacks any more at which instruction they
    are: they see the last one that was told, and a hart that is stopped there does what comes after it twice. That ends
    where a code callback sets pc. The callback is called again then, and has nothing left to do.
    """
    it = carray(pointer(user), 1, INTERLEAVING)[0]
    if not it.active:
        return
    it.told_pc = 1 - it.told_pc
    if it.told_pc:
        write(engine, carray(pointer(it.board), 1, BOARD)[0], PC, np.uint64(pc))
