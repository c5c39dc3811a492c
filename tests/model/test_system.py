"""Who may step: harts, interrupts, preemption, timers, the setup and the barriers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cowcheck.checker.catalogue import Design, designs, scenarios
from cowcheck.model.language import RUNNABLE, SCAUSE_STORE_FAULT, SCAUSE_SYSCALL, SCAUSE_TIMER, UNUSED, ZOMBIE
from cowcheck.model.layout import INIT, INTR, KILLED, NOFF, PC, PHASE, SCAUSE, STATE, UPC
from cowcheck.model.scenario import OpKind, Scenario
from cowcheck.model.system import Action, Model, StateTuple

PARENT, CHILD = 2, 3  # pids


def states(model: Model) -> list[StateTuple]:
    """Every reachable state, without any explorer, in breadth-first order."""
    found = dict.fromkeys(model.initial_states())
    for state in (work := list(found)):
        for action in model.enabled_actions(state):
            target = model.next_state(state, action)
            if target not in found:
                found[target] = None
                work.append(target)
    return work


def able(model: Model, state: StateTuple) -> set[int]:
    return {action.pid for action in model.enabled_actions(state)}


def in_fault(model: Model, state: StateTuple) -> set[int]:
    """The processes inside a store-fault handler, before any exit."""
    found = set()
    for pid in (PARENT, CHILD):
        base = model.layout.process(pid)
        if state[base + PC] and state[base + SCAUSE] == SCAUSE_STORE_FAULT:
            found.add(pid)
    return found


def in_call(model: Model, state: StateTuple) -> set[int]:
    """The processes inside a system call, awake, with interrupts on and no lock held."""
    found = set()
    for pid in (PARENT, CHILD):
        base = model.layout.process(pid)
        calls = state[base + PC] and state[base + SCAUSE] == SCAUSE_SYSCALL and state[base + STATE] == RUNNABLE
        if calls and state[base + INTR] and not state[base + NOFF]:
            found.add(pid)
    return found


@pytest.fixture(scope="module")
def lab_plan() -> Design:
    return designs()["lab-plan"]


def test_on_one_hart_nobody_runs_while_another_is_in_a_fault_handler(lab_plan: Design) -> None:
    model = Model(lab_plan.program, scenarios()["two-stores"].resized(1, None, None))
    seen = 0
    for state in states(model):
        inside = in_fault(model, state)
        assert len(inside) <= 1
        if inside:
            assert able(model, state) == inside
            seen += 1
    assert seen > 0


def test_on_two_harts_two_are_in_the_fault_handler_at_once(lab_plan: Design) -> None:
    model = Model(lab_plan.program, scenarios()["two-stores"])
    both = [state for state in states(model) if in_fault(model, state) == {PARENT, CHILD}]
    assert both
    assert any(able(model, state) == {PARENT, CHILD} for state in both)


def test_on_one_hart_a_system_call_is_preempted(lab_plan: Design) -> None:
    """Two reads: copyout runs with interrupts on, so the other process may come in between, and into its own."""
    model = Model(lab_plan.program, scenarios()["two-reads"].resized(1, None, None))
    both = [state for state in states(model) if in_call(model, state) == {PARENT, CHILD}]
    assert both
    assert all(able(model, state) == {PARENT, CHILD} for state in both)


@pytest.mark.parametrize("harts", [1, 2, 3])
def test_no_more_than_the_harts_are_in_the_kernel_with_interrupts_off(lab_plan: Design, harts: int) -> None:
    model = Model(lab_plan.program, scenarios()["store-exit"].resized(harts, None, None))
    most = 0
    for state in states(model)[1:]:  # at the very beginning init is on no hart yet
        pinned = {pid for pid in (INIT, PARENT, CHILD) if model.pinned(state, pid)}
        most = max(most, len(pinned))
        on_harts = {state[model.layout.hart(number)] for number in range(harts)}
        assert pinned <= on_harts
        if len(pinned) == harts:
            assert able(model, state) <= pinned
    assert most == min(harts, 3)


def test_no_process_is_on_two_harts(lab_plan: Design) -> None:
    model = Model(lab_plan.program, scenarios()["read-shared"])
    for state in states(model):
        running = [pid for number in range(2) if (pid := state[model.layout.hart(number)])]
        assert len(set(running)) == len(running)


def test_a_process_in_a_fault_handler_waits_for_no_hart(lab_plan: Design) -> None:
    """It keeps its hart to the end of the handler, so place() answers the same one."""
    model = Model(lab_plan.program, scenarios()["two-stores"])
    for state in states(model):
        for pid in in_fault(model, state):
            hart = model.place(state, pid)
            assert hart is not None
            if model.pinned(state, pid):
                assert state[model.layout.hart(hart)] == pid


# --- the setup ---


def test_the_setup_is_one_path(lab_plan: Design) -> None:
    for name in ("two-stores", "store-exit", "sbrk-up-down"):
        model = Model(lab_plan.program, scenarios()[name])
        for state in states(model):
            if state[PHASE] == 0:
                assert len(list(model.enabled_actions(state))) == 1


def test_in_the_setup_the_lowest_runs_first(lab_plan: Design, write_scenario: Callable[[str], Scenario]) -> None:
    """The child could run as soon as it is forked, but the parent goes first, up to its meet()."""
    scenario = write_scenario(MEETINGS.replace("    meet()\n    load(0)\n    {second}", "    load(0)\n    meet()"))
    model = Model(lab_plan.program, scenario)
    layout = model.layout
    parent, child = layout.process(PARENT), layout.process(CHILD)
    both = 0
    for state in states(model):
        if state[PHASE] == 0 and state[child + STATE] == RUNNABLE:
            if model.ops[state[parent + UPC]].kind is OpKind.MEET:
                assert able(model, state) == {CHILD}
            else:
                assert able(model, state) == {PARENT}
                both += 1
    assert both > 0


def test_the_setup_ends_where_all_have_met(lab_plan: Design) -> None:
    """The child stands at its meet() from the start; the last step of the parent's fork brings it to its own."""
    model = Model(lab_plan.program, scenarios()["two-stores"])
    layout, ops = model.layout, model.ops
    path = states(model)
    last = next(index for index, state in enumerate(path) if state[PHASE] == 1)
    before, after = path[last - 1], path[last]

    def op(state: StateTuple, pid: int) -> OpKind:
        return ops[state[layout.process(pid) + UPC]].kind

    assert (op(before, PARENT), op(before, CHILD)) == (OpKind.FORK, OpKind.MEET)
    assert (before[layout.process(PARENT) + PC] > 0, before[layout.process(CHILD) + PC]) == (True, 0)
    assert able(model, before) == {PARENT}
    assert (op(after, PARENT), op(after, CHILD)) == (OpKind.STORE, OpKind.STORE)
    assert able(model, after) == {PARENT, CHILD}


