"""The roots of a scan for lost frames: where a kernel keeps what leads to the frames that it uses.

They are the words of its variables, of the stacks that are in use, and of the harts' registers. The reference counts
say nothing (a table that is searched holds the addresses of lost frames too), nor do the stacks of the boot.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cowcheck.machine.board.board import Board
from cowcheck.machine.board.state import FRAMES, KERNBASE, PAGE, RAM_BYTES, SP, X0
from cowcheck.machine.board.walk import leaf_pte
from cowcheck.machine.native import Record
from cowcheck.machine.record.event import ProcessState, Role
from cowcheck.machine.record.kernel import Kernel
from cowcheck.machine.record.reach import FREE, KNOWN, MAPPED, Reach

Ram = np.ndarray[Any, np.dtype[np.uint8]]


def accounted(board: Board, kernel: Kernel, observer: Record) -> Reach:
    """A scan with everything known put in: what is free, mapped, or the kernel's by a role."""
    known = np.zeros(FRAMES, np.uint8)
    known[observer["image_end"] : observer["carved_end"]] |= KNOWN
    known[observer["on_list"] > 0] |= FREE
    known[observer["mapped"] > 0] |= MAPPED
    known[(observer["role"] > 0) & (observer["role"] != Role.OBJECT) & (observer["role"] != Role.LOST)] |= KNOWN
    reach = Reach(board.ram, int(observer["image_end"]), known)
    reach.add_kernel(kernel_table(board.ram, kernel))
    registers = harts_registers(board)
    for first, end in (*data_ranges(kernel, observer), *stacks(board, kernel, observer, registers[:, SP - X0])):
        reach.add_range(first, end)
    reach.add(registers.reshape(-1).view(np.int64))
    return reach


def data_ranges(kernel: Kernel, observer: Record) -> list[tuple[int, int]]:
    """The kernel's variables, but for the reference counts and the harts' stacks of the boot."""
    layout = kernel.layout
    holes = [(int(observer["count_first"]), int(observer["count_end"]))] if observer["counts"] else []
    if layout.stack0 is not None:
        holes.append((layout.stack0[0], layout.stack0[0] + layout.stack0[1]))
    ranges = []
    at = int(observer["text_end"])
    for first, end in sorted(holes):
        if at < first:
            ranges.append((at, first))
        at = max(at, end)
    return [*ranges, (at, layout.end)]


def stacks(
    board: Board, kernel: Kernel, observer: Record, pointers: np.ndarray[Any, np.dtype[np.uint64]]
) -> list[tuple[int, int]]:
    """The parts in use of the stacks: of processes that wait in the kernel, and of harts, whose sp are given."""
    layout = kernel.layout
    tops = [int(pointer) for pointer in pointers]
    if "context" in layout.proc_fields:
        context = layout.proc_fields["context"].offset + 8  # struct context: ra, sp, ...
        running = set(observer["hart_slot"][: board.harts].tolist())  # whose saved sp says nothing
        for slot in np.flatnonzero(observer["slot_state"][: observer["slots"]] != ProcessState.UNUSED):
            if int(slot) in running:
                continue
            tops.append(word(board.ram, int(observer["proc"]) + int(slot) * int(observer["proc_stride"]) + context))
    if "context" in layout.cpus.layout.fields:
        tops += [word(board.ram, layout.cpus.address_of(hart, "context") + 8) for hart in range(board.harts)]
    places = (kernel_pa(board.ram, kernel, top) for top in tops)
    return [(pa, (pa | (PAGE - 1)) + 1) for pa in places if pa is not None]


def harts_registers(board: Board) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """The general registers of every hart, x0 to x31; the board goes on with the hart that it had."""
    current = int(board.shared["hart"])
    values = []
    for hart in range(board.harts):
        board.switch(hart)
        values.append([board.engine.read(X0 + number) for number in range(32)])
    board.switch(current)
    return np.array(values, np.uint64)


def word(ram: Ram, address: int) -> int:
    """Eight bytes of RAM at a physical address; 0 outside."""
    offset = address - KERNBASE
    if not 0 <= offset <= RAM_BYTES - 8:
        return 0
    return int.from_bytes(ram[offset : offset + 8].tobytes(), "little")


def kernel_table(ram: Ram, kernel: Kernel) -> int:
    """The physical address of the kernel's page table; 0 where it is not known."""
    variable = kernel.layout.variables.get("kernel_pagetable")
    return word(ram, variable) if variable is not None else 0


def kernel_pa(ram: Ram, kernel: Kernel, va: int) -> int | None:
    """The physical address of a kernel virtual one: RAM is mapped one to one, stacks are not."""
    if KERNBASE <= va < KERNBASE + RAM_BYTES:
        return va
    table = kernel_table(ram, kernel)
    if not table or not 0 <= va < 1 << 38:
        return None
    pte = int(leaf_pte(ram, table // PAGE, va))
    return ((pte >> 10 & 0xFFFFFFFFFFF) << 12 | va & (PAGE - 1)) if pte else None
