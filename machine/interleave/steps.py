"""Steps and points, compiled: which words and locks are points, which harts can go on, counting steps, stopping."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import BOARD, KERNBASE, RAM_BYTES, Stop
from cowcheck.machine.interleave.hashing import spread
from cowcheck.machine.interleave.state import (
    HOT_BITS,
    INTERLEAVING,
    LOGGED,
    MOST_HOT,
    MOST_LOGGED,
    MOST_STEPS,
    STEP,
    Access,
    Halt,
    Status,
)
from cowcheck.machine.native import Array, Record, Value, carray, compiled, pointer, uc_emu_stop
from cowcheck.machine.record.event import ProcessState
from cowcheck.machine.record.observer import OBSERVER

BEGIN = int(Access.BEGIN)
SWITCH, SPINS, FULL = int(Halt.SWITCH), int(Halt.SPINS), int(Halt.FULL)
READY, IS_BLOCKED, IS_PARKED = int(Status.READY), int(Status.BLOCKED), int(Status.PARKED)
ASKED, RUNNING = int(Stop.ASKED), int(ProcessState.RUNNING)
PATIENCE = 64  # times in a row that a hart comes to one point and touches one word: it spins


@compiled
def halt(engine: Value, board: Record, it: Record, why: Value, obj: Value) -> None:
    """Stops the hart before the instruction."""
    it.halt, it.halt_object = why, obj
    board.stop = ASKED
    uc_emu_stop(engine)


@compiled
def slot_of(hot: Value, obj: Value) -> Value:
    """Where an object stands in the table, or would."""
    place = spread(obj, HOT_BITS)
    while hot[place] != 0 and hot[place] != obj:
        place = (place + 1) & (MOST_HOT - 1)
    return place


@compiled
def is_hot(it: Record, obj: Value) -> Value:
    """Whether the word or lock is a preemption point."""
    return it.hot[slot_of(it.hot, obj)] == obj


@compiled
def without(held: Array, depth: Value, lock: Value) -> Value:
    """Takes a lock out of the first ``depth`` that are held. Gives how many are left."""
    kept = 0
    for place in range(depth):
        if held[place] != lock:
            held[kept] = held[place]
            kept += 1
    return kept


@compiled
def is_free(ram: Value, lock: Value) -> Value:
    """Whether ``lk->locked`` is 0: it is the first word of xv6's ``struct spinlock``."""
    at = lock - KERNBASE
    if at < 0 or at > RAM_BYTES - 4:
        return True
    return ram[at] == 0 and ram[at + 1] == 0 and ram[at + 2] == 0 and ram[at + 3] == 0


@compiled
def has_work(it: Record, observer: Record) -> Value:
    """Whether a process is runnable that no hart runs."""
    left = observer.runnable
    for hart in range(it.harts):
        slot = observer.hart_slot[hart]
        left -= slot >= 0 and observer.slot_state[slot] == RUNNING
    return left > 0


@compiled
def enabled_harts(it: Record, observer: Record, ram: Value, hart: Value) -> Value:
    """The harts that can go on, as bits; ``hart`` is the one that runs."""
    bits = 0
    for other in range(it.harts):
        status = it.status[other]
        if other == hart or status == READY:
            bits |= 1 << other
        elif status == IS_BLOCKED:
            if is_free(ram, it.waits_for[other]):
                bits |= 1 << other
        elif status == IS_PARKED and has_work(it, observer):
            bits |= 1 << other
    return bits


@compiled
def log(it: Record, board: Record, observer: Record, kind: Value, obj: Value, pc: Value, size: Value) -> None:
    """Notes an access; ``object`` is a physical address."""
    if it.log_count >= MOST_LOGGED:
        return
    row = carray(pointer(it.log), MOST_LOGGED, LOGGED)[it.log_count]
    row.hart, row.kind, row.object, row.pc, row.size = board.hart, kind, obj, pc, size
    row.told = observer.count
    it.log_count += 1


@compiled
def step(
    engine: Value, board: Record, observer: Record, it: Record, ram: Value, kind: Value, obj: Value, pc: Value
) -> Value:
    """The hart is at a preemption point. False where it is stopped before it."""
    hart = board.hart
    forced = 0
    if it.passing:
        it.passing = 0
        forced = it.forced
    elif it.step_count == it.switch_at:
        halt(engine, board, it, SWITCH, obj)
        return False
    elif it.step_count >= MOST_STEPS or it.log_count >= MOST_LOGGED:
        halt(engine, board, it, FULL, obj)
        return False
    elif pc == it.last_place and obj == it.last_object:
        it.repeats += 1
        if it.repeats >= PATIENCE:
            it.repeats = 0
            halt(engine, board, it, SPINS, obj)
            return False
    else:
        it.repeats = 0
    it.last_place, it.last_object = pc, obj
    add_step(board, observer, it, ram, hart, kind, obj, pc, forced)
    return True


@compiled
def add_step(
    board: Record,
    observer: Record,
    it: Record,
    ram: Value,
    hart: Value,
    kind: Value,
    obj: Value,
    pc: Value,
    forced: Value,
) -> None:
    """One more step is begun."""
    row = carray(pointer(it.steps), MOST_STEPS, STEP)[it.step_count]
    row.hart, row.kind, row.object, row.pc, row.forced = hart, kind, obj, pc, forced
    row.enabled = enabled_harts(it, observer, ram, hart)
    row.logged, row.told = it.log_count, observer.count
    it.step_count += 1


@compiled
def begin(address: Value, hart: Value, forced: Value) -> None:
    """A hart's first step, from user code on."""
    it = carray(pointer(np.uint64(address)), 1, INTERLEAVING)[0]
    board = carray(pointer(it.board), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
    add_step(board, observer, it, ram, hart, BEGIN, 0, 0, forced)


@compiled
def enabled_now(address: Value) -> Value:
    """The harts that can go on while none runs, as bits."""
    it = carray(pointer(np.uint64(address)), 1, INTERLEAVING)[0]
    board = carray(pointer(it.board), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    return enabled_harts(it, observer, carray(pointer(board.ram), RAM_BYTES, np.uint8), -1)
