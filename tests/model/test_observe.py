"""What the invariants may know of a state, checked by hand along one COW fault of the lab's plan.

In two-stores 8 frames are freed in their order, so the last is given out first: 8 is the parent's root page, 7 its
page 0, 6 its leaf page, 5 and 4 the child's root and leaf, and 3 to 1 are free.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cowcheck.checker.catalogue import Design, designs, scenarios
from cowcheck.checker.explore import Explorer
from cowcheck.checker.judge import Judge
from cowcheck.model.ir import Store
from cowcheck.model.language import SLEEPING, ZOMBIE
from cowcheck.model.layout import INIT, PANIC, PC, PHASE, STATE, TABLE
from cowcheck.model.observe import Observer
from cowcheck.model.scenario import Scenario
from cowcheck.model.sv39 import PTE_COW, PTE_R, PTE_U, PTE_V, PTE_W, make_pte
from cowcheck.model.system import Action, Model, StateTuple
from cowcheck.model.views import FrameView, MappingView, SystemView, TranslationView, View

PARENT, CHILD = 2, 3
DATA, NEW = 7, 3  # the page that is shared, and the one that the fault is to get
FREE = FrameView(True, 0, 0, 0, 0, 1, 0, 0, True)
KERNEL_S = FrameView(True, 1, 0, 0, 0, 0, 0, 1, True)  # a page of a page table
SHARED = FrameView(True, 2, 2, 2, 0, 0, 0, 0, True)
COW_PAGE = MappingView(in_ram=True, visible=True, user=True, writable=False, cow=True, may_write=True)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(designs()["lab-plan"].program, scenarios()["two-stores"])


@pytest.fixture(scope="module")
def met(model: Model) -> StateTuple:
    """Both are about to store."""
    state = next(model.initial_states())
    while state[PHASE] == 0:
        (action,) = model.enabled_actions(state)
        state = model.next_state(state, action)
    return state


def frames(model: Model, state: StateTuple | list[int]) -> list[FrameView]:
    return [view for view in Observer(model).views(tuple(state)) if isinstance(view, FrameView)]


def of_kind(model: Model, state: StateTuple | list[int], kind: type[View]) -> list[View]:
    return [view for view in Observer(model).views(tuple(state)) if isinstance(view, kind)]


def test_after_the_fork(model: Model, met: StateTuple) -> None:
    assert frames(model, met) == [FREE, FREE, FREE, KERNEL_S, KERNEL_S, KERNEL_S, SHARED, KERNEL_S]
    assert of_kind(model, met, MappingView) == [COW_PAGE, COW_PAGE]
    assert of_kind(model, met, SystemView) == [SystemView(panicked=False, end_reachable=True)]
    assert of_kind(model, met, TranslationView) == []


def test_what_each_view_is_of(model: Model, met: StateTuple) -> None:
    observer = Observer(model)
    told = [observer.subject(met, index) for index in range(len(observer.views(met)))]
    assert told == [
        "the kernel",
        *(f"frame {number}" for number in range(1, 7)),
        "frame 7 (parent's page 0, child's page 0)",
        "frame 8",
        "parent's page 0",
        "child's page 0",
    ]


def test_along_a_fault(model: Model, met: StateTuple) -> None:
    """What is known of the shared page and of the new one before each step of the parent's store."""
    shared = SHARED._replace(visible=1, held=1, quiescent=False)  # the parent is in the kernel, and points to it
    left = shared._replace(mappings=1)
    private = SHARED._replace(refs=1, mappings=1, visible=1)
    found = FREE._replace(held=1, quiescent=False)
    taken = found._replace(free=0)
    counted = taken._replace(refs=1)
    mapped = counted._replace(held=0, mappings=1)
    steps = [
        (SHARED, FREE),  # the store
        (shared, FREE),  # kalloc: acquire
        (shared, FREE),  # r = kmem.freelist
        (shared, found),  # r.next is read
        (shared, found),  # kmem.freelist = r.next
        (shared, taken),  # kmem.refcnt[r] = 1
        (shared, counted),  # release
        (shared, counted),  # memset
        (shared, counted),  # memmove reads
        (shared, counted),  # memmove writes, and pte[0] is rewritten
        (left, mapped),  # kfree: acquire
        (left, mapped),  # the count is read
        (left, mapped),  # and lowered
        (left._replace(refs=1), mapped),  # and tested
        (private, mapped),  # release
        (private, mapped),  # killed?
    ]
    state = met
    for number, (data, new) in enumerate(steps):
        views = frames(model, state)
        assert (number, views[DATA - 1], views[NEW - 1]) == (number, data, new)
        state = model.next_state(state, Action(PARENT))
    assert state[model.layout.process(PARENT) + PC] == 0
    assert frames(model, state)[NEW - 1] == private._replace(writers=1)
    assert frames(model, state)[DATA - 1] == private
    assert of_kind(model, state, MappingView) == [COW_PAGE._replace(writable=True, cow=False), COW_PAGE]


