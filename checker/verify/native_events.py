"""The native engine's events, compiled: what each changes, and what is due to be judged after it.

The same steps in the same order as the reference engine's (``reference.py``), where the reasons stand.
"""

from __future__ import annotations

from typing import Any

from cowcheck.checker.verify import rights
from cowcheck.checker.verify.native_changes import change, drop_next_page
from cowcheck.checker.verify.native_frames import on_frame
from cowcheck.checker.verify.native_kinds import (
    COUNT,
    FENCE,
    KILLED,
    LIST,
    OWN,
    PTE,
    RUN,
    SIZE,
    STATE,
    TRAP,
    USER,
    is_sane,
)
from cowcheck.checker.verify.native_paths import end_path, same_but_for_use, user_can
from cowcheck.checker.verify.native_stack import (
    BAD_OLD,
    BAD_ROW,
    CROWDED,
    DROP,
    FIRST,
    GO,
    INITIAL,
    PAGES,
    TRANSLATIONS,
    push,
)
from cowcheck.checker.verify.native_state import (
    NIL,
    Record,
)
from cowcheck.checker.verify.native_tables import (
    find_mapping,
    is_crowded,
    process_of,
)
from cowcheck.checker.verify.native_views import (
    UNUSED,
    USED,
    ZOMBIE,
)
from cowcheck.checker.verify.native_work import work
from cowcheck.machine.native import compiled
from cowcheck.machine.record.event import HART, KIND, PC, PID, WIDTH, A, B, C, D, ProcessState
from cowcheck.model.sv39 import PTE_V

fault_vpn = compiled(rights.fault_vpn)

RUNNABLE, RUNNING = int(ProcessState.RUNNABLE), int(ProcessState.RUNNING)
INSTRUCTION_FAULT, LOAD_FAULT, STORE_FAULT = rights.INSTRUCTION_FAULT, rights.LOAD_FAULT, rights.STORE_FAULT


@compiled
def on_run(s: Record) -> None:
    number = s.row[HART]
    hart = s.harts[number]
    before = hart.current
    hart.current, hart.user = s.row[A], 0
    if before != 0 and before != hart.current:
        slot = process_of(s, before)
        if s.processes[slot].state == ZOMBIE:
            end_path(s, slot)
    elif before == 0 and hart.current != 0:
        end_path(s, number)


@compiled
def on_trap(s: Record) -> None:
    slot = process_of(s, s.row[PID])
    if end_path(s, slot):
        s.again = 1  # when what it has left is judged
        return
    hart, p = s.harts[s.row[HART]], s.processes[slot]
    hart.current, hart.user = p.pid, 0
    p.live, p.trapped, p.asked, p.short, p.starved = 1, 1, p.killed, 0, 0
    for column in range(WIDTH):
        p.trap[column] = s.row[column]
    p.trap_number = s.number
    p.fault, p.vpn, p.pte, p.permitted = 0, NIL, 0, 0
    scause, stval = s.row[A], s.row[B]
    if scause != INSTRUCTION_FAULT and scause != LOAD_FAULT and scause != STORE_FAULT:
        if scause >= 0:
            p.repeats = p.idle = 0
        return
    p.fault = scause
    p.vpn = fault_vpn(stval)
    n = find_mapping(s, slot, p.vpn) if p.vpn != NIL else NIL
    if n == NIL:
        return
    p.pte = s.mappings[n].pte
    if p.size == NIL or stval < p.size:
        p.permitted = user_can(p.pte, scause, s.mappings[n].may_write == 1)
        if p.size == NIL and scause == STORE_FAULT:
            above = find_mapping(s, slot, p.vpn + 1)
            if above == NIL or s.mappings[above].pte == 0:
                p.permitted = 0


@compiled
def on_user(s: Record) -> None:
    slot = process_of(s, s.row[PID])
    p, number = s.processes[slot], s.row[HART]
    if p.state == UNUSED or p.state == USED or p.state == ZOMBIE:
        p.state = RUNNING
    if p.live:
        p.killed = p.asked
    s.harts[number].current = s.harts[number].user = p.pid
    s.returns += 1
    push(s, TRANSLATIONS, 0, 0)
    if p.new:
        p.new = 0
        push(s, PAGES, slot, FIRST)
    end_path(s, slot)
    s.ran[number, slot] = s.harts[number].epoch


@compiled
def on_state(s: Record) -> None:
    if s.row[A] == 0:
        return
    slot = process_of(s, s.row[A])
    p = s.processes[slot]
    before = p.state
    p.state = s.row[B]
    if s.initial:
        return
    if before in (UNUSED, USED) and p.state == RUNNABLE:
        p.new = 1
        if s.row[PID] != 0:
            s.forks += 1
    if p.state == UNUSED:
        s.actor = p.pid
        push(s, DROP, slot, p.pid)
        end_path(s, slot)


@compiled
def on_pte(s: Record) -> int:
    slot = process_of(s, s.row[A])
    vpn, old, new = s.row[B], s.row[C], s.row[D]
    n = find_mapping(s, slot, vpn)
    known = s.mappings[n].pte if n != NIL else 0
    if (old | new) & PTE_V == 0 or (s.processes[slot].state == UNUSED and known == 0 and new & PTE_V == 0):
        return GO
    if not same_but_for_use(known, old):
        s.known_pte = known
        return BAD_OLD
    if n != NIL and same_but_for_use(known, new):
        s.mappings[n].pte = new
        return GO
    change(s, slot, vpn, old, new)
    return GO


@compiled
def on_killed(s: Record) -> None:
    slot = process_of(s, s.row[A])
    p = s.processes[slot]
    p.killed = 1
    if s.row[PID] != p.pid:
        p.asked = 1
    elif p.live and s.memory_known and s.free_frames == 0:
        p.short = 1


@compiled
def apply(s: Record) -> int:
    """What the event in ``row`` changes."""
    if not is_sane(s):
        return BAD_ROW
    if is_crowded(s):
        return CROWDED
    kind = s.row[KIND]
    if s.initial:
        telling = kind in (RUN, STATE, PTE, OWN, LIST, COUNT, SIZE)
        if not telling or s.row[PC] != 0:
            s.initial = 0
            s.actor = s.row[PID]
            push(s, INITIAL, 0, 0)
            s.again = 1
            return GO
    s.actor = s.row[PID]
    if kind == PTE:
        return on_pte(s)
    if kind == TRAP:
        on_trap(s)
    elif kind == USER:
        on_user(s)
    elif kind == RUN:
        on_run(s)
    elif kind == STATE:
        on_state(s)
    elif kind == KILLED:
        on_killed(s)
    elif kind == SIZE:
        s.processes[process_of(s, s.row[A])].size = s.row[B]
    elif kind == FENCE:
        s.harts[s.row[HART]].epoch += 1
        s.harts[s.row[HART]].remembered = 0
    else:
        on_frame(s, kind)
    return GO


@compiled
def run(states: Any, rows: Any, start: int, number: int) -> Any:
    """Takes events from ``rows[start]`` on, which has ``number``, until all are done or Python is wanted.

    Returns how it ended, and at which row.
    """
    s = states[0]
    at = start
    while True:
        while s.depth > 0:
            code = drop_next_page(s) if s.work[s.depth - 1, 0] == DROP else work(s)
            if code != GO:
                return code, at
        if s.applied:
            s.applied = 0
            if s.again:
                s.again = 0
            else:
                at += 1
        if at >= rows.shape[0]:
            return GO, at
        for column in range(WIDTH):
            s.row[column] = rows[at, column]
        s.number = number + at - start
        code = apply(s)
        if code != GO:
            return code, at
        s.applied = 1
