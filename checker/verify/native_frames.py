"""The native engine's events of frames, compiled: what the allocator, the counts and the kernel's stores change.

The same steps in the same order as the reference engine's (``reference.py``), where the reasons stand.
"""

from __future__ import annotations

from cowcheck.checker.verify.keys import MOST_FREE
from cowcheck.checker.verify.native_changes import frame_of, note, path_of, remember
from cowcheck.checker.verify.native_kinds import ALLOC, COUNT, FREE, LIST, OWN, STORE
from cowcheck.checker.verify.native_stack import FRAME, push, push_judge
from cowcheck.checker.verify.native_state import NIL, Record
from cowcheck.checker.verify.native_views import (
    CHANGED_AT,
    LOAD_KIND,
    LOST,
    NONE,
    OBJECT,
    OPERATION_KIND,
    SUCCEEDED_AT,
    TOUCH_KIND,
    counts,
    is_visible,
)
from cowcheck.checker.verify.scene import HISTORY, What
from cowcheck.machine.native import compiled
from cowcheck.machine.record.event import KIND, PID, A, B, C
from cowcheck.model.sv39 import PTE_U

W_TOUCH, W_STORE, W_WRITTEN = int(What.TOUCH), int(What.STORE), int(What.WRITTEN)


@compiled
def on_store(s: Record, frame: int) -> None:
    f, pid = s.frames[frame], s.row[PID]
    last = (f.past_count - 1) % HISTORY
    if f.past_count > 0 and s.past[frame, last, KIND] == STORE and s.past[frame, last, PID] == pid:
        f.past_count -= 1  # of several stores by one process in a row, the last is kept
    remember(s, frame, f.free)
    told, ppn = frame, s.first_ppn + frame
    mapped, other, written = False, NIL, NIL
    n = f.first
    while n != NIL:
        m = s.mappings[n]
        mapped = mapped or counts(s, n)
        if m.pte & PTE_U and is_visible(s, n):
            owner = s.processes[m.slot].pid
            if owner != pid and (other == NIL or owner < other):
                other = owner
            if owner == pid and m.may_write == 0 and written == NIL:
                written = m.vpn
        n = m.next_of_frame
    if mapped:
        if written != NIL and s.kfree_known:
            key = OPERATION_KIND | (1 << SUCCEEDED_AT) | (1 << CHANGED_AT)
            push_judge(s, key, told, W_WRITTEN, ppn, pid, written, 0)
        push_judge(s, LOAD_KIND | (1 if other != NIL else 0), told, W_STORE, ppn, pid, 0, max(other, 0))
    push_judge(s, TOUCH_KIND | (1 if f.free > 0 else 0), told, W_TOUCH, ppn, pid, 0, 0)


@compiled
def on_frame(s: Record, kind: int) -> None:
    """The events whose first field is a frame."""
    frame = frame_of(s, s.row[A])
    if kind in (ALLOC, LIST):
        s.memory_known = 1
        if kind == ALLOC and s.row[A] == 0:
            s.processes[path_of(s)].starved = 1
    elif kind == FREE:
        s.kfree_known = 1
    if frame == NIL:
        return
    if kind == STORE:
        on_store(s, frame)
        return
    f = s.frames[frame]
    before = f.free
    at_work = True
    if kind == COUNT:
        f.counted, f.refs = s.counts, s.row[C]
    else:
        f.seen = 1
    if kind == OWN:
        f.role = s.row[B]
        at_work = f.role != LOST
    elif kind == LIST:
        f.free = min(max(f.free + s.row[B], 0), MOST_FREE)
        s.free_frames += (1 if f.free > 0 else 0) - (1 if before > 0 else 0)
        if f.role == LOST or (f.role == OBJECT and s.row[B] > 0):
            f.role = NONE
    if s.initial == 0:
        push(s, FRAME, frame, 0)
        note(s, frame, before, at_work)