def test_inside_the_kernel_its_own_page_table_is_neither_visible_nor_owned(model: Model, met: StateTuple) -> None:
    state = model.next_state(met, Action(PARENT))
    views = frames(model, state)
    for parents in (6, 8):
        assert views[parents - 1] == KERNEL_S._replace(owned=0, quiescent=False)
    for childs in (4, 5):
        assert views[childs - 1] == KERNEL_S
    assert of_kind(model, state, MappingView) == [COW_PAGE._replace(visible=False), COW_PAGE]


def test_asleep_its_pages_are_as_they_were(model: Model, met: StateTuple) -> None:
    """A process in wait() can be looked at: its pages are visible, its page table is owned."""
    base = model.layout.process(PARENT)
    state = met
    while state[base + STATE] != SLEEPING:
        state = model.next_state(state, Action(PARENT))
    views = frames(model, state)
    assert views[8 - 1] == KERNEL_S
    assert views[NEW - 1].visible == 1
    assert views[NEW - 1].quiescent


def test_what_a_zombie_maps_nobody_can_use(model: Model, met: StateTuple) -> None:
    base = model.layout.process(CHILD)
    state = met
    while state[base + STATE] != ZOMBIE or state[base + PC]:
        state = model.next_state(state, Action(CHILD))
    zombie_s = of_kind(model, state, MappingView)[1]
    assert zombie_s == COW_PAGE._replace(visible=False, writable=True, cow=False)
    new = frames(model, state)[NEW - 1]
    assert (new.mappings, new.visible, new.writers, new.quiescent) == (1, 0, 0, True)


def test_a_panic_leaves_nothing_else_to_judge(model: Model, met: StateTuple) -> None:
    state = list(met)
    state[PANIC] = 1
    assert Observer(model).views(tuple(state)) == [SystemView(panicked=True, end_reachable=True)]


def test_a_child_that_is_being_made_belongs_to_the_operation(model: Model) -> None:
    """After uvmcopy fork knows the child as `np` only: its page table is neither owned nor quiescent yet."""
    state, seen = next(model.initial_states()), 0
    child = model.layout.process(CHILD)
    while state[PHASE] == 0:
        pc = state[model.layout.process(PARENT) + PC]
        if pc and model.program.instructions[pc - 1].function == "fork" and state[child + TABLE]:
            seen += 1
            for its in (4, 5):
                assert frames(model, state)[its - 1] == KERNEL_S._replace(owned=0, quiescent=False)
        (action,) = model.enabled_actions(state)
        state = model.next_state(state, action)
    assert seen > 3


def test_a_pointer_that_is_only_tested_keeps_no_page() -> None:
    """kref-lock's writefault returns the old page, and its caller asks only whether there was one: when both faults
    have lowered the count to 0, the page is lost at that step, though `return pa` is still to come."""
    model = Model(designs()["kref-lock"].program, scenarios()["two-stores"])
    found = Explorer(model, Judge()).run()
    (leak,) = found.findings
    state = model.replay(leak.path[:-1])
    last = model.program.instructions[state[model.layout.process(leak.path[-1].pid) + PC] - 1]
    assert (leak.invariant, last.function) == ("no-leak", "kdecref")
    assert isinstance(last, Store)


def test_while_the_kernel_boots_no_frame_is_lost(model: Model) -> None:
    state = next(model.initial_states())
    while state[model.layout.process(INIT) + PC]:
        assert not any(view.quiescent for view in frames(model, state))
        state = model.next_state(state, Action(INIT))
    assert all(view.quiescent for view in frames(model, state))


# --- translations ---


def with_translation(model: Model, met: StateTuple, cached: int, pte: int) -> list[int]:
    """Hart 1 runs the child in user mode; it remembers ``cached``, and the child's PTE is ``pte``."""
    state = list(met)
    state[model.layout.hart(1)] = CHILD
    state[model.layout.hart(1) + 1] = cached
    state[model.layout.pte(state[model.layout.process(CHILD) + TABLE], 0)] = pte
    return state


READ = PTE_V | PTE_R | PTE_U
WRITE = READ | PTE_W


