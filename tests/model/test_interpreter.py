"""Steps of a program on concrete states: what stops the kernel, what locks and sleeping do, and where a step ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cowcheck.checker.catalogue import Design, designs, scenarios
from cowcheck.checker.explore import Exploration
from cowcheck.model.language import RUNNABLE, SCAUSE_SYSCALL, SLEEPING
from cowcheck.model.layout import FIXED, INIT, LOCK, NOFF, PC, SCAUSE, STATE
from cowcheck.model.scenario import Scenario
from cowcheck.model.system import Action, Model, StateTuple

HEAD = '''\
"""xv6 without copy-on-write, whose usertrap does something more at every system call."""

from cowcheck.model.language import NULL, SCAUSE_SYSCALL, SCAUSE_TIMER, Design, Frame, PerFrame, Spinlock, acquire
from cowcheck.model.language import leaf_page, memmove, memset, myproc, panic, pte_at, r_scause, r_stval, release, sleep
from cowcheck.specs.xv6.proc import exit
from cowcheck.specs.xv6.trap import killed, setkilled, usersyscall

DESIGN = Design(name="toy", title="a toy")


class toy:
    lock: Spinlock
    other: Spinlock
    word: int
    frame: Frame
    count: PerFrame[int]
    locks: PerFrame[Spinlock]


def usertrap() -> None:
    p = myproc()
    if r_scause() == SCAUSE_SYSCALL:
        extra()
        usersyscall(p)
    elif r_scause() == SCAUSE_TIMER:
        pass
    else:
        setkilled(p)
    if killed(p):
        exit(-1)


def extra() -> None:
'''
ALONE = """\
from cowcheck.model.user import Scenario, load

SCENARIO = Scenario(name="alone", title="one process", harts=1, frames=3, pages=("data",))


def parent() -> None:
    load(0)
"""
TWO = """\
from cowcheck.model.user import Scenario, fork, load, meet

SCENARIO = Scenario(name="two", title="two processes", harts=2, frames=6, pages=("data",))


def parent() -> None:
    fork(child)
    meet()
    load(0)


def child() -> None:
    meet()
    load(0)
