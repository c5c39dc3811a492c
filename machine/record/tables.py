"""Following page tables, compiled: which frames are tables of which process, and what each leaf maps.

A table is followed from the moment that ``p->pagetable`` leads to it; what exec builds aside is in flight until then. A
table that is linked in late, or whose root is exchanged, is read through once, so every mapping is told once, whenever
it came to be.
"""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import FIRST_PPN, PAGE
from cowcheck.machine.board.walk import LEAF
from cowcheck.machine.native import Array, Record, Value, compiled
from cowcheck.machine.record.event import EventKind, Role
from cowcheck.machine.record.observer import (
    MOST_PENDING,
    NO_TABLE,
    TRAMPOLINE_VPN,
    TRAPFRAME_VPN,
    WATCH_MAPPED,
    WATCH_TABLE,
    emit,
    index_of,
    look_at,
)
from cowcheck.model.sv39 import PTE_U, PTE_V

PTE, OWN = int(EventKind.PTE), int(EventKind.OWN)
NONE, PAGE_TABLE = int(Role.NONE), int(Role.PAGE_TABLE)
ENTRIES = PAGE // 8


@compiled
def is_leaf(pte: Value) -> Value:
    """Whether a PTE is a valid leaf."""
    return pte & PTE_V != 0 and pte & LEAF != 0


@compiled
def is_branch(pte: Value) -> Value:
    """Whether a PTE is valid and leads to the next table."""
    return pte & PTE_V != 0 and pte & LEAF == 0


@compiled
def target(pte: Value) -> Value:
    """The frame index that a PTE leads to, -1 outside RAM."""
    return index_of(((np.int64(pte) >> 10) & 0xFFFFFFFFFFF) << 12)


@compiled
def suspect(observer: Record, frame: Value, slot: Value) -> None:
    """Notes that a frame must be accounted for when the path in progress ends: mapped, free or the kernel's."""
    observer.suspect_slot[frame] = slot
    if observer.suspect[frame] == 0 and observer.suspect_count < MOST_PENDING:
        observer.suspect[frame] = 1
        observer.suspects[observer.suspect_count] = frame
        observer.suspect_count += 1


@compiled
def leaf_changed(
    observer: Record, board: Record, events: Array, slot: Value, pc: Value, vpn: Value, old: Value, new: Value
) -> None:
    """A leaf of a user table changes; the kernel's own two pages in it are no concern."""
    if TRAPFRAME_VPN <= vpn <= TRAMPOLINE_VPN or old == new:
        return
    was, now = is_leaf(old), is_leaf(new)
    if not was and not now:
        return
    running = observer.hart_slot[board.hart]
    emit(observer, board, events, PTE, running, pc, observer.slot_pid[slot], vpn, old if was else 0, new if now else 0)
    if was:
        frame = target(old)
        if frame >= 0:
            observer.mapped[frame] -= 1
            if observer.mapped[frame] <= 0:
                observer.mapped[frame] = 0
                observer.watch[frame] &= ~np.uint8(WATCH_MAPPED)
                if frame >= observer.image_end:
                    suspect(observer, frame, running)
    if now:
        frame = target(new)
        if frame >= 0:
            observer.mapped[frame] += 1
            observer.mapper[frame] = slot
            look_at(observer, board, frame, WATCH_MAPPED)
            if new & PTE_U:
                board.dirty[frame] = 1


@compiled
def register(
    observer: Record, board: Record, events: Array, frame: Value, slot: Value, level: Value, vpn: Value, pc: Value
) -> None:
    """The frame becomes a table of the process."""
    observer.table_slot[frame] = slot
    observer.table_level[frame] = level
    observer.table_vpn[frame] = vpn
    look_at(observer, board, frame, WATCH_TABLE)
    observer.role[frame] = PAGE_TABLE
    board.dirty[frame] = 1  # the hart sets bits A and D in it, and no callback tells of that
    emit(observer, board, events, OWN, observer.hart_slot[board.hart], pc, frame + FIRST_PPN, PAGE_TABLE, 0, 0)