@pytest.mark.parametrize(
    ("cached", "pte", "view", "visible", "writers"),
    [
        # the PTE is as the TLB remembers it: the two mappings, no writer
        (make_pte(DATA, READ), make_pte(DATA, READ | PTE_COW), TranslationView(False, True, False, True), 2, 0),
        # the PTE has lost PTE_W: the translation is a writer, and no further mapping
        (make_pte(DATA, WRITE), make_pte(DATA, READ), TranslationView(True, True, False, True), 2, 1),
        # the PTE has it still: one writer, not two
        (make_pte(DATA, WRITE), make_pte(DATA, WRITE), TranslationView(True, True, True, True), 2, 1),
        # the PTE leads elsewhere: what the TLB leads to has one translation more
        (make_pte(DATA, READ), make_pte(NEW, WRITE), TranslationView(False, True, True, False), 2, 0),
        (make_pte(DATA, WRITE), make_pte(NEW, WRITE), TranslationView(True, True, True, False), 2, 1),
        # the PTE is gone, or is not user code's
        (make_pte(DATA, READ), 0, TranslationView(False, False, False, False), 2, 0),
        (make_pte(DATA, WRITE), make_pte(DATA, WRITE & ~PTE_U), TranslationView(True, False, False, False), 3, 1),
    ],
)
def test_a_translation_beside_its_pte(
    cached: int, pte: int, view: TranslationView, visible: int, writers: int, model: Model, met: StateTuple
) -> None:
    state = with_translation(model, met, cached, pte)
    assert of_kind(model, state, TranslationView) == [view]
    data = frames(model, state)[DATA - 1]
    assert (data.visible, data.writers) == (visible, writers)
    observer = Observer(model)
    index = observer.views(tuple(state)).index(view)
    assert observer.subject(tuple(state), index) == "hart 1's cached translation of page 0"


def test_in_the_kernel_the_flush_may_still_be_to_come(model: Model, met: StateTuple) -> None:
    state = with_translation(model, met, make_pte(DATA, WRITE), 0)
    state[model.layout.process(CHILD) + PC] = 1 + model.program.trap
    assert of_kind(model, state, TranslationView) == []


# --- mappings ---


@pytest.mark.parametrize(
    ("pte", "view"),
    [
        (make_pte(DATA, WRITE), COW_PAGE._replace(writable=True, cow=False)),
        (make_pte(DATA, PTE_V | PTE_R), COW_PAGE._replace(user=False, cow=False)),
        (make_pte(0, WRITE), COW_PAGE._replace(in_ram=False, writable=True, cow=False)),
        (make_pte(9, WRITE), COW_PAGE._replace(in_ram=False, writable=True, cow=False)),
        (make_pte(8, WRITE), COW_PAGE._replace(writable=True, cow=False)),
    ],
)
def test_a_mapping(pte: int, view: MappingView, model: Model, met: StateTuple) -> None:
    state = list(met)
    state[model.layout.pte(2, 0)] = pte
    assert of_kind(model, state, MappingView) == [COW_PAGE, view]


def test_an_invalid_pte_is_no_mapping(model: Model, met: StateTuple) -> None:
    state = list(met)
    state[model.layout.pte(2, 0)] &= ~PTE_V
    assert of_kind(model, state, MappingView) == [COW_PAGE]
    assert frames(model, state)[DATA - 1].mappings == 1


def test_only_data_may_be_written() -> None:
    for name, kinds in (("store-text", [False, True]), ("store-guard", [False, True]), ("sbrk-up-down", [True, True])):
        scenario = scenarios()[name]
        model = Model(designs()["lab-plan"].program, scenario)
        state = list(next(model.initial_states()))
        state[model.layout.process(INIT) + PC] = 0
        state[model.layout.table(1)] = 1
        for page in range(2):
            state[model.layout.pte(1, page)] = make_pte(2, READ)
        views = of_kind(model, state, MappingView)
        assert [view.may_write for view in views if isinstance(view, MappingView)] == kinds


def test_a_page_table_of_nobody_is_named_by_its_number(model: Model, met: StateTuple) -> None:
    """As exec's new one is, before it belongs to the process."""
    state = list(met)
    state[model.layout.process(CHILD) + TABLE] = 0
    observer = Observer(model)
    told = [observer.subject(tuple(state), index) for index in range(len(observer.views(tuple(state))))]
    assert told[7] == "frame 7 (parent's page 0, page table 2's page 0)"
    assert told[-1] == "page table 2's page 0"


def test_counts_from_zero_are_told_as_mappings(
    write_design: Callable[[str], Design], write_scenario: Callable[[str], Scenario]
) -> None:
    """count_offset is what is stored for a page without a mapping: -1 where one mapping is stored as 0."""
    text = (
        "from cowcheck.model.language import Design, PerFrame\n"
        'DESIGN = Design(name="toy", title="a toy", count="toy.count", count_offset=-1)\n'
        "class toy:\n    count: PerFrame[int]\n"
    )
    model = Model(write_design(text).program, scenarios()["store-text-alone"])
    state = list(next(model.initial_states()))
    state[model.layout.array("toy.count", 3)] = 4
    assert [view.refs for view in frames(model, state)] == [1, 1, 5, 1, 1, 1]


def test_a_design_without_counts_has_none(write_design: Callable[[str], Design]) -> None:
    text = 'from cowcheck.model.language import Design\nDESIGN = Design(name="toy", title="a toy")\n'
    model = Model(write_design(text).program, scenarios()["store-text-alone"])
    assert {(view.counted, view.refs) for view in frames(model, next(model.initial_states()))} == {(False, 0)}