"""
PARENT, CHILD = 2, 3  # pids


def toy(*body: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in body)


LAST_WORDS = {
    ("acquire(toy.lock)", "acquire(toy.lock)"): "acquire: this hart holds the lock already",
    ("release(toy.lock)",): "release: this hart does not hold the lock",
    ("acquire(toy.lock)",): "sched locks: interrupts turned on with a lock held, and a timer interrupt comes",
    ("acquire(toy.lock)", "exit(-1)"): "sched locks: exit with a lock held",
    ("acquire(toy.lock)", "acquire(toy.other)", "sleep(toy.lock)"): "sched locks: sleep with a lock held",
    ("sleep(toy.lock)",): "release: this hart does not hold the lock",
    ('panic("told you so")',): "told you so",
    ("pte = pte_at(myproc().pagetable, 900)", "x = pte[0]"): "kernel page fault: a null pte is dereferenced",
    ("pte = pte_at(myproc().pagetable, 900)", "pte[0] = 0"): "kernel page fault: a null pte is dereferenced",
    ("toy.frame.next = NULL",): "kernel page fault: an address that is no frame of RAM",
    ("x = toy.count[toy.frame]",): "kernel page fault: an address that is no frame of RAM",
    ("toy.count[toy.frame] = 1",): "kernel page fault: an address that is no frame of RAM",
    ("acquire(toy.locks[toy.frame])",): "kernel page fault: an address that is no frame of RAM",
    ("memset(toy.frame, 1)",): "kernel page fault: an address that is no frame of RAM",
    ("memmove(myproc().pagetable.root, toy.frame)",): "kernel page fault: an address that is no frame of RAM",
    ("pp = myproc().parent.parent", "pp.killed = 1"): "kernel page fault: a null struct proc is dereferenced",
    ("pp = myproc().parent.parent", "acquire(pp.lock)"): "kernel page fault: a null struct proc is dereferenced",
    ("root = myproc().parent.pagetable.root",): "kernel page fault: a null page table is dereferenced",
}


@pytest.mark.parametrize("body", LAST_WORDS, ids="; ".join)
def test_what_stops_the_kernel(
    body: tuple[str, ...],
    write_design: Callable[[str], Design],
    write_scenario: Callable[[str], Scenario],
    explore: Callable[..., Exploration],
) -> None:
    design, scenario = write_design(toy(*body)), write_scenario(ALONE)
    found = explore(design, scenario)
    assert [it.invariant for it in found.findings] == ["kernel-survives"]
    assert found.findings[0].message.endswith(f"Its last words: {LAST_WORDS[body]}.")
    model = Model(design.program, scenario)
    stopped = model.replay(found.findings[0].path)
    assert model.panic_message(stopped) == LAST_WORDS[body]
    assert list(model.enabled_actions(stopped)) == []
    assert not model.is_end(stopped)


@pytest.mark.parametrize(
    "body",
    [
        ("acquire(toy.lock)", "acquire(toy.other)", "release(toy.lock)", "release(toy.other)"),
        ("acquire(myproc().lock)", "release(myproc().lock)"),
        ("x = pte_at(myproc().pagetable, 900)", "if x != NULL:", "    x[0] = 0"),
        (
            "if myproc().pid > 1:  # init has no user page table",
            "    pa = myproc().pagetable.root",
            "    acquire(toy.locks[pa])",
            "    toy.count[pa] += 1",
            "    release(toy.locks[pa])",
            "    memmove(pa, leaf_page(myproc().pagetable, 0))",
        ),
        (
            "if myproc().pid > 1:  # a page that is written loses the link of the free list",
            "    pa = myproc().pagetable.root",
            "    pa.next = pa",
            "    memset(pa, 0)",
            "    if pa.next != NULL:",
            '        panic("memset has left the link")',
            "    pa.next = pa",
            "    memmove(pa, pa)",
            "    if pa.next != NULL:",
            '        panic("memmove has left the link")',
        ),
        ("toy.word += 1", "if toy.word < 0:", '    panic("never")'),
    ],
    ids="; ".join,
)
def test_what_does_not(
    body: tuple[str, ...],
    write_design: Callable[[str], Design],
    write_scenario: Callable[[str], Scenario],
    explore: Callable[..., Exploration],
) -> None:
    found = explore(write_design(toy(*body)), write_scenario(ALONE))
    assert found.findings == []
    assert found.outcomes == {"3 of 3 frames free": 1}


def states(model: Model) -> set[StateTuple]:
    """Every reachable state, without any explorer."""
    found, work = set(model.initial_states()), list(model.initial_states())
    while work:
        state = work.pop()
        for action in model.enabled_actions(state):
            target = model.next_state(state, action)
            if target not in found:
                found.add(target)
                work.append(target)
    return found


def test_a_lock_is_held_by_one_and_keeps_the_others_out(
    write_design: Callable[[str], Design], write_scenario: Callable[[str], Scenario]
) -> None:
    body = ("acquire(toy.lock)", "toy.word += 1", "toy.word -= 1", "release(toy.lock)")
    design = write_design(toy(*body))
    model = Model(design.program, write_scenario(TWO))
    layout, lock = model.layout, model.layout.globals["toy.lock"]
    waited = 0
    for state in states(model):
        assert state[layout.globals["toy.word"]] in (0, 1), "never both inside"
        owner = state[lock]
        if owner:
            assert state[layout.process(owner) + NOFF] >= 1
        able = {action.pid for action in model.enabled_actions(state)}
        for pid in (PARENT, CHILD):
            pc = state[layout.process(pid) + PC]
            wanted = model.interpreter.wanted_lock(state, pid, pc - 1) if pc else 0
            if wanted == lock and owner not in (0, pid):
                assert pid not in able
                waited += 1
    assert waited > 0


def test_two_increments_without_a_lock_may_count_as_one(
    write_design: Callable[[str], Design], write_scenario: Callable[[str], Scenario]
) -> None:
    """Four system calls (fork, two exits, and init's wait twice: five) each add one: 5 at best, less where a read
    and a write stand on both sides of another's."""
    counts = {
        body: {
            state[model.layout.globals["toy.word"]] for state in states(model) if model.is_end(state)
        }
        for body in (("toy.word += 1",), ("acquire(toy.lock)", "toy.word += 1", "release(toy.lock)"))
        for model in [Model(write_design(toy(*body)).program, write_scenario(TWO))]
    }  # fmt: skip
    unlocked, locked = counts.values()
    assert locked == {5}
    assert max(unlocked) == 5
    assert min(unlocked) < 5


def test_sleep_releases_the_lock_and_takes_it_again() -> None:
    """xv6's wait: asleep the parent holds nothing; the child's exit wakes it, and it then waits for the lock."""
    model = Model(designs()["lab-plan"].program, scenarios()["fork-no-page-table"].resized(None, 9, None))
    layout = model.layout
    base, lock = layout.process(PARENT), layout.globals["proctable.wait_lock"]
    slept = woken = 0
    for state in states(model):
        able = {action.pid for action in model.enabled_actions(state)}
        if state[base + STATE] == SLEEPING:
            slept += 1
            assert PARENT not in able
            assert state[lock] != PARENT
            assert state[base + NOFF] == 0
            assert not model.pinned(state, PARENT)
        elif state[base + STATE] == RUNNABLE and state[base + PC]:
            waits = model.interpreter.wanted_lock(state, PARENT, state[base + PC] - 1)
            if waits == lock and state[lock] == CHILD:
                woken += 1  # the child is still inside exit
                assert PARENT not in able
    assert slept > 0
    assert woken > 0


def test_a_step_is_one_shared_access(
    write_design: Callable[[str], Design], write_scenario: Callable[[str], Scenario]
) -> None:
    """Between two states toy.word changes once at the most, though extra() writes it three times."""
    design = write_design(toy("toy.word = 1", "toy.word = 2", "toy.word = 3"))
    model = Model(design.program, write_scenario(ALONE))
    slot, seen = model.layout.globals["toy.word"], [0]
    state = next(model.initial_states())
    while actions := list(model.enabled_actions(state)):
        (action,) = actions
        state = model.next_state(state, action)
        if state[slot] != seen[-1]:
            seen.append(state[slot])
    assert seen == [0, 1, 2, 3, 1, 2, 3]  # the parent's exit, and init's wait


def test_what_is_forgotten_is_cleared() -> None:
    """Registers that are not alive hold 0 at every step boundary, and all of them in user mode."""
    model = Model(designs()["kref-lock"].program, scenarios()["store-exit"])
    layout = model.layout
    first = FIXED + layout.pages
    for state in states(model):
        for pid in (1, PARENT, CHILD):
            base = layout.process(pid)
            pc = state[base + PC]
            kept = model.allocation.boundary[pc - 1] if pc else ()
            assert kept is not None or pc - 1 == model.program.boot
            alive = {one.register for one in kept or ()}
            for register in range(layout.kept_registers):
                assert register in alive or state[base + first + register] == 0


def test_a_watched_run_is_the_same_run() -> None:
    """One instruction at a time, for traces, leads to the same states as whole blocks do."""
    design, scenario = designs()["kmake-unique"], scenarios()["fault-one-frame"]
    told: list[int] = []
    plain = Model(design.program, scenario)
    watched = Model(design.program, scenario, watch=lambda index, state: told.append(index))
    state = next(plain.initial_states())
    for number in range(400):
        actions = list(plain.enabled_actions(state))
        if not actions:
            break
        action = actions[number % len(actions)]
        told.clear()
        after = plain.next_state(state, action)
        assert watched.next_state(state, action) == after
        assert told or not after[plain.layout.process(action.pid) + PC]
        state = after
    assert plain.is_end(state)


def test_what_ran_is_noted() -> None:
    model = Model(designs()["lab-plan"].program, scenarios()["store-text-alone"])
    assert not any(model.interpreter.blocks_run)
    state = model.next_state(next(model.initial_states()), Action(1))
    assert sum(model.interpreter.blocks_run) >= 1
    assert model.interpreter.blocks_run[model.program.boot]
    assert not model.interpreter.blocks_run[model.program.trap]
    while actions := list(model.enabled_actions(state)):
        state = model.next_state(state, actions[0])
    assert model.interpreter.blocks_run[model.program.trap]


def test_a_system_call_is_told_from_a_fault() -> None:
    model = Model(designs()["lab-plan"].program, scenarios()["store-text-alone"])
    causes = {state[model.layout.process(PARENT) + SCAUSE] for state in states(model)}
    assert causes == {0, 15}, "load and store retire; the store to text faults, and the process ends there"
    model = Model(designs()["lab-plan"].program, scenarios()["both-exit"])
    causes = {state[model.layout.process(PARENT) + SCAUSE] for state in states(model)}
    assert causes == {0, SCAUSE_SYSCALL}
    assert {state[model.layout.process(PARENT) + LOCK] for state in states(model)} == {0, INIT}, "init reaps it"