@compiled
def unregister(observer: Record, board: Record, events: Array, frame: Value, pc: Value, told: Value) -> None:
    """The frame is followed no longer; ``told``: the kernel has no use for it now."""
    slot = observer.table_slot[frame]
    if slot >= 0 and observer.slot_root[slot] == frame:
        observer.slot_root[slot] = NO_TABLE
    observer.table_slot[frame] = NO_TABLE
    observer.watch[frame] &= ~np.uint8(WATCH_TABLE)
    observer.role[frame] = NONE
    running = observer.hart_slot[board.hart]
    if told:
        emit(observer, board, events, OWN, running, pc, frame + FIRST_PPN, NONE, 0, 0)
        suspect(observer, frame, running)


@compiled
def entry(ram: Array, frame: Value, index: Value) -> Value:
    """The PTE at ``index`` of the table in ``frame``, as a signed number."""
    at = frame * PAGE + index * 8
    value = np.int64(0)
    for byte in range(8):
        value |= np.int64(ram[at + byte]) << (8 * byte)
    return value


@compiled
def follow_leaves(
    observer: Record,
    board: Record,
    events: Array,
    ram: Array,
    slot: Value,
    frame: Value,
    vpn: Value,
    pc: Value,
    on: Value,
) -> None:
    """A table of the lowest level is linked in or out."""
    if on:
        register(observer, board, events, frame, slot, 0, vpn, pc)
    for index in range(ENTRIES):
        pte = entry(ram, frame, index)
        if is_leaf(pte):
            if on:
                leaf_changed(observer, board, events, slot, pc, vpn + index, 0, pte)
            else:
                leaf_changed(observer, board, events, slot, pc, vpn + index, pte, 0)
    if not on:
        unregister(observer, board, events, frame, pc, True)


@compiled
def follow_middle(
    observer: Record,
    board: Record,
    events: Array,
    ram: Array,
    slot: Value,
    frame: Value,
    vpn: Value,
    pc: Value,
    on: Value,
) -> None:
    """A table of the middle level is linked in or out, with what hangs from it."""
    if on:
        register(observer, board, events, frame, slot, 1, vpn, pc)
    for index in range(ENTRIES):
        pte = entry(ram, frame, index)
        below = target(pte)
        if is_branch(pte) and below >= 0 and (observer.table_slot[below] == slot) != on:
            follow_leaves(observer, board, events, ram, slot, below, vpn + index * 512, pc, on)
    if not on:
        unregister(observer, board, events, frame, pc, True)


@compiled
def follow_root(
    observer: Record, board: Record, events: Array, ram: Array, slot: Value, frame: Value, pc: Value, on: Value
) -> None:
    """A process gets a page table, or leaves it, with all that it maps."""
    if on:
        register(observer, board, events, frame, slot, 2, 0, pc)
        observer.slot_root[slot] = frame
    for index in range(ENTRIES // 2):  # the upper half is never used: MAXVA is 1 << 38
        pte = entry(ram, frame, index)
        below = target(pte)
        if is_branch(pte) and below >= 0 and (observer.table_slot[below] == slot) != on:
            follow_middle(observer, board, events, ram, slot, below, np.int64(index) << 18, pc, on)
    if not on:
        unregister(observer, board, events, frame, pc, True)


@compiled
def table_written(
    observer: Record,
    board: Record,
    events: Array,
    ram: Array,
    frame: Value,
    index: Value,
    old: Value,
    new: Value,
    pc: Value,
) -> None:
    """An entry of a table that is followed changes from ``old`` to ``new``; RAM may hold either."""
    if old == new:
        return
    slot = np.int64(observer.table_slot[frame])
    level = np.int64(observer.table_level[frame])
    if level == 2 and index >= ENTRIES // 2:  # as in follow_root
        return
    vpn = observer.table_vpn[frame] + (np.int64(index) << (9 * level))
    if level == 0:
        leaf_changed(observer, board, events, slot, pc, vpn, old, new)
        return
    before, after = target(old), target(new)
    if (
        is_branch(old)
        and before >= 0
        and observer.table_slot[before] == slot
        and not (is_branch(new) and before == after)
    ):
        if level == 1:
            follow_leaves(observer, board, events, ram, slot, before, vpn, pc, False)
        else:
            follow_middle(observer, board, events, ram, slot, before, vpn, pc, False)
    if is_branch(new) and after >= 0 and observer.table_slot[after] != slot:
        if level == 1:
            follow_leaves(observer, board, events, ram, slot, after, vpn, pc, True)
        else:
            follow_middle(observer, board, events, ram, slot, after, vpn, pc, True)
