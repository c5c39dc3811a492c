"""The native engine's judgements, compiled: one piece of what is due after the other."""

from __future__ import annotations

from cowcheck.checker.verify.native_paths import purge, regions_at_start, settle_regions
from cowcheck.checker.verify.native_stack import (
    ASK,
    FIRST,
    FRAME,
    GO,
    INITIAL,
    JUDGE,
    MAPPINGS,
    PAGES,
    PURGE,
    STRICT,
    TOUCHED,
    TRANSLATIONS,
    about,
    push,
    see,
)
from cowcheck.checker.verify.native_state import (
    BROKEN,
    NIL,
    PAST_WIDTH,
    SINCE,
    Record,
)
from cowcheck.checker.verify.native_tables import (
    find_mapping,
    find_process,
    let_go,
)
from cowcheck.checker.verify.native_views import (
    NONE,
    decision,
    frame_key,
    is_visible,
    leads_to,
    mapping_key,
    translation_key,
)
from cowcheck.checker.verify.scene import HISTORY, What
from cowcheck.machine.native import compiled
from cowcheck.model.sv39 import PTE_U

W_FRAME, W_MAPPING, W_TRANSLATION = int(What.FRAME), int(What.MAPPING), int(What.TRANSLATION)


@compiled
def work(s: Record) -> int:
    """One piece of work."""
    top = s.depth - 1
    kind, a, b = s.work[top, 0], s.work[top, 1], s.work[top, 2]
    code = GO
    if kind == JUDGE:
        code = see(s, a, b)
        about(s, s.work[top, 3], s.work[top, 4], s.work[top, 5], s.work[top, 6], s.work[top, 7])
    elif kind == FRAME:
        if s.frames[a].seen:
            code = see(s, frame_key(s, a, False), a)
            about(s, W_FRAME, s.first_ppn + a, 0, 0, 0)
    elif kind == STRICT:
        at = decision(s, frame_key(s, a, True))
        if at == NIL:
            return ASK
        f = s.frames[a]
        s.past[a, (f.past_count - 1) % HISTORY, BROKEN] = s.memo[at].mask
        if s.memo[at].mask == 0:
            f.since = 0
        elif f.since == 0:
            f.since = 1
            for column in range(PAST_WIDTH):
                s.past[a, SINCE, column] = s.past[a, (f.past_count - 1) % HISTORY, column]
    elif kind == MAPPINGS:
        return mappings_due(s, a)
    elif kind == TOUCHED:
        frame = let_go(s, a)
        if frame != NIL:
            settle_regions(s, a, frame)
            push(s, MAPPINGS, frame, 0)
            push(s, FRAME, frame, 0)
            return GO
    elif kind == PURGE:
        purge(s, a)
    elif kind == TRANSLATIONS:
        return translations_due(s, top)
    elif kind == PAGES:
        if b == FIRST:
            b = s.processes[a].first
        if b != NIL:
            m = s.mappings[b]
            s.work[top, 2] = m.next_of_process
            if m.pte != 0 and m.frame != NIL:
                push(s, MAPPINGS, m.frame, 0)
                push(s, FRAME, m.frame, 0)
            return GO
    elif kind == INITIAL:
        while a < s.frame_count and not s.frames[a].seen:
            a += 1
        s.work[top, 1] = a + 1
        if a < s.frame_count:
            regions_at_start(s, a)
            push(s, MAPPINGS, a, 0)
            push(s, FRAME, a, 0)
            return GO
    if code != ASK:
        s.depth = top
    return code


@compiled
def mappings_due(s: Record, frame: int) -> int:
    """Judges the next mapping of a frame that user code may see and that was not judged yet."""
    n = s.frames[frame].first
    while n != NIL:
        m = s.mappings[n]
        if m.fresh != 0 and is_visible(s, n) and (m.pte & PTE_U != 0 or s.frames[frame].role == NONE):
            code = see(s, mapping_key(s, n, True), frame)
            if code != ASK:
                m.fresh = 0
            if code != GO:
                about(s, W_MAPPING, leads_to(m.pte), s.processes[m.slot].pid, m.vpn, 0)
                return code
        n = m.next_of_frame
    s.depth -= 1
    return GO


@compiled
def translations_due(s: Record, top: int) -> int:
    """Judges the next translation that a hart in user mode may cache although its PTE has lost rights."""
    number, at = s.work[top, 1], s.work[top, 2]
    while number < s.hart_count:
        hart = s.harts[number]
        while hart.user != 0 and at < hart.remembered:
            it = s.cached[number, at]
            if it.pid == hart.user:
                slot = find_process(s, it.pid)
                n = find_mapping(s, slot, it.vpn)
                pte = s.mappings[n].pte if n != NIL else 0
                ppn = leads_to(it.pte)
                known = ppn >= s.first_ppn and ppn < s.first_ppn + s.frame_count
                code = see(s, translation_key(it.pte, pte), ppn - s.first_ppn if known else -2 - slot)
                if code != GO:
                    about(s, W_TRANSLATION, ppn, it.pid, it.vpn, number)
                    s.work[top, 1], s.work[top, 2] = number, at if code == ASK else at + 1
                    return code
            at += 1
        if hart.user != 0 and hart.remembered > 0:
            kept = 0
            for index in range(hart.remembered):
                if s.cached[number, index].pid != hart.user:
                    it = s.cached[number, kept]
                    it.pid, it.vpn, it.pte = (
                        s.cached[number, index].pid,
                        s.cached[number, index].vpn,
                        s.cached[number, index].pte,
                    )
                    kept += 1
            hart.remembered = kept
        number, at = number + 1, 0
    s.depth = top
    return GO
