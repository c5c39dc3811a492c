"""Who called whom: the places in a kernel's text that a call returns to, and what they tell of an instruction's caller.

A return address is believed only where a call instruction stands before it. At an instruction of function *f* there are
two candidates: ``ra``, where *f* has called nothing yet, and the word below the frame pointer (the RISC-V calling
convention with ``-fno-omit-frame-pointer``: ``ra`` at ``s0 - 8``, the caller's ``s0`` at ``s0 - 16``), where it has set
up its frame. One after a direct call of *f* is certain; one after an indirect call may be right; any other is none. So
a kernel without frame pointers has no callers, and never wrong ones.
"""

from __future__ import annotations

import numpy as np
from unicorn import riscv_const as rv

from cowcheck.machine.board.state import KERNBASE, RA, X0, read
from cowcheck.machine.board.walk import leaf_pte, load_word
from cowcheck.machine.native import Array, Record, Value, compiled
from cowcheck.machine.record.observer import HALVES
from cowcheck.model.sv39 import PTE_R

FP = X0 + 8
SATP = rv.UC_RISCV_REG_SATP
INDIRECT, INDIRECT_SHORT = -1, -2  # calls of what a register holds, of four bytes and of two
UNSIZED = -3  # a call of code without a size, as what is written in assembly


@compiled
def half_of(address: Value) -> Value:
    """The place of an address in the tables, -1 for one that is not in them."""
    offset = np.int64(address) - KERNBASE
    return offset >> 1 if offset >= 0 and offset >> 1 < HALVES and offset & 1 == 0 else np.int64(-1)


@compiled
def call_before(observer: Record, back: Value) -> Value:
    """The address of the call that returns to ``back``; 0 where none stands there."""
    half = half_of(back)
    if half < 0 or observer.called[half] == 0:
        return np.int64(0)
    return np.int64(back) - (2 if observer.called[half] == INDIRECT_SHORT else 4)


@compiled
def calls(observer: Record, back: Value, function: Value) -> Value:
    """How surely the call before ``back`` is one of the function: 2 it is, 1 it may be, 0 it is not."""
    half = half_of(back)
    if half < 0 or observer.called[half] == 0:
        return 0
    if observer.called[half] < 0:
        return 0 if observer.called[half] == UNSIZED else 1
    return 2 if observer.called[half] == function else 0


@compiled
def function_at(observer: Record, pc: Value) -> Value:
    """The number of the function that an address is in, 0 for none."""
    half = half_of(np.int64(pc) & ~1)
    return np.int64(observer.function_of[half]) if half >= 0 else np.int64(0)


@compiled
def returns_to(observer: Record, pc: Value, ra: Value, saved: Value) -> Value:
    """The address that the function at ``pc`` returns to, of the two candidates; 0 where neither can be believed."""
    function = function_at(observer, pc)
    if function == 0:
        return np.int64(0)
    from_elsewhere = function_at(observer, ra) != function  # else it is where a call of its own came back to
    by_ra, by_frame = calls(observer, ra, function), calls(observer, saved, function)
    if by_ra == 2 and from_elsewhere:
        return np.int64(ra)
    if by_frame > 0:
        return np.int64(saved)
    return np.int64(ra) if by_ra == 1 and from_elsewhere else np.int64(0)


@compiled
def stack_word(ram: Array, satp: Value, va: Value) -> Value:
    """A word of a kernel stack, by the page table that the hart uses; 0 where nothing is mapped."""
    if np.uint64(va) & np.uint64(7):
        return np.int64(0)
    if np.uint64(satp) >> np.uint64(60) != np.uint64(8):
        return np.int64(load_word(ram, va, 8))
    sign = np.int64(va) >> 38
    if sign != 0 and sign != -1:
        return np.int64(0)
    pte = leaf_pte(ram, np.uint64(satp) & np.uint64(0xFFFFFFFFFFF), va)
    if not pte & np.uint64(PTE_R):
        return np.int64(0)
    pa = ((pte >> np.uint64(10)) & np.uint64(0xFFFFFFFFFFF)) << np.uint64(12) | (np.uint64(va) & np.uint64(4095))
    return np.int64(load_word(ram, pa, 8))


@compiled
def note_caller(engine: Value, board: Record, observer: Record, ram: Array, pc: Value, ra: Value) -> None:
    """Keeps where the function at ``pc`` was called from, for the events that follow. ``ra`` is 0 where it is known to
    be no candidate."""
    frame = np.int64(read(engine, board, FP))
    saved = stack_word(ram, read(engine, board, SATP), frame - 8)
    observer.by = call_before(observer, returns_to(observer, pc, ra, saved))


@compiled
def note_own_caller(engine: Value, board: Record, observer: Record, ram: Array, pc: Value) -> None:
    """The same for the instruction at hand."""
    note_caller(engine, board, observer, ram, pc, np.int64(read(engine, board, RA)))
