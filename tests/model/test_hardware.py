"""User loads and stores: what a PTE grants, what the TLB remembers, and what traps.

A process is brought to its first user instruction; then its page table is changed by hand, and it takes one step.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cowcheck.checker.catalogue import Design, designs, scenarios
from cowcheck.model.language import JUNK_ALLOCATED, SCAUSE_LOAD_FAULT, SCAUSE_STORE_FAULT
from cowcheck.model.layout import FAULT_PTE, INIT, INTR, PC, RETURN, SCAUSE, STATE, STVAL, UPC
from cowcheck.model.scenario import Scenario
from cowcheck.model.sv39 import PTE_COW, PTE_R, PTE_U, PTE_V, PTE_W, PTE_X, flag_letters, make_pte, pte_ppn
from cowcheck.model.system import Action, Model, StateTuple
from cowcheck.model.views import LoadView

ACCESSES = """\
from cowcheck.model.user import FAR, Scenario, {op}

SCENARIO = Scenario(name="access", title="one access", harts=1, frames=6, pages=("data", "data"))


def parent() -> None:
    {op}({page})
    {op}({page})
"""
PARENT = 2
LOAD_ACCESS_FAULT, STORE_ACCESS_FAULT = 5, 7  # privileged specification 1.12, table 3.6
ALL = PTE_V | PTE_R | PTE_W | PTE_U


@pytest.fixture(scope="module")
def lab_plan() -> Design:
    return designs()["lab-plan"]


def in_user_mode(model: Model) -> list[int]:
    """The state at the parent's first instruction."""
    state = next(model.initial_states())
    while state[model.layout.process(INIT) + PC]:
        state = model.next_state(state, Action(INIT))
    return list(state)


def frame_of(model: Model, state: list[int], page: int) -> int:
    return pte_ppn(state[model.layout.pte(1, page)])


@pytest.fixture
def accessing(lab_plan: Design, write_scenario: Callable[[str], Scenario]) -> Callable[[str, object], Model]:
    def make(op: str, page: object = 0) -> Model:
        return Model(lab_plan.program, write_scenario(ACCESSES.format(op=op, page=page)))

    return make


@pytest.mark.parametrize(
    ("flags", "load", "store"),
    [
        (ALL, True, True),
        (ALL | PTE_X, True, True),
        (ALL | PTE_COW, True, True),  # RSW bits are the software's
        (ALL & ~PTE_W, True, False),
        (ALL & ~PTE_W | PTE_COW, True, False),
        (ALL & ~PTE_R, False, True),  # a reserved encoding; the load at least is refused
        (ALL & ~PTE_U, False, False),
        (ALL & ~PTE_V, False, False),
        (PTE_V | PTE_X | PTE_U, False, False),
        (0, False, False),
    ],
    ids=lambda it: flag_letters(it) if it > 1 else str(it),
)
def test_what_a_pte_grants(flags: int, load: bool, store: bool, accessing: Callable[..., Model]) -> None:
    for op, granted, cause in (("load", load, SCAUSE_LOAD_FAULT), ("store", store, SCAUSE_STORE_FAULT)):
        model = accessing(op)
        state = in_user_mode(model)
        slot = model.layout.pte(1, 0)
        state[slot] = pte = make_pte(frame_of(model, state, 0), flags)
        after, events = model.take(tuple(state), Action(PARENT))
        base = model.layout.process(PARENT)
        if granted:
            assert (after[base + UPC], after[base + PC], after[base + SCAUSE]) == (state[base + UPC] + 1, 0, 0)
            assert len(events) == (op == "load")
        else:
            assert after[base + UPC] == state[base + UPC], "it is to be done again"
            assert after[base + PC] > 0
            assert (after[base + SCAUSE], after[base + STVAL], after[base + FAULT_PTE]) == (cause, 0, pte)
            assert after[base + INTR] == 0, "a trap turns interrupts off"
            assert events == []


@pytest.mark.parametrize("frame", [0, 7, 500])
def test_what_is_no_ram_is_no_page_fault(frame: int, accessing: Callable[..., Model]) -> None:
    """There are 6 frames: physical address 0 and what lies behind are access faults (or a device's)."""
    for op, cause in (("load", LOAD_ACCESS_FAULT), ("store", STORE_ACCESS_FAULT)):
        model = accessing(op)
        state = in_user_mode(model)
        state[model.layout.pte(1, 0)] = make_pte(frame, ALL)
        after = model.next_state(tuple(state), Action(PARENT))
        assert after[model.layout.process(PARENT) + SCAUSE] == cause


@pytest.mark.parametrize("page", [2, "FAR", 1000])
def test_beyond_the_page_table_is_a_page_fault(page: object, accessing: Callable[..., Model]) -> None:
    for op, cause in (("load", SCAUSE_LOAD_FAULT), ("store", SCAUSE_STORE_FAULT)):
        model = accessing(op, page)
        state = in_user_mode(model)
        after = model.next_state(tuple(state), Action(PARENT))
        base = model.layout.process(PARENT)
        stval = 1023 if page == "FAR" else page
        assert (after[base + SCAUSE], after[base + STVAL], after[base + FAULT_PTE]) == (cause, stval, 0)