def test_without_a_meet_all_interleave_from_the_first_instruction(lab_plan: Design) -> None:
    model = Model(lab_plan.program, scenarios()["fork-no-page-table"].resized(2, 9, None))
    assert any(able(model, state) >= {PARENT, CHILD} for state in states(model))
    first_user = next(state for state in states(model) if state[model.layout.process(PARENT) + STATE] == RUNNABLE)
    assert first_user[PHASE] == 0 or first_user[model.layout.process(INIT) + PC] == 0


MEETINGS = """\
from cowcheck.model.user import Scenario, fork, load, meet

SCENARIO = Scenario(name="meetings", title="two barriers", harts=2, frames=6, pages=("data",))


def parent() -> None:
    fork(child)
    meet()
    load(0)
    meet()
    load(0)


def child() -> None:
    meet()
    load(0)
    {second}
    load(0)
"""


def test_nobody_passes_a_barrier_alone(lab_plan: Design, write_scenario: Callable[[str], Scenario]) -> None:
    """Operations: 1 fork, 2 meet, 3 load, 4 meet, 5 load, 6 exit; 7 meet, 8 load, 9 meet, 10 load, 11 exit."""
    scenario = write_scenario(MEETINGS.format(second="meet()"))
    assert [op.kind for op in scenario.ops if op.kind is OpKind.MEET] == [OpKind.MEET] * 4
    model = Model(lab_plan.program, scenario)
    parent, child = model.layout.process(PARENT), model.layout.process(CHILD)
    seen = set()
    for state in states(model):
        if state[parent + STATE] == RUNNABLE and state[child + STATE] == RUNNABLE:
            at = (state[parent + UPC], state[child + UPC])
            seen.add(at)
            assert (at[0] > 2) == (at[1] > 7)
            assert (at[0] > 4) == (at[1] > 9)
    assert {(3, 8), (4, 8), (3, 9), (5, 10), (6, 10), (5, 11)} <= seen


