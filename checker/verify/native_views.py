"""The native engine's views: keys made from what it knows, and what was decided of them, looked up. Compiled.

No invariant is stated here. A key that is not in the memo is asked of Python, which has the judge decide.
"""

from __future__ import annotations

import numpy as np

from cowcheck.checker.verify import rights
from cowcheck.checker.verify.keys import KIND_AT, KINDS, LEAST_REFS, MOST, MOST_HELD, MOST_REFS, SLICES
from cowcheck.checker.verify.native_state import MEMO, NIL, Record, Value
from cowcheck.checker.verify.native_tables import touches
from cowcheck.machine.native import compiled
from cowcheck.machine.record.event import ProcessState, Role
from cowcheck.model.sv39 import PTE_U, PTE_V, PTE_W
from cowcheck.model.views import FrameView, LoadView, MappingView, OperationView, SystemView, TouchView, TranslationView

allows = compiled(rights.allows)
has_mark = compiled(rights.has_mark)
leads_to = compiled(rights.leads_to)

UNUSED, USED, ZOMBIE = int(ProcessState.UNUSED), int(ProcessState.USED), int(ProcessState.ZOMBIE)
NONE, PAGE_TABLE, STACK, OBJECT, LOST = (
    int(role) for role in (Role.NONE, Role.PAGE_TABLE, Role.STACK, Role.OBJECT, Role.LOST)
)

_FRAME, _MAPPING, _TRANSLATION, _OPERATION = (
    SLICES[view] for view in (FrameView, MappingView, TranslationView, OperationView)
)
(COUNTED_AT, REFS_AT, MAPPINGS_AT, VISIBLE_AT, WRITERS_AT, FREE_AT, HELD_AT, OWNED_AT, QUIESCENT_AT) = (
    _FRAME[name].at for name in FrameView._fields
)
(IN_RAM_AT, SEEN_AT, USER_AT, WRITABLE_AT, COW_AT, MAY_WRITE_AT) = (_MAPPING[name].at for name in MappingView._fields)
(GRANTS_AT, VALID_AT, PTE_WRITABLE_AT, SAME_AT) = (_TRANSLATION[name].at for name in TranslationView._fields)
(FAULT_AT, PERMITTED_AT, SUCCEEDED_AT, KILLED_AT, ASKED_AT, STARVED_AT, CHANGED_AT) = (
    _OPERATION[name].at for name in OperationView._fields
)
MAPPING_KIND, TRANSLATION_KIND, LOAD_KIND, TOUCH_KIND, OPERATION_KIND, SYSTEM_KIND = (
    KINDS.index(view) << KIND_AT
    for view in (MappingView, TranslationView, LoadView, TouchView, OperationView, SystemView)
)
LIVELY = SYSTEM_KIND | 1 << SLICES[SystemView]["end_reachable"].at  # nothing is wrong with the kernel as a whole
assert KINDS[0] is FrameView
assert SLICES[LoadView]["seen"].at == SLICES[TouchView]["free"].at == 0


@compiled
def counts(s: Record, n: int) -> Value:
    """Whether a mapping is a reference to its frame: the kernel's own pages in user tables are none."""
    m = s.mappings[n]
    return m.pte & PTE_U != 0 or s.frames[m.frame].role == NONE


@compiled
def is_visible(s: Record, n: int) -> Value:
    """Whether user code could use the PTE, now or when its process next runs."""
    m = s.mappings[n]
    p = s.processes[m.slot]
    if p.state == UNUSED or p.state == USED or p.state == ZOMBIE:
        return False
    if m.frame == NIL:
        return p.live == 0
    return not touches(s, m.slot, m.frame)


@compiled
def frame_key(s: Record, frame: int, strict: bool) -> Value:
    """The frame's view; ``strict``: as if no path were in progress."""
    f = s.frames[frame]
    mappings, visible, writers, steps = 0, 0, 0, 0
    n = f.first
    while n != NIL and steps < MOST:
        steps += 1
        if counts(s, n):
            mappings += 1
            if strict or is_visible(s, n):
                visible += 1
                if allows(s.mappings[n].pte):
                    writers += 1
        n = s.mappings[n].next_of_frame
    held = 0
    if not strict:
        t = f.touch
        while t != NIL and held < MOST_HELD:
            held += 1
            t = s.touches[t].next_of_frame
    quiescent = held == 0
    unclaimed = f.free == 0 and mappings == 0
    owned = (f.role >= PAGE_TABLE and f.role <= STACK and held == 0) or (f.role == OBJECT and unclaimed)
    if unclaimed and not s.ownership:
        held = max(held, 1)
    refs = min(max(f.refs, LEAST_REFS), MOST_REFS) - LEAST_REFS
    return (
        (f.counted << COUNTED_AT)
        | (refs << REFS_AT)
        | (mappings << MAPPINGS_AT)
        | (visible << VISIBLE_AT)
        | (writers << WRITERS_AT)
        | (f.free << FREE_AT)
        | (held << HELD_AT)
        | (np.int64(owned) << OWNED_AT)
        | (np.int64(quiescent) << QUIESCENT_AT)
    )


@compiled
def mapping_key(s: Record, n: int, visible: bool) -> Value:
    """The view of one mapping."""
    m = s.mappings[n]
    return (
        MAPPING_KIND
        | (np.int64(m.frame != NIL) << IN_RAM_AT)
        | (np.int64(visible) << SEEN_AT)
        | (np.int64(m.pte & PTE_U != 0) << USER_AT)
        | (np.int64(m.pte & PTE_W != 0) << WRITABLE_AT)
        | (np.int64(has_mark(m.pte)) << COW_AT)
        | (np.int64(m.may_write != 0) << MAY_WRITE_AT)
    )


@compiled
def translation_key(cached: int, pte: int) -> Value:
    """The view of a translation that a hart may cache, beside its PTE of now."""
    valid = pte & PTE_V != 0 and pte & PTE_U != 0
    return (
        TRANSLATION_KIND
        | (np.int64(cached & PTE_W != 0) << GRANTS_AT)
        | (np.int64(valid) << VALID_AT)
        | (np.int64(valid and pte & PTE_W != 0) << PTE_WRITABLE_AT)
        | (np.int64(valid and leads_to(pte) == leads_to(cached)) << SAME_AT)
    )


@compiled
def place_in_memo(s: Record, key: int) -> Value:
    """Where a view's decision stands, or would stand."""
    at = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & (MEMO - 1)
    while s.memo[at].key != NIL and s.memo[at].key != key:
        at = (at + 1) & (MEMO - 1)
    return at


@compiled
def decision(s: Record, key: int) -> Value:
    """The place in the memo of what was decided of a view; NIL where nothing was, and then Python is asked for it."""
    at = place_in_memo(s, key)
    if s.memo[at].key == key:
        return at
    s.asked_key = key
    return NIL