def test_without_a_leaf_table_there_is_no_pte(accessing: Callable[..., Model]) -> None:
    model = accessing("load")
    state = in_user_mode(model)
    state[model.layout.table(1) + 1] = 0
    assert model.kernel.leaf_pte(state, PARENT, 0) == 0
    after = model.next_state(tuple(state), Action(PARENT))
    assert after[model.layout.process(PARENT) + SCAUSE] == SCAUSE_LOAD_FAULT


def test_a_store_writes_a_value_of_its_own(accessing: Callable[..., Model]) -> None:
    """The page, and what is due there; the free list's link, which would stand in the page, is destroyed."""
    model = accessing("store", 1)
    state = in_user_mode(model)
    frame = frame_of(model, state, 1)
    data, link = model.layout.array("page.data", frame), model.layout.array("run.next", frame)
    state[link] = 3
    once = model.next_state(tuple(state), Action(PARENT))
    twice = model.next_state(once, Action(PARENT))
    due = model.layout.due(PARENT, 1)
    assert once[data] == once[due] != twice[data] == twice[due]
    assert once[link] == 0
    assert once[model.layout.due(PARENT, 0)] == state[model.layout.due(PARENT, 0)]


def test_a_load_is_told_with_what_was_due(accessing: Callable[..., Model]) -> None:
    model = accessing("load")
    state = in_user_mode(model)
    _, (told,) = model.take(tuple(state), Action(PARENT))
    subject, view = told
    assert subject == "parent's load of page 0"
    assert isinstance(view, LoadView)
    assert view.seen == view.due
    state[model.layout.array("page.data", frame_of(model, state, 0))] = JUNK_ALLOCATED
    _, ((_, other),) = model.take(tuple(state), Action(PARENT))
    assert isinstance(other, LoadView)
    assert other.seen != other.due == view.due


# --- the TLB ---


def cached(model: Model, state: StateTuple | list[int], page: int, hart: int = 0) -> int:
    return state[model.layout.hart(hart) + 1 + page]


def test_an_access_fills_the_tlb(accessing: Callable[..., Model]) -> None:
    model = accessing("load", 1)
    state = in_user_mode(model)
    assert [cached(model, state, page) for page in (0, 1)] == [0, 0]
    after = model.next_state(tuple(state), Action(PARENT))
    assert cached(model, after, 1) == state[model.layout.pte(1, 1)]
    assert cached(model, after, 0) == 0
    assert after[model.layout.hart(0)] == PARENT


def test_what_the_tlb_remembers_is_used(accessing: Callable[..., Model]) -> None:
    """After the PTE has lost PTE_W, or leads elsewhere, or is gone, the translation is as it was."""
    model = accessing("store", 1)
    first = list(model.next_state(tuple(in_user_mode(model)), Action(PARENT)))
    old = frame_of(model, first, 1)
    for pte in (make_pte(old, ALL & ~PTE_W), make_pte(1, ALL), 0):
        state = list(first)
        state[model.layout.pte(1, 1)] = pte
        after = model.next_state(tuple(state), Action(PARENT))
        assert after[model.layout.process(PARENT) + SCAUSE] == 0, "the store has retired"
        assert after[model.layout.array("page.data", old)] != state[model.layout.array("page.data", old)]


def test_what_the_tlb_refuses_is_refused(accessing: Callable[..., Model]) -> None:
    """A translation that grants less than the PTE does by now costs one more fault."""
    model = accessing("store", 1)
    state = in_user_mode(model)
    state[model.layout.hart(0)] = PARENT
    state[model.layout.hart(0) + 2] = state[model.layout.pte(1, 1)] & ~PTE_W
    after = model.next_state(tuple(state), Action(PARENT))
    assert after[model.layout.process(PARENT) + SCAUSE] == SCAUSE_STORE_FAULT


def test_a_page_that_is_no_ram_is_not_remembered(accessing: Callable[..., Model]) -> None:
    model = accessing("load")
    state = in_user_mode(model)
    state[model.layout.pte(1, 0)] = make_pte(0, ALL)
    assert cached(model, model.next_state(tuple(state), Action(PARENT)), 0) == 0


def test_sfence_vma_empties_its_own_hart_only(lab_plan: Design) -> None:
    model = Model(lab_plan.program, scenarios()["two-stores"])
    state = in_user_mode(model)
    for hart, pid in ((0, PARENT), (1, 3)):
        state[model.layout.hart(hart)] = pid
        state[model.layout.hart(hart) + 1] = make_pte(1, ALL)
    model.kernel.sfence_vma(state, 3)
    assert [cached(model, state, 0, hart) for hart in (0, 1)] == [make_pte(1, ALL), 0]
    model.kernel.sfence_vma(state, INIT)  # on no hart
    assert cached(model, state, 0) == make_pte(1, ALL)


