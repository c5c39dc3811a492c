"""The ends of the kernel's paths, compiled: what is judged then, what is known from then on, what is forgotten."""

from __future__ import annotations

from cowcheck.checker.verify import rights
from cowcheck.checker.verify.native_stack import (
    PURGE,
    TOUCHED,
    TRANSLATIONS,
    push,
    push_judge,
)
from cowcheck.checker.verify.native_state import (
    NIL,
    Record,
)
from cowcheck.checker.verify.native_tables import (
    drop_mapping,
    drop_process,
    find_mapping,
    find_process,
)
from cowcheck.checker.verify.native_views import (
    ASKED_AT,
    CHANGED_AT,
    FAULT_AT,
    KILLED_AT,
    LIVELY,
    OPERATION_KIND,
    PERMITTED_AT,
    STARVED_AT,
    SUCCEEDED_AT,
    SYSTEM_KIND,
    UNUSED,
    ZOMBIE,
    allows,
    has_mark,
    leads_to,
)
from cowcheck.checker.verify.scene import MOST_IDLE, MOST_REPEATS, What
from cowcheck.machine.native import compiled
from cowcheck.machine.record.event import A, B, C

user_can = compiled(rights.user_can)
same_but_for_use = compiled(rights.same_but_for_use)
same_rights = compiled(rights.same_rights)

W_FAULT, W_FOR_EVER = int(What.FAULT), int(What.FOR_EVER)


@compiled
def is_live(s: Record, key: int) -> bool:
    """Whether a path is in progress: of a process, or of hart ``-1 - key``."""
    slot = -1 - key if key < 0 else find_process(s, key)
    return slot != NIL and s.processes[slot].live != 0


@compiled
def settle_regions(s: Record, slot: int, frame: int) -> None:
    """What the regions of new pages allow is known now that the path which made them has ended."""
    p = s.processes[slot]
    n = s.frames[frame].first
    while n != NIL:
        m = s.mappings[n]
        if m.may_write == NIL and not is_live(s, m.maker):
            m.may_write = (m.maker == p.pid and p.fault != 0) or allows(m.pte) or has_mark(m.pte)
        n = m.next_of_frame


@compiled
def regions_at_start(s: Record, frame: int) -> None:
    """The same, of pages that are there when the run starts: one that is shared may have been writable before."""
    n = s.frames[frame].first
    while n != NIL:
        m = s.mappings[n]
        shared = s.mappings[s.frames[frame].first].next_of_frame != NIL
        m.may_write = allows(m.pte) or has_mark(m.pte) or shared
        n = m.next_of_frame


@compiled
def purge(s: Record, slot: int) -> None:
    """Forgets the pages that a path has unmapped, and processes of which nothing is left."""
    n = s.processes[slot].graves
    s.processes[slot].graves = NIL
    while n != NIL:
        m = s.mappings[n]
        following = m.next
        m.buried = 0
        if m.pte == 0:
            drop_mapping(s, n)
            forget(s, m.slot)
        n = following
    if slot >= s.hart_count and s.processes[slot].used:
        forget(s, slot)


@compiled
def forget(s: Record, slot: int) -> None:
    """A process that has ended, and of which nothing is left, is forgotten."""
    p = s.processes[slot]
    if (p.state != UNUSED and p.state != ZOMBIE) or p.first != NIL or p.live != 0:
        return
    pid = p.pid
    drop_process(s, slot)
    for number in range(s.hart_count):
        hart = s.harts[number]
        if hart.user == pid:
            hart.user = 0
        kept = 0
        for at in range(hart.remembered):
            if s.cached[number, at].pid != pid:
                it = s.cached[number, kept]
                it.pid, it.vpn, it.pte = s.cached[number, at].pid, s.cached[number, at].vpn, s.cached[number, at].pte
                kept += 1
        hart.remembered = kept


@compiled
def end_path(s: Record, slot: int) -> bool:
    """The path of that slot is over; what is due now is put on the stack. Whether there was one."""
    p = s.processes[slot]
    if p.live == 0:
        return False
    s.actor = max(p.pid, 0)
    push(s, TRANSLATIONS, 0, 0)
    push(s, PURGE, slot, 0)
    push(s, TOUCHED, slot, 0)
    if p.fault != 0:
        judge_fault(s, slot)
    p.live = 0
    return True


@compiled
def judge_fault(s: Record, slot: int) -> None:
    """A page fault is over: its handler has returned to user code, or its process has ended."""
    p = s.processes[slot]
    n = find_mapping(s, slot, p.vpn) if p.vpn != NIL else NIL
    pte = s.mappings[n].pte if n != NIL else 0
    succeeded = user_can(pte, p.fault, allows(pte))
    ended = p.state == ZOMBIE or p.state == UNUSED
    starved = p.starved != 0 or (ended and s.memory_known != 0 and (p.short != 0 or s.free_frames == 0))
    changed = pte != 0 and not same_rights(p.pte, pte)
    asked = p.asked != 0 or s.memory_known == 0
    ppn = leads_to(pte if pte != 0 else p.pte) if pte != 0 or p.pte != 0 else NIL
    vpn = max(p.vpn, 0)
    if succeeded or starved or ended:
        p.repeats = p.idle = 0
    else:
        if p.scause != p.trap[A] or p.stval != p.trap[B] or p.sepc != p.trap[C]:
            p.repeats = p.idle = 0
        p.scause, p.stval, p.sepc = p.trap[A], p.trap[B], p.trap[C]
        p.repeats += 1
        if p.repeats == 1:
            p.first_fault = p.trap_number
        p.idle = p.idle + 1 if same_but_for_use(p.pte, pte) else 0
        key = LIVELY if p.idle < MOST_IDLE and p.repeats < MOST_REPEATS else SYSTEM_KIND
        push_judge(s, key, -2 - slot, W_FOR_EVER, ppn, p.pid, vpn, p.fault)
    key = (
        OPERATION_KIND
        | (1 << FAULT_AT)
        | (int(p.permitted != 0) << PERMITTED_AT)
        | (int(succeeded) << SUCCEEDED_AT)
        | (int(ended) << KILLED_AT)
        | (int(asked) << ASKED_AT)
        | (int(starved) << STARVED_AT)
        | (int(changed) << CHANGED_AT)
    )
    push_judge(s, key, -2 - slot, W_FAULT, ppn, p.pid, vpn, p.fault)