def test_who_has_ended_is_not_waited_for(lab_plan: Design, write_scenario: Callable[[str], Scenario]) -> None:
    model = Model(lab_plan.program, write_scenario(MEETINGS.format(second="load(0)")))
    found = states(model)
    assert any(model.is_end(state) for state in found)
    parent, child = model.layout.process(PARENT), model.layout.process(CHILD)
    for state in found:
        if state[parent + STATE] == RUNNABLE and state[parent + UPC] > 4:
            assert state[child + STATE] in (ZOMBIE, UNUSED)


# --- the timer, for those who were killed ---


def test_only_a_killed_process_in_user_mode_meets_the_timer(lab_plan: Design) -> None:
    model = Model(lab_plan.program, scenarios()["kill-in-fault"])
    layout = model.layout
    met = 0
    for state in states(model):
        actions = set(model.enabled_actions(state))
        for pid in (PARENT, CHILD):
            base = layout.process(pid)
            due = state[base + KILLED] and state[base + PC] == 0 and Action(pid) in actions
            assert (Action(pid, timer=True) in actions) == bool(due)
            if due:
                met += 1
                after = model.next_state(state, Action(pid, timer=True))
                assert after[base + PC], "it is in the kernel"
                assert after[base + SCAUSE] == SCAUSE_TIMER
                assert after[base + UPC] == state[base + UPC], "its operation has not begun"
    assert met > 0


def test_the_timer_ends_a_killed_process(lab_plan: Design) -> None:
    model = Model(lab_plan.program, scenarios()["kill-in-fault"])
    base = model.layout.process(CHILD)
    state = next(it for it in states(model) if Action(CHILD, timer=True) in set(model.enabled_actions(it)))
    state = model.next_state(state, Action(CHILD, timer=True))
    while state[base + STATE] == RUNNABLE:
        pid = CHILD if CHILD in able(model, state) else min(able(model, state))
        state = model.next_state(state, Action(pid))
    assert state[base + STATE] == ZOMBIE


# --- ends ---


@pytest.mark.parametrize("name", ["two-stores", "store-exit", "both-exit", "store-text-alone"])
def test_an_end_is_where_all_have_come_and_gone(lab_plan: Design, name: str) -> None:
    """Only ends are stuck, and nobody is left in one but init, in user mode."""
    model = Model(lab_plan.program, scenarios()[name])
    ends = 0
    for state in states(model):
        stuck = not able(model, state)
        assert stuck == model.is_end(state)
        if stuck:
            ends += 1
            others = {state[model.layout.process(pid) + STATE] for pid in range(2, model.layout.processes + 1)}
            assert others == {UNUSED}
            frames = scenarios()[name].frames
            assert model.outcome(state) == f"{frames} of {frames} frames free"
    assert ends >= 1


def test_boot_frees_every_frame(lab_plan: Design) -> None:
    """In the order of kinit, so the last one is the first to go: with 6 frames the root is 6, page 0 is 5."""
    scenario = scenarios()["store-text-alone"]
    model = Model(lab_plan.program, scenario)
    layout = model.layout
    first_user = next(state for state in states(model) if state[layout.process(INIT) + PC] == 0)
    assert first_user[layout.table(1)] == 6
    assert first_user[layout.pte(1, 0)] >> 10 == 5
    assert first_user[layout.table(1) + 1] == 4, "the leaf page is asked for when page 0 is mapped"
    assert first_user[layout.pte(1, 1)] >> 10 == 3
    assert model.kernel.free_counts(first_user) == [0, 1, 1, 0, 0, 0, 0]