def test_another_process_on_the_hart_finds_it_empty(lab_plan: Design) -> None:
    """Wherever a hart's process changes along a transition, nothing is left of the other's translations."""
    model = Model(lab_plan.program, scenarios()["store-exit"].resized(1, None, None))
    layout = model.layout
    state, switches = next(model.initial_states()), 0
    for number in range(2000):
        actions = list(model.enabled_actions(state))
        if not actions:
            break
        after = model.next_state(state, actions[number % len(actions)])
        before_pid, after_pid = state[layout.hart(0)], after[layout.hart(0)]
        if before_pid and after_pid and before_pid != after_pid:
            switches += 1
            for page in range(layout.pages):
                entry = cached(model, after, page)
                assert entry in (0, model.kernel.leaf_pte(after, after_pid, page))
        state = after
    assert switches > 0


TURNS = """\
from cowcheck.model.user import Scenario, fork, load, meet, store

SCENARIO = Scenario(name="turns", title="two take turns on one hart", harts=1, frames=8, pages=("data",))


def parent() -> None:
    fork(child)
    store(0)
    meet()
    load(0)
    load(0)


def child() -> None:
    store(0)
    meet()
    load(0)
    load(0)
"""


def test_who_takes_turns_on_a_hart_never_sees_the_other_s_page(
    lab_plan: Design, write_scenario: Callable[[str], Scenario]
) -> None:
    """Each has stored to a page of its own; then they load, in any order, without entering the kernel."""
    model = Model(lab_plan.program, write_scenario(TURNS))
    layout, loads = model.layout, 0
    found = dict.fromkeys(model.initial_states())
    for state in (work := list(found)):
        for action in model.enabled_actions(state):
            after, events = model.take(state, action)
            for _, view in events:
                if isinstance(view, LoadView):
                    loads += 1
                    assert view.seen == view.due
            running = after[layout.hart(0)]
            if running and not after[layout.process(running) + PC]:
                assert cached(model, after, 0) in (0, model.kernel.leaf_pte(after, running, 0))
            if after not in found:
                found[after] = None
                work.append(after)
    assert loads > 4


def test_the_trap_path_flushes(accessing: Callable[..., Model]) -> None:
    """A process that comes back from the kernel has an empty TLB: uservec and userret both run sfence.vma."""
    model = accessing("store")
    state = model.next_state(tuple(in_user_mode(model)), Action(PARENT))
    changed = list(state)
    changed[model.layout.pte(1, 0)] |= PTE_COW
    changed[model.layout.pte(1, 0)] &= ~PTE_W
    changed[model.layout.hart(0) + 1] &= ~PTE_W
    state = model.next_state(tuple(changed), Action(PARENT))
    base = model.layout.process(PARENT)
    assert cached(model, state, 0) == 0
    while state[base + PC]:
        state = model.next_state(state, Action(PARENT))
    assert cached(model, state, 0) == 0
    assert (state[base + SCAUSE], state[base + RETURN], state[base + INTR]) == (0, 0, 1)
    assert state[model.layout.pte(1, 0)] & (PTE_W | PTE_COW) == PTE_W, "it was a COW fault, and is served"


def test_a_process_that_needs_no_hart_is_on_none(lab_plan: Design) -> None:
    """So states that differ in who idles where are one state."""
    model = Model(lab_plan.program, scenarios()["both-exit"])
    state = next(model.initial_states())
    while actions := list(model.enabled_actions(state)):
        state = model.next_state(state, actions[-1])
        for hart in range(2):
            pid = state[model.layout.hart(hart)]
            if pid:
                caches = any(cached(model, state, page, hart) for page in range(model.layout.pages))
                assert caches or model.pinned(state, pid)
            else:
                assert not any(cached(model, state, page, hart) for page in range(model.layout.pages))
    assert state[model.layout.process(PARENT) + STATE] == 0


# --- Sv39's words ---


def test_a_pte_is_a_frame_and_flags() -> None:
    pte = make_pte(5, PTE_V | PTE_COW)
    assert pte == 5 << 10 | 0x101
    assert pte_ppn(pte) == 5
    assert (PTE_V, PTE_R, PTE_W, PTE_X, PTE_U) == (1, 2, 4, 8, 16)


@pytest.mark.parametrize(
    ("flags", "letters"),
    [(ALL, "RW-U-"), (PTE_V | PTE_R | PTE_X | PTE_U, "R-XU-"), (ALL & ~PTE_W | PTE_COW, "R--UC"), (PTE_R, "invalid")],
)
def test_the_letters_of_a_pte(flags: int, letters: str) -> None:
    assert flag_letters(make_pte(3, flags)) == letters
