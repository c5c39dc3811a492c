"""The native engine's tables and lists, compiled: hash indexes, and the pools of processes, mappings and touches."""

from __future__ import annotations

from typing import Any

import numpy as np

from cowcheck.checker.verify.native_state import MOST_MAPPINGS, MOST_PROCESSES, MOST_TOUCHES, NIL, Record, Value
from cowcheck.machine.native import compiled

VPN_BITS = 27
NO_FAULT = 1  # an sepc that there is not: instructions stand at even addresses
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: Fibonacci hashing


@compiled
def home(key: int, size: int) -> Value:
    """Where a key is looked for first, in an index of ``size`` entries (a power of two)."""
    return np.int64((np.uint64(key) * _SPREAD) >> np.uint64(20)) & (size - 1)


@compiled
def place_of(index: Any, size: int, key: int) -> Value:
    """The place of a key in an index, or the empty one where it would stand."""
    at = home(key, size)
    while index[at].key != NIL and index[at].key != key:
        at = (at + 1) & (size - 1)
    return at


@compiled
def drop(index: Any, size: int, key: int) -> None:
    """Takes a key out of an index; what stands behind it moves up, so that no search ends too early."""
    hole = place_of(index, size, key)
    at = hole
    while True:
        at = (at + 1) & (size - 1)
        if index[at].key == NIL:
            break
        if (at - home(index[at].key, size)) & (size - 1) >= (at - hole) & (size - 1):
            index[hole].key = index[at].key
            index[hole].value = index[at].value
            hole = at
    index[hole].key = NIL


# --- processes ---


@compiled
def find_process(s: Record, pid: int) -> Value:
    """The slot of a process, NIL where there is none."""
    at = place_of(s.process_index, 2 * MOST_PROCESSES, pid)
    return s.process_index[at].value if s.process_index[at].key == pid else NIL


@compiled
def process_of(s: Record, pid: int) -> Value:
    """The slot of a process, which is made at its first mention."""
    slot = find_process(s, pid)
    if slot != NIL:
        return slot
    slot = s.hart_count
    while s.processes[slot].used:
        slot += 1
    p = s.processes[slot]
    p.pid, p.used, p.state, p.new, p.killed, p.size = pid, 1, 0, 0, 0, NIL
    p.pages, p.image, p.first, p.told, p.live = 0, 0, NIL, 0, 0
    p.repeats, p.idle = 0, 0
    p.touched, p.last_touched, p.graves, p.trapped, p.fault, p.sepc = NIL, NIL, NIL, 0, 0, NO_FAULT
    p.asked, p.short, p.starved = 0, 0, 0
    at = place_of(s.process_index, 2 * MOST_PROCESSES, pid)
    s.process_index[at].key = pid
    s.process_index[at].value = slot
    s.processes_live += 1
    return slot


@compiled
def drop_process(s: Record, slot: int) -> None:
    """The slot is free for another process."""
    drop(s.process_index, 2 * MOST_PROCESSES, s.processes[slot].pid)
    s.processes[slot].used = 0
    s.processes_live -= 1
    for hart in range(s.hart_count):
        s.ran[hart, slot] = 0


# --- mappings ---


@compiled
def find_mapping(s: Record, slot: int, vpn: int) -> Value:
    """The mapping of a process's page, NIL where nothing is known of it."""
    key = (slot << VPN_BITS) | vpn
    at = place_of(s.mapping_index, s.index_size, key)
    return s.mapping_index[at].value if s.mapping_index[at].key == key else NIL


@compiled
def add_mapping(s: Record, slot: int, vpn: int) -> Value:
    """A page of a process is heard of for the first time."""
    if 2 * s.mappings_live >= s.index_size:
        spread(s)
    n = s.free_mapping
    if n != NIL:
        s.free_mapping = s.mappings[n].next
    else:
        n = s.mappings_used
        s.mappings_used += 1
    s.mappings_live += 1
    m = s.mappings[n]
    m.slot, m.vpn, m.pte, m.frame, m.may_write, m.maker = slot, vpn, 0, NIL, NIL, 0
    m.fresh, m.buried, m.image = 1, 0, 0
    first = s.processes[slot].first
    m.next_of_process, m.previous_of_process = first, NIL
    if first != NIL:
        s.mappings[first].previous_of_process = n
    s.processes[slot].first = n
    enter(s, n)
    return n


