"""What the recording callbacks know of a kernel and have seen of it: one record in memory, beside the board's.

The layout half is set once from the kernel's ELF file; the rest is brought up to date by every store that matters. A
frame is named by its index (``ppn - FIRST_PPN``), a process by its slot in ``proc[]``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE, MOST_HARTS, RAM_BYTES, Stop
from cowcheck.machine.native import Array, Record, Value, compiled
from cowcheck.machine.record.event import WIDTH

MOST_SLOTS = 512  # proc[NPROC]: xv6's is 64
MOST_LISTS = 16  # kmem, or one a hart
MOST_PENDING = 4096
CAPACITY = 1 << 19  # rows of the event buffer
HALVES = 1 << 17  # half-words of the text that are known: 256 KiB, where xv6 has 48
MARGIN = 1 << 18  # rows that one path may add: fork and exit of a process that fills the RAM tell 130,000
NO_TABLE = -1

WATCH_DATA = 1  # the frame holds words of struct proc, struct cpu, the free list's head or the counts
WATCH_TABLE = 2  # a page table of a process
WATCH_FREE = 4  # on the free list
WATCH_MAPPED = 8  # mapped by a user page table

TRAMPOLINE_VPN = (1 << 26) - 1  # xv6 kernel/memlayout.h: the two highest pages, which belong to the kernel
TRAPFRAME_VPN = TRAMPOLINE_VPN - 1

ASKED = int(Stop.ASKED)

COUNTS_NONE, COUNTS_ARRAY, COUNTS_TABLE = 0, 1, 2


def _offsets(*names: str) -> list[tuple[str, Any]]:
    return [(name, np.int64) for name in names]


OBSERVER = np.dtype(
    [
        ("active", np.int64),  # events are recorded
        ("events", np.uint64),  # address of the event buffer, CAPACITY rows
        ("count", np.int64),
        ("lost", np.int64),  # rows that found no room
        ("by", np.int64),  # the call of the function that the next rows' pc is in; 0 where it is not known
        ("asked", np.int64),  # why the board was asked to stop (Request)
        ("argument", np.uint64, (8,)),  # what belongs to it
        *_offsets("proc", "proc_end", "proc_stride", "pid_at", "state_at", "killed_at", "sz_at", "pagetable_at"),
        *_offsets("trapframe_at"),
        *_offsets("killed_size", "slots"),
        ("state_names", np.int64, (8,)),  # a ProcessState for each number of the kernel's enum
        *_offsets("cpus", "cpus_end", "cpu_stride", "cpu_proc_at"),
        ("list_heads", np.int64, (MOST_LISTS,)),
        *_offsets("lists", "next_at"),
        ("awaited_frame", np.int64, (MOST_LISTS,)),  # came to be the first, and its link may still be stored; or -1
        ("awaited_link", np.int64, (MOST_LISTS,)),  # what the link will be
        ("awaited_told", np.int64, (MOST_LISTS,)),  # what was told of the head's store: free_list.py's PUSHED, ...
        *_offsets("counts", "count_base", "count_stride", "count_width", "count_offset", "count_first", "count_end"),
        *_offsets("key_at", "key_shift"),  # a searched table: where an entry's frame stands, and 12 for a ppn
        ("left_over", np.uint8, (FRAMES,)),  # by the number of a table's entry: its frame has got another one since
        *_offsets("image_end", "text_end"),  # frame index, address
        *_offsets("carved_end"),  # frame index: the first behind the image that was kalloc's when the recording began
        *_offsets("mark", "marked"),  # stop before each return to user code; stopped at this one
        ("slot_pid", np.int64, (MOST_SLOTS,)),
        ("slot_state", np.int64, (MOST_SLOTS,)),
        ("slot_root", np.int64, (MOST_SLOTS,)),  # frame index of the root table, or NO_TABLE
        ("slot_trapframe", np.int64, (MOST_SLOTS,)),
        ("hart_slot", np.int64, (MOST_HARTS,)),  # the process that the hart runs, or -1
        ("in_user", np.int64, (MOST_HARTS,)),
        ("last_store", np.int64, (MOST_HARTS,)),  # the frame of the last STORE event, so that a copy is told once
        ("moves", np.int64),  # times that user code was left
        ("fault", np.int64, (MOST_SLOTS, 3)),  # scause, stval, sepc of the process's last fault
        ("again", np.int64, (MOST_SLOTS,)),  # how often it came again, and nothing else in between
        ("runnable", np.int64),  # processes that are RUNNABLE or RUNNING
        ("watch", np.uint8, (FRAMES,)),
        ("unseen", np.uint8, (FRAMES,)),  # no store to the frame is seen: a kernel stack
        ("unseen_used", np.int64),  # such a frame is watched now, so that its stores must be seen
        ("role", np.uint8, (FRAMES,)),
        ("table_slot", np.int16, (FRAMES,)),
        ("table_level", np.int8, (FRAMES,)),
        ("table_vpn", np.int64, (FRAMES,)),
        ("on_list", np.uint8, (FRAMES,)),
        ("followed_by", np.int32, (FRAMES,)),  # on a list: the frame that it led to when that was told, or -1
        ("mapped", np.int32, (FRAMES,)),
        ("mapper", np.int16, (FRAMES,)),  # the slot that mapped it last
        ("suspect", np.uint8, (FRAMES,)),  # allocated, or lost its last mapping, and not accounted for since
        ("suspect_slot", np.int16, (FRAMES,)),
        ("suspects", np.int64, (MOST_PENDING,)),
        ("suspect_count", np.int64),
        ("function_of", np.int16, (HALVES,)),  # the number of the function that each half-word of the text is in, or 0
        ("called", np.int16, (HALVES,)),  # what the call before it calls: a function's number, below 0 a register's
    ]
)

CLEARED = ("slot_root", "slot_trapframe", "hart_slot", "last_store", "awaited_frame")


def frame_index(pa: int) -> int:
    """The index of the frame at a physical address; outside ``range(FRAMES)`` for one that is not RAM."""
    return pa // 4096 - FIRST_PPN


@compiled
def emit(
    observer: Record,
    board: Record,
    events: Array,
    kind: Value,
    slot: Value,
    pc: Value,
    a: Value,
    b: Value,
    c: Value,
    d: Value,
) -> None:
    """Adds one row; ``slot`` is that of the process that the hart runs, -1 for none."""
    if observer.count >= CAPACITY:
        observer.lost += 1
        return
    row = observer.count
    events[row, 0] = kind
    events[row, 1] = board.hart
    events[row, 2] = observer.slot_pid[slot] if slot >= 0 else 0
    events[row, 3] = pc
    events[row, 4] = board.retired
    events[row, 5] = a
    events[row, 6] = b
    events[row, 7] = c
    events[row, 8] = d
    events[row, 9] = observer.by
    observer.count = row + 1


@compiled
def look_at(observer: Record, board: Record, frame: Value, why: Value) -> None:
    """Stores to the frame matter from now on. Where they are not seen yet, the board stops at the next block for it."""
    observer.watch[frame] |= np.uint8(why)
    if observer.unseen[frame]:
        observer.unseen_used = 1
        board.stop, board.turn = ASKED, 0


@compiled
def index_of(pa: Value) -> Value:
    """The frame index of a physical address, -1 for one outside RAM."""
    offset = np.int64(pa) - KERNBASE
    if offset < 0 or offset >= RAM_BYTES:
        return -1
    return offset >> 12


assert WIDTH == 10
