"""What an event changes in the native engine's state, compiled: paths, histories, and the PTEs of pages."""

from __future__ import annotations

from cowcheck.checker.verify import rights
from cowcheck.checker.verify.native_paths import forget
from cowcheck.checker.verify.native_stack import (
    CROWDED,
    FRAME,
    GO,
    STRICT,
    push,
    push_judge,
)
from cowcheck.checker.verify.native_state import (
    BROKEN,
    FREE_BEFORE,
    NIL,
    NUMBER,
    Record,
    Value,
)
from cowcheck.checker.verify.native_tables import (
    NO_FAULT,
    add_mapping,
    drop_mapping,
    find_mapping,
    is_crowded,
    lead,
    process_of,
    touch,
)
from cowcheck.checker.verify.native_views import (
    NONE,
    is_visible,
    leads_to,
    mapping_key,
)
from cowcheck.checker.verify.scene import HISTORY, MOST_REMEMBERED, What
from cowcheck.machine.native import compiled
from cowcheck.machine.record.event import HART, PID, WIDTH
from cowcheck.model.sv39 import PTE_U, PTE_V

takes_away = compiled(rights.takes_away)
W_MAPPING = int(What.MAPPING)


@compiled
def frame_of(s: Record, ppn: int) -> int:
    """The frame of that number, NIL where kalloc could not give it out."""
    return ppn - s.first_ppn if s.first_ppn <= ppn < s.first_ppn + s.frame_count else NIL


@compiled
def path_of(s: Record) -> Value:
    """The slot of the path that the event belongs to. It begins here where its trap was not told."""
    slot = process_of(s, s.row[PID]) if s.row[PID] != 0 else s.row[HART]
    p = s.processes[slot]
    if p.live == 0:
        p.live, p.trapped, p.fault, p.starved, p.short, p.asked = 1, 0, 0, 0, 0, p.killed
    return slot


@compiled
def remember(s: Record, frame: int, free: int) -> None:
    """The event is a step of the frame's history; as much is wrong after it as before, until that is looked at."""
    at, before = s.frames[frame].past_count % HISTORY, (s.frames[frame].past_count - 1) % HISTORY
    broken = s.past[frame, before, BROKEN] if s.frames[frame].past_count > 0 else 0
    s.frames[frame].past_count += 1
    for column in range(WIDTH):
        s.past[frame, at, column] = s.row[column]
    s.past[frame, at, NUMBER], s.past[frame, at, FREE_BEFORE], s.past[frame, at, BROKEN] = s.number, free, broken


@compiled
def note(s: Record, frame: int, free: int, at_work: bool) -> None:
    """The same, and its path is at work on the frame; the frame is looked at as if none were."""
    remember(s, frame, free)
    if at_work:
        touch(s, path_of(s), frame)
    if s.frames[frame].seen:
        push(s, STRICT, frame, 0)


@compiled
def change(s: Record, slot: int, vpn: int, old: int, new: int) -> None:
    """The PTE of a page changes, and more than its A and D bits."""
    before = frame_of(s, leads_to(old)) if old & PTE_V else NIL
    after = frame_of(s, leads_to(new)) if new & PTE_V else NIL
    p = s.processes[slot]
    if s.initial == 0 and takes_away(old, new):
        for number in range(s.hart_count):
            hart = s.harts[number]
            if s.ran[number, slot] == hart.epoch and hart.remembered < MOST_REMEMBERED:
                it = s.cached[number, hart.remembered]
                it.pid, it.vpn, it.pte = p.pid, vpn, old
                hart.remembered += 1
    n = find_mapping(s, slot, vpn)
    if n == NIL:
        n = add_mapping(s, slot, vpn)
    m = s.mappings[n]
    lead(s, n, after)
    if after != NIL and after != before:
        s.frames[after].seen = 1
    m.pte = new if new & PTE_V else 0
    m.fresh = 1
    if old & PTE_V == 0:
        p.pages += 1
        if m.buried == 0 or m.image != p.image:
            first_mapped(s, n)
    if new & PTE_V == 0:
        m.image = p.image
        p.pages -= 1
        if p.pages == 0:
            p.image += 1
        if s.initial:
            drop_mapping(s, n)
    if s.initial:
        return
    path = path_of(s)
    if new & PTE_V == 0 and m.buried == 0:
        m.buried = 1
        m.next = s.processes[path].graves
        s.processes[path].graves = n
    if before != NIL:
        touch(s, path, before)
    if after != NIL:
        touch(s, path, after)
        push(s, FRAME, after, 0)
    if before != NIL and before != after:
        push(s, FRAME, before, 0)
    if new & PTE_V and (m.pte & PTE_U != 0 or (after != NIL and s.frames[after].role == NONE)):
        visible = is_visible(s, n)
        m.fresh = 0 if visible else 1
        told = after if after != NIL else -2 - slot
        push_judge(s, mapping_key(s, n, visible), told, W_MAPPING, leads_to(new), p.pid, vpn, 0)
    if before != NIL and before != after:
        note(s, before, s.frames[before].free, True)
    if after != NIL:
        note(s, after, s.frames[after].free, True)


@compiled
def first_mapped(s: Record, n: int) -> None:
    """A page comes into being: what its region allows is the parent's, or is known when the path ends."""
    m = s.mappings[n]
    m.may_write = NIL
    if s.row[PID] != 0 and s.row[PID] != s.processes[m.slot].pid:
        parent = find_mapping(s, process_of(s, s.row[PID]), m.vpn)
        if parent != NIL and s.mappings[parent].pte != 0:
            m.may_write = s.mappings[parent].may_write
    m.maker = s.row[PID] if s.row[PID] != 0 else -1 - s.row[HART]


@compiled
def drop_next_page(s: Record) -> int:
    """A process has ended, and nothing leads to its page table any more: its pages go, one by one."""
    if is_crowded(s):
        return CROWDED
    slot = s.work[s.depth - 1, 1]
    p = s.processes[slot]
    if not p.used or p.pid != s.work[s.depth - 1, 2]:
        s.depth -= 1
        return GO
    p.killed, p.new, p.size, p.sepc = 0, 0, NIL, NO_FAULT
    n = p.first
    while n != NIL and s.mappings[n].pte == 0:
        n = s.mappings[n].next_of_process
    if n != NIL:
        change(s, slot, s.mappings[n].vpn, s.mappings[n].pte, 0)
    else:
        s.depth -= 1
        forget(s, slot)
    return GO