@compiled
def enter(s: Record, n: int) -> None:
    """Puts a mapping into the index."""
    key = (s.mappings[n].slot << VPN_BITS) | s.mappings[n].vpn
    at = place_of(s.mapping_index, s.index_size, key)
    s.mapping_index[at].key = key
    s.mapping_index[at].value = n


@compiled
def spread(s: Record) -> None:
    """The index is half full: it takes twice the room."""
    s.index_size = min(2 * s.index_size, 2 * MOST_MAPPINGS)
    for at in range(s.index_size):
        s.mapping_index[at].key = NIL
    for slot in range(s.hart_count, MOST_PROCESSES):
        if s.processes[slot].used:
            n = s.processes[slot].first
            while n != NIL:
                enter(s, n)
                n = s.mappings[n].next_of_process


@compiled
def drop_mapping(s: Record, n: int) -> None:
    """Nothing more is known of the page."""
    m = s.mappings[n]
    drop(s.mapping_index, s.index_size, (m.slot << VPN_BITS) | m.vpn)
    if m.previous_of_process != NIL:
        s.mappings[m.previous_of_process].next_of_process = m.next_of_process
    else:
        s.processes[m.slot].first = m.next_of_process
    if m.next_of_process != NIL:
        s.mappings[m.next_of_process].previous_of_process = m.previous_of_process
    m.next = s.free_mapping
    s.free_mapping = n
    s.mappings_live -= 1


@compiled
def lead(s: Record, n: int, frame: int) -> None:
    """The mapping leads to another frame from now on (NIL: to none)."""
    m = s.mappings[n]
    if m.frame == frame:
        return
    if m.frame != NIL:
        if m.previous_of_frame != NIL:
            s.mappings[m.previous_of_frame].next_of_frame = m.next_of_frame
        else:
            s.frames[m.frame].first = m.next_of_frame
        if m.next_of_frame != NIL:
            s.mappings[m.next_of_frame].previous_of_frame = m.previous_of_frame
    m.frame = frame
    if frame != NIL:
        first = s.frames[frame].first
        m.next_of_frame, m.previous_of_frame = first, NIL
        if first != NIL:
            s.mappings[first].previous_of_frame = n
        s.frames[frame].first = n


# --- touches ---


@compiled
def touches(s: Record, slot: int, frame: int) -> Value:
    """Whether the path of that slot is at work on the frame."""
    t = s.frames[frame].touch
    while t != NIL:
        if s.touches[t].slot == slot:
            return True
        t = s.touches[t].next_of_frame
    return False


@compiled
def touch(s: Record, slot: int, frame: int) -> None:
    """The path of that slot is at work on the frame from now on."""
    if touches(s, slot, frame):
        return
    t = s.free_touch
    if t != NIL:
        s.free_touch = s.touches[t].next_of_path
    else:
        t = s.touches_used
        s.touches_used += 1
    s.touches_live += 1
    it, p = s.touches[t], s.processes[slot]
    it.slot, it.frame, it.next_of_frame, it.next_of_path = slot, frame, s.frames[frame].touch, NIL
    s.frames[frame].touch = t
    if p.last_touched == NIL:
        p.touched = t
    else:
        s.touches[p.last_touched].next_of_path = t
    p.last_touched = t


@compiled
def let_go(s: Record, slot: int) -> Value:
    """Takes the first frame that the path of that slot has touched from it; NIL where there is none."""
    p = s.processes[slot]
    t = p.touched
    if t == NIL:
        return NIL
    p.touched = s.touches[t].next_of_path
    if p.touched == NIL:
        p.last_touched = NIL
    frame = s.touches[t].frame
    at = s.frames[frame].touch
    if at == t:
        s.frames[frame].touch = s.touches[t].next_of_frame
    else:
        while s.touches[at].next_of_frame != t:
            at = s.touches[at].next_of_frame
        s.touches[at].next_of_frame = s.touches[t].next_of_frame
    s.touches[t].next_of_path = s.free_touch
    s.free_touch = t
    s.touches_live -= 1
    return frame


@compiled
def is_crowded(s: Record) -> Value:
    """Whether one more event may not find room."""
    return (
        s.mappings_live + 4 > MOST_MAPPINGS
        or s.touches_live + 4 > MOST_TOUCHES
        or s.processes_live + 4 > MOST_PROCESSES
    )
