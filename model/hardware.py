"""The hardware of the model: user loads and stores, translation, TLBs and traps.

A user access is one step: the translation is the TLB's where there is one, else the page table's, which the TLB then
keeps (RISC-V privileged specification 1.12, sections 4.2.1 and 4.3.2). An entry leaves the TLB with ``sfence.vma`` or
when its hart runs another process, never by itself: the most that a stale translation can do.
"""

from __future__ import annotations

from cowcheck.model import language
from cowcheck.model.contents import FIRST_STORE_TOKEN, with_word
from cowcheck.model.ir import PAGE_DATA, RUN_NEXT
from cowcheck.model.layout import FAULT_PTE, INTR, SCAUSE, STVAL, TABLE, UPC, Layout
from cowcheck.model.scenario import Op, OpKind, Scenario
from cowcheck.model.sv39 import FLAG_BITS, PTE_R, PTE_U, PTE_V, PTE_W, PTE_X
from cowcheck.model.views import LoadView, OperationView, TouchView

SCAUSE_FETCH_ACCESS = 1
SCAUSE_LOAD_ACCESS = 5
SCAUSE_STORE_ACCESS = 7
_CAUSES = {
    OpKind.EXECUTE: (language.SCAUSE_FETCH_FAULT, SCAUSE_FETCH_ACCESS),
    OpKind.LOAD: (language.SCAUSE_LOAD_FAULT, SCAUSE_LOAD_ACCESS),
    OpKind.STORE: (language.SCAUSE_STORE_FAULT, SCAUSE_STORE_ACCESS),
}
"""Of the accesses of user code: the causes of a page fault and of an access to no RAM (table 3.6)."""
_PERMISSION = {OpKind.EXECUTE: PTE_X, OpKind.LOAD: PTE_R, OpKind.STORE: PTE_W}
FAULTS = frozenset(cause for causes in _CAUSES.values() for cause in causes)

State = list[int]
StateLike = list[int] | tuple[int, ...]
Events = list[tuple[str, LoadView | OperationView | TouchView]]
"""What a step gave an invariant to judge: the subject in words, and the view."""


class Hardware:
    """Bound to a layout and a scenario; ``state`` is the working list of a step, ``pid`` the process that runs."""

    def __init__(self, layout: Layout, scenario: Scenario) -> None:
        self.layout = layout
        self.scenario = scenario
        self.ops = scenario.ops
        self.next_base = layout.arrays[RUN_NEXT] - 1
        self.data_base = layout.arrays[PAGE_DATA] - 1
        self.events: Events = []

    def in_ram(self, frame: int) -> bool:
        return 0 < frame <= self.layout.frames

    def op(self, state: StateLike, pid: int) -> Op:
        return self.ops[state[self.layout.process(pid) + UPC]]

    def token(self, state: State, pid: int) -> int:
        """What this operation stores or has copied out: a value of its own."""
        return FIRST_STORE_TOKEN + pid * len(self.ops) + state[self.layout.process(pid) + UPC]

    # --- translation ---

    def leaf_pte(self, state: StateLike, pid: int, page: int) -> int:
        """The PTE that a hardware walk ends at; 0 where there is none."""
        table = state[self.layout.process(pid) + TABLE]
        if not table or page >= self.layout.pages or not self._has_leaf(state, table, page):
            return 0
        return state[self.layout.pte(table, page)]

    def _has_leaf(self, state: StateLike, table: int, page: int) -> bool:
        return state[self.layout.leaf(table, page // self.layout.leaf_pages)] != 0

    def walk_grants(self, pte: int, kind: OpKind) -> bool:
        """User code may use the PTE for the access (privileged specification 4.3.2)."""
        wanted = PTE_V | PTE_U | _PERMISSION[kind]
        return pte & wanted == wanted

    def trap(self, state: State, pid: int, cause: int, page: int) -> None:
        """The hardware's part of a trap: cause, address, interrupts off."""
        base = self.layout.process(pid)
        state[base + SCAUSE] = cause
        state[base + STVAL] = page
        state[base + INTR] = 0
        if cause in FAULTS:
            state[base + FAULT_PTE] = self.leaf_pte(state, pid, page)

    def access(self, state: State, pid: int, hart: int, op: Op) -> int:
        """A user load, store or jump to a page: 0 where it retired, else the cause of the trap."""
        fault, bad = _CAUSES[op.kind]
        if op.page >= self.layout.pages:
            return fault
        cached = self.layout.hart(hart) + 1 + op.page
        pte = state[cached] or self.leaf_pte(state, pid, op.page)
        if not self.walk_grants(pte, op.kind):
            return fault
        frame = pte >> FLAG_BITS
        if not self.in_ram(frame):
            return bad
        state[cached] = pte
        due = self.layout.due(pid, op.page)
        if op.kind is OpKind.STORE:
            token = self.token(state, pid)
            state[self.data_base + frame] = with_word(state[self.data_base + frame], token)
            state[due] = with_word(state[due], token)
            state[self.next_base + frame] = 0
        elif op.kind is OpKind.LOAD:
            view = LoadView(seen=state[self.data_base + frame], due=state[due])
            self.events.append((op.subject, view))
        state[self.layout.process(pid) + UPC] += 1
        return 0

    # --- control ---

    def sfence_vma(self, state: State, pid: int) -> None:
        hart = self.hart_of(state, pid)
        if hart is not None:
            self.flush(state, hart)

    def flush(self, state: State, hart: int) -> None:
        slot = self.layout.hart(hart) + 1
        state[slot : slot + self.layout.pages] = [0] * self.layout.pages

    def hart_of(self, state: StateLike, pid: int) -> int | None:
        for hart in range(self.layout.harts):
            if state[self.layout.hart(hart)] == pid:
                return hart
        return None

    def intr_on(self, state: State, pid: int) -> None:
        state[self.layout.process(pid) + INTR] = 1

    def intr_off(self, state: State, pid: int) -> None:
        state[self.layout.process(pid) + INTR] = 0
