"""Sv39 address translation over the board's RAM, compiled (RISC-V privileged architecture 1.12, section 4.4)."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE, MXR, PAGE, RAM_BYTES, SUM, SUPERVISOR, USER
from cowcheck.machine.native import Array, Value, compiled
from cowcheck.model.sv39 import PTE_R, PTE_U, PTE_V, PTE_W, PTE_X

LOAD, STORE, FETCH = 0, 1, 2  # kinds of access
NO_ADDRESS = np.uint64(0xFFFFFFFFFFFFFFFF)
LEAF = PTE_R | PTE_W | PTE_X


@compiled
def load_word(ram: Array, pa: Value, size: Value) -> Value:
    """``size`` bytes of RAM at a physical address, little-endian; 0 outside RAM."""
    offset = np.int64(pa) - KERNBASE
    if offset < 0 or offset + size > RAM_BYTES:
        return np.uint64(0)
    value = np.uint64(0)
    for index in range(size):
        value |= np.uint64(ram[offset + index]) << np.uint64(8 * index)
    return value


@compiled
def is_ram(pa: Value) -> Value:
    """Whether RAM is at a physical address."""
    return np.uint64(KERNBASE) <= np.uint64(pa) < np.uint64(KERNBASE + RAM_BYTES)


@compiled
def leaf_pte(ram: Array, root_ppn: Value, va: Value) -> Value:
    """The leaf PTE that translates ``va``, walked from the table at ``root_ppn``; 0 where there is none.

    ``va`` must be canonical; a table outside RAM ends the walk. A superpage's PTE is given as the PTE of the 4 KiB page
    within it.
    """
    table = np.uint64(root_ppn) << np.uint64(12)
    for level in range(2, -1, -1):
        index = (np.uint64(va) >> np.uint64(12 + 9 * level)) & np.uint64(511)
        pte = load_word(ram, table + index * np.uint64(8), 8)
        if not pte & np.uint64(PTE_V):
            return np.uint64(0)
        if pte & np.uint64(LEAF):
            if pte & np.uint64(PTE_R | PTE_W) == np.uint64(PTE_W):  # reserved (table 4.5)
                return np.uint64(0)
            low = (np.uint64(1) << np.uint64(9 * level)) - np.uint64(1)
            if (pte >> np.uint64(10)) & low:  # a superpage that is not aligned to its size
                return np.uint64(0)
            vpn = np.uint64(va) >> np.uint64(12)
            return pte | ((vpn & low) << np.uint64(10))
        table = ((pte >> np.uint64(10)) & np.uint64(0xFFFFFFFFFFF)) << np.uint64(12)
    return np.uint64(0)


@compiled
def translate(ram: Array, satp: Value, status: Value, privilege: Value, va: Value, access: Value) -> Value:
    """The physical address that ``va`` leads to for this access, or ``NO_ADDRESS`` where it faults.

    ``satp`` and ``status`` (mstatus) are the hart's; machine mode and bare mode translate nothing.
    """
    if privilege > SUPERVISOR or (np.uint64(satp) >> np.uint64(60)) != np.uint64(8):
        return np.uint64(va)
    sign = np.int64(va) >> 38
    if sign != 0 and sign != -1:
        return NO_ADDRESS
    pte = leaf_pte(ram, np.uint64(satp) & np.uint64(0xFFFFFFFFFFF), va)
    user = pte & np.uint64(PTE_U) != 0
    if privilege == USER and not user:
        return NO_ADDRESS
    if privilege == SUPERVISOR and user and (access == FETCH or not np.uint64(status) & np.uint64(SUM)):
        return NO_ADDRESS
    wanted = np.uint64(PTE_R)
    if access == STORE:
        wanted = np.uint64(PTE_W)
    elif access == FETCH:
        wanted = np.uint64(PTE_X)
    elif np.uint64(status) & np.uint64(MXR):
        wanted = np.uint64(PTE_R | PTE_X)
    if not pte & wanted:
        return NO_ADDRESS
    ppn = (pte >> np.uint64(10)) & np.uint64(0xFFFFFFFFFFF)
    return (ppn << np.uint64(12)) | (np.uint64(va) & np.uint64(PAGE - 1))


@compiled
def mark_tables(ram: Array, satp: Value, marks: Array) -> None:
    """Sets the byte of each frame in RAM that is a page table below ``satp``."""
    if (np.uint64(satp) >> np.uint64(60)) != np.uint64(8):
        return
    root = np.int64(np.uint64(satp) & np.uint64(0xFFFFFFFFFFF)) - FIRST_PPN
    if not 0 <= root < FRAMES:
        return
    marks[root] = 1
    for index in range(PAGE // 8):
        middle = branch(ram, root, index)
        if middle >= 0:
            marks[middle] = 1
            for inner in range(PAGE // 8):
                leaves = branch(ram, middle, inner)
                if leaves >= 0:
                    marks[leaves] = 1


@compiled
def branch(ram: Array, frame: Value, index: Value) -> Value:
    """The frame in RAM that an entry of a page table leads to as the next table; -1 where it leads to none."""
    pte = load_word(ram, (np.int64(frame) + FIRST_PPN) * PAGE + 8 * index, 8)
    if not pte & np.uint64(PTE_V) or pte & np.uint64(LEAF):
        return np.int64(-1)
    below = np.int64((pte >> np.uint64(10)) & np.uint64(0xFFFFFFFFFFF)) - FIRST_PPN
    return below if 0 <= below < FRAMES else np.int64(-1)
