"""Frame symmetry: states that differ in the names of frames or harts only have one canonical form, and no others do.

The renaming here is written apart from the product's: it walks the layout slot by slot.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.checker.catalogue import Design, designs, scenarios
from cowcheck.checker.explore import Explorer
from cowcheck.checker.judge import Judge
from cowcheck.checker.symmetry import FrameSymmetry, no_symmetry
from cowcheck.model.ir import Type
from cowcheck.model.layout import FAULT_PTE, FIXED, PC, PHASE
from cowcheck.model.observe import Observer
from cowcheck.model.scenario import Scenario
from cowcheck.model.system import Model, StateTuple

SUBJECTS = (
    ("lab-plan", "store-exit"),
    ("kref-lock", "fault-one-frame"),
    ("kmake-unique", "sbrk-down"),
    ("counter-in-trap", "read-shared"),
    ("refcount-array", "both-exit"),
)


@cache
def model_of(design: str, scenario: str) -> Model:
    return Model(designs()[design].program, scenarios()[scenario])


@cache
def reached(design: str, scenario: str) -> list[StateTuple]:
    """The states that a search without symmetry finds."""
    explorer = Explorer(model_of(design, scenario), Judge(), symmetry=False)
    explorer.run()
    return list(explorer.states())


def slots_of_frames(model: Model, state: StateTuple) -> Iterator[tuple[int, bool]]:
    """Every slot that holds a frame's name, and whether it holds it as a PTE does."""
    layout = model.layout
    for declared in model.program.globals:
        if declared.type is Type.FRAME and not declared.lock:
            if declared.per_frame:
                for frame in range(1, layout.frames + 1):
                    yield layout.array(declared.name, frame), False
            else:
                yield layout.globals[declared.name], False
    for frame in range(1, layout.frames + 1):
        yield layout.array("run.next", frame), False
    for table in range(1, layout.tables + 1):
        yield layout.table(table), False
        yield layout.table(table) + 1, False
        for page in range(layout.pages):
            yield layout.pte(table, page), True
    for hart in range(layout.harts):
        for page in range(layout.pages):
            yield layout.hart(hart) + 1 + page, True
    for pid in range(1, layout.processes + 1):
        base = layout.process(pid)
        yield base + FAULT_PTE, True
        if state[base + PC]:
            for kept in model.allocation.boundary[state[base + PC] - 1] or ():
                if kept.var.type in (Type.FRAME, Type.PTE):
                    yield base + FIXED + layout.pages + kept.register, kept.var.type is Type.PTE


def renamed(model: Model, state: StateTuple, names: list[int]) -> StateTuple:
    """The same state with frame f called names[f]."""
    layout = model.layout
    out = list(state)
    for slot, as_pte in slots_of_frames(model, state):
        value = state[slot]
        out[slot] = names[value >> 10] << 10 | value & 1023 if as_pte else names[value]
    moved = list(out)
    for name in layout.arrays:
        for frame in range(1, layout.frames + 1):
            moved[layout.array(name, names[frame])] = out[layout.array(name, frame)]
    return tuple(moved)


def with_harts(model: Model, state: StateTuple, order: tuple[int, ...]) -> StateTuple:
    """The same state with the harts in another order."""
    layout = model.layout
    harts = [state[layout.hart(hart) : layout.hart(hart) + layout.hart_size] for hart in order]
    return state[: layout.hart(0)] + tuple(word for hart in harts for word in hart)


def views_of(model: Model, state: StateTuple) -> Counter[object]:
    return Counter(Observer(model).views(state))


@pytest.mark.parametrize(("design", "scenario"), SUBJECTS)
def test_a_canonical_form_is_its_own(design: str, scenario: str) -> None:
    model = model_of(design, scenario)
    canonical = FrameSymmetry(model)
    for state in reached(design, scenario)[::3]:
        assert canonical(canonical(state)) == canonical(state)


@pytest.mark.parametrize(("design", "scenario"), SUBJECTS)
def test_a_canonical_form_says_the_same_to_every_invariant(design: str, scenario: str) -> None:
    model = model_of(design, scenario)
    canonical = FrameSymmetry(model)
    for state in reached(design, scenario)[::41]:
        assert views_of(model, canonical(state)) == views_of(model, state)


@pytest.mark.parametrize(("design", "scenario"), SUBJECTS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_renamed_frames_have_the_same_canonical_form(design: str, scenario: str, seed: int) -> None:
    rng = random.Random(seed)
    model = model_of(design, scenario)
    canonical = FrameSymmetry(model)
    found = [state for state in reached(design, scenario) if state[PHASE]]
    for state in rng.sample(found, 8):
        frames = list(range(1, model.layout.frames + 1))
        rng.shuffle(frames)
        other = renamed(model, state, [0, *frames])
        assert views_of(model, other) == views_of(model, state), "the renaming of this test is right"
        assert canonical(other) == canonical(state)
        harts = list(range(model.layout.harts))
        rng.shuffle(harts)
        assert canonical(with_harts(model, other, tuple(harts))) == canonical(state)


@pytest.mark.parametrize(("design", "scenario"), SUBJECTS[:3])
def test_renamed_states_have_renamed_successors(design: str, scenario: str) -> None:
    """What symmetry stands on: an action leads from states of one form to states of one form, with the same events."""
    rng = random.Random(7)
    model = model_of(design, scenario)
    canonical = FrameSymmetry(model)
    found = [state for state in reached(design, scenario) if state[PHASE]]
    for state in rng.sample(found, 80):
        frames = list(range(1, model.layout.frames + 1))
        rng.shuffle(frames)
        other = renamed(model, state, [0, *frames])
        actions = list(model.enabled_actions(state))
        assert actions == list(model.enabled_actions(other))
        for action in actions:
            after, events = model.take(state, action)
            other_after, other_events = model.take(other, action)
            assert canonical(after) == canonical(other_after)
            assert [view for _, view in events] == [view for _, view in other_events]


@pytest.mark.parametrize(("design", "scenario"), SUBJECTS)
def test_the_search_with_symmetry_sees_the_forms_of_all_states(design: str, scenario: str) -> None:
    """No form is missed, and none is there that no state has."""
    model = model_of(design, scenario)
    canonical = FrameSymmetry(model)
    explorer = Explorer(model, Judge())
    found = explorer.run()
    forms = {canonical(state) for state in reached(design, scenario)}
    assert set(explorer.states()) == forms
    assert found.states == len(forms) <= len(reached(design, scenario))


@pytest.mark.parametrize(("design", "scenario"), SUBJECTS[:2])
def test_states_of_one_form_are_renamings_of_each_other(design: str, scenario: str) -> None:
    """Only those are taken for one: a renaming that leads from one to the other is found by trial, frame by frame."""
    model = model_of(design, scenario)
    canonical = FrameSymmetry(model)
    by_form: dict[StateTuple, list[StateTuple]] = {}
    for state in reached(design, scenario):
        by_form.setdefault(canonical(state), []).append(state)
    several = [states for states in by_form.values() if len(states) > 1]
    assert several, "without such states symmetry would be for nothing"
    for states in several[:: max(1, len(several) // 6)]:
        first, second, *_ = states
        every = range(1, model.layout.frames + 1)
        differ = [frame for frame in every if all_of(model, first, frame) != all_of(model, second, frame)]
        assert any(
            with_harts(model, renamed(model, first, names(model, differ, order)), harts) == second
            for order in permutations(differ)
            for harts in permutations(range(model.layout.harts))
        )


def all_of(model: Model, state: StateTuple, frame: int) -> tuple[list[int], list[int]]:
    """What is kept of a frame, and the slots that name it."""
    slots = slots_of_frames(model, state)
    uses = [slot for slot, as_pte in slots if (state[slot] >> 10 if as_pte else state[slot]) == frame]
    return [state[model.layout.array(name, frame)] for name in model.layout.arrays], uses


def names(model: Model, differ: list[int], order: tuple[int, ...]) -> list[int]:
    out = list(range(model.layout.frames + 1))
    for frame, name in zip(differ, order, strict=True):
        out[frame] = name
    return out


def test_the_setup_is_left_alone() -> None:
    """boot counts through the frames in their order, so their names are not free there."""
    model = model_of("lab-plan", "store-exit")
    canonical = FrameSymmetry(model)
    for state in reached("lab-plan", "store-exit"):
        if state[PHASE] == 0:
            assert canonical(state) is state


def test_without_symmetry_a_state_stands_for_itself() -> None:
    state = reached("lab-plan", "store-exit")[-1]
    assert no_symmetry(state) is state


def test_frames_are_named_by_first_use() -> None:
    """Page tables first, then the free list from its head: at the end of two-stores' setup the shared page is 1, as
    the first that a PTE leads to; then root and leaf of the parent's and of the child's table; then the free ones."""
    model = model_of("lab-plan", "two-stores")
    canonical = FrameSymmetry(model)
    state = next(model.initial_states())
    while state[PHASE] == 0:
        state = model.next_state(state, next(iter(model.enabled_actions(state))))
    form, layout = canonical(state), model.layout
    assert [form[layout.pte(table, 0)] >> 10 for table in (1, 2)] == [1, 1]
    assert [form[layout.table(table) + word] for table in (1, 2) for word in (0, 1)] == [2, 3, 4, 5]
    assert form[layout.globals["kmem.freelist"]] == 6
    assert [form[layout.array("run.next", frame)] for frame in (6, 7, 8)] == [7, 8, 0]


def test_lost_frames_are_named_by_what_is_kept_of_them() -> None:
    """Nothing leads to them, so they come last, in the order of their counts and contents."""
    model = model_of("lab-plan", "two-stores")
    canonical, layout = FrameSymmetry(model), model.layout
    state = next(model.initial_states())
    while state[PHASE] == 0:
        state = model.next_state(state, next(iter(model.enabled_actions(state))))
    forms = set()
    for first, second in permutations((2, 3)):
        lost = list(state)
        lost[layout.globals["kmem.freelist"]] = 1
        for frame in (2, 3):
            lost[layout.array("run.next", frame)] = 0
        lost[layout.array("kmem.refcnt", first)] = 7
        lost[layout.array("kmem.refcnt", second)] = 4
        forms.add(canonical(tuple(lost)))
    assert len(forms) == 1


def test_frames_in_a_design_s_own_variables_are_renamed(
    write_design: Callable[[str], Design], write_scenario: Callable[[str], Scenario]
) -> None:
    """A frame that a global or an array of frames names is renamed there too."""
    text = '''\
"""xv6 without copy-on-write, which notes the last page that was freed, and for each page the one freed before it."""

from cowcheck.model.language import Design, Frame, PerFrame, Spinlock, acquire, in_ram, panic, release
from cowcheck.specs.xv6.kalloc import kmem

DESIGN = Design(name="toy", title="a toy")


class note:
    last: Frame
    before: PerFrame[Frame]


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(kmem.lock)
    note.before[pa] = note.last
    note.last = pa
    pa.next = kmem.freelist
    kmem.freelist = pa
    release(kmem.lock)
'''
    model = Model(write_design(text).program, scenarios()["both-exit"].resized(None, 9, 1))
    canonical = FrameSymmetry(model)
    explorer = Explorer(model, Judge(), symmetry=False)
    explorer.run()
    states = [state for state in explorer.states() if state[PHASE]]
    rng = random.Random(1)
    for state in rng.sample(states, 60):
        frames = list(range(1, model.layout.frames + 1))
        rng.shuffle(frames)
        assert canonical(renamed(model, state, [0, *frames])) == canonical(state)
        assert canonical(canonical(state)) == canonical(state)
