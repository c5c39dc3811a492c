"""A path told step by step: the two stores of the lab's plan, checked by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from cowcheck.checker.catalogue import Design, designs, scenarios
from cowcheck.checker.explore import Exploration
from cowcheck.checker.trace import Part, Step, Teller
from cowcheck.model.errors import CowcheckError
from cowcheck.model.layout import PANIC, PC, PHASE
from cowcheck.model.scenario import Scenario
from cowcheck.model.system import Action, Model

INIT, PARENT, CHILD = 1, 2, 3


def teller(design: str, scenario: str) -> Teller:
    return Teller(designs()[design], scenarios()[scenario])


def setup(model: Model) -> list[Action]:
    """The actions until all have met."""
    state, path = next(model.initial_states()), []
    while state[PHASE] == 0:
        (action,) = model.enabled_actions(state)
        path.append(action)
        state = model.next_state(state, action)
    return path


def lines(steps: Sequence[Step]) -> list[tuple[int, str, str, tuple[str, ...]]]:
    return [(step.hart, step.process, step.action, step.changes) for step in steps]


@pytest.fixture(scope="module")
def fault() -> list[Step]:
    """The parent's store fault, from the trap to the store that goes through."""
    told = teller("lab-plan", "two-stores")
    path = setup(told.model)
    return list(told.steps([*path, *[Action(PARENT)] * 18]))[len(path) :]


def test_a_store_fault_from_beginning_to_end(fault: list[Step]) -> None:
    assert lines(fault) == [
        (0, "parent", "store page 0: page fault", ()),
        (0, "parent", "kalloc: acquire", ("kmem.lock: held by parent",)),
        (0, "parent", "kalloc: reads kmem.freelist = frame 3", ()),
        (0, "parent", "kalloc: reads the next free page after frame 3 = frame 2", ()),
        (0, "parent", "kalloc: writes", ("frame 3: off the free list",)),
        (0, "parent", "kalloc: writes", ("frame 3: refcnt 0 -> 1",)),
        (0, "parent", "kalloc: release", ("kmem.lock: released",)),
        (0, "parent", "kalloc: writes", ("frame 3: holds junk of kalloc",)),
        (0, "parent", "cow_fault: reads the contents of frame 7 = the image", ()),
        (
            0,
            "parent",
            "cow_fault: writes",
            ("frame 3: holds the image", "parent's page 0: R--UC frame 7 -> RW-U- frame 3"),
        ),
        (0, "parent", "kfree: acquire", ("kmem.lock: held by parent",)),
        (0, "parent", "kfree: reads kmem.refcnt[frame 7] = 2", ()),
        (0, "parent", "kfree: writes", ("frame 7: refcnt 2 -> 1",)),
        (0, "parent", "kfree: reads kmem.refcnt[frame 7] = 1", ()),
        (0, "parent", "kfree: release", ("kmem.lock: released",)),
        (0, "parent", "killed: reads parent's killed = 0", ()),
        (0, "parent", "store page 0", ("frame 3: holds parent's store (line 19)",)),
        (0, "parent", "load page 0", ()),
    ]


def test_each_change_stands_beside_its_line(fault: list[Step]) -> None:
    """memmove and the PTE are one step, for page tables are private; they are two parts of it."""
    copy, remap = fault[9].parts
    assert (copy.function, copy.code, copy.changes) == (
        "cow_fault",
        "memmove(mem, pa)",
        ("frame 3: holds the image",),
    )
    assert (remap.function, remap.code) == (
        "cow_fault",
        "pte[0] = PA2PTE(mem) | (PTE_FLAGS(pte[0]) & ~PTE_COW) | PTE_W",
    )
    assert remap.place.file == copy.place.file == "specs/designs/lab_plan.py"
    assert remap.place.line == copy.place.line + 1
    assert remap.changes == ("parent's page 0: R--UC frame 7 -> RW-U- frame 3",)


def test_the_user_s_own_line_is_shown(fault: list[Step]) -> None:
    assert fault[0].parts[0][:1] == ("parent",)
    assert fault[0].parts[0].code == "store(0)"
    assert str(fault[0].parts[0].place) == "specs/scenarios/two_stores.py:19"


def test_steps_are_numbered_from_1_and_the_setup_is_marked() -> None:
    told = teller("lab-plan", "two-stores")
    path = setup(told.model)
    steps = list(told.steps([*path, Action(CHILD)]))
    assert [step.number for step in steps] == list(range(1, len(path) + 2))
    assert [step.setup for step in steps] == [True] * len(path) + [False]
    assert {step.process for step in steps[: len(path)]} == {"init", "parent"}


def test_the_fork_in_the_setup() -> None:
    told = teller("lab-plan", "two-stores")
    steps = list(told.steps(setup(told.model)))
    changes = [change for step in steps for change in step.changes]
    assert "parent's page 0: RW-U- frame 7 -> R--UC frame 7" in changes
    assert "the new process's page 0: invalid -> R--UC frame 7" in changes
    assert "frame 7: refcnt 1 -> 2" in changes
    assert changes[-2:] == ["child: RUNNABLE", "child's proc lock: released"]
    assert not any(change.startswith("init's page") for change in changes)


def test_who_stays_on_a_hart_keeps_its_column() -> None:
    """The parent is inside its handler, so the child's fault is taken on the other hart."""
    told = teller("lab-plan", "two-stores")
    path = setup(told.model)
    actions = [PARENT, PARENT, CHILD, PARENT, PARENT]
    steps = list(told.steps([*path, *map(Action, actions)]))[len(path) :]
    harts = {step.process: step.hart for step in steps}
    assert harts["parent"] != harts["child"]
    assert len({(step.process, step.hart) for step in steps}) == 2


def test_who_comes_back_finds_the_hart_that_it_had() -> None:
    """Both faults are served, and both harts idle; the child stores again, in its own column."""
    told = teller("lab-plan", "two-stores")
    path = setup(told.model)
    state = told.model.replay(path)
    base = told.model.layout.process(CHILD)
    served = [Action(PARENT)]
    state = told.model.next_state(state, served[0])
    while not served[1:] or state[base + PC]:
        served.append(Action(CHILD))
        state = told.model.next_state(state, served[-1])
    base = told.model.layout.process(PARENT)
    while state[base + PC]:
        served.append(Action(PARENT))
        state = told.model.next_state(state, served[-1])
    steps = list(told.steps([*path, *served, Action(CHILD), Action(PARENT)]))[len(path) :]
    assert {(step.process, step.hart) for step in steps} == {("parent", 0), ("child", 1)}


def test_a_killed_process_is_ended_by_the_timer() -> None:
    told = teller("lab-plan", "kill-in-fault")
    path = setup(told.model)
    state = told.model.replay(path)
    while Action(CHILD, timer=True) not in set(told.model.enabled_actions(state)):
        path.append(Action(PARENT))
        state = told.model.next_state(state, path[-1])
    path.append(Action(CHILD, timer=True))
    steps = list(told.steps(path))
    assert steps[-1].action == "timer interrupt"
    assert [step.changes for step in steps if "child: killed" in step.changes]
    assert steps[-2].process == "parent"


def test_a_panic_is_the_last_change(explore: Callable[..., Exploration]) -> None:
    design, scenario = designs()["refcount-array"], scenarios()["fork-no-page-table"]
    (finding,) = explore(design, scenario).findings
    *_, last = Teller(design, scenario).steps(finding.path)
    assert last.changes[-1] == "PANIC: kernel page fault: a null pte is dereferenced"


def test_the_state_after_each_step_is_at_hand() -> None:
    told = teller("kref-lock", "both-exit")
    path = setup(told.model)
    state = next(told.model.initial_states())
    for action, _ in zip(path, told.steps(path), strict=True):
        state = told.model.next_state(state, action)
        assert told.state == state


def test_an_action_that_cannot_be_taken_is_refused() -> None:
    told = teller("lab-plan", "two-stores")
    with pytest.raises(CowcheckError, match=r"^step 1: process 2 cannot run here$"):
        list(told.steps([Action(PARENT)]))
    path = setup(told.model)
    with pytest.raises(CowcheckError, match=rf"^step {len(path) + 1}: process 3 cannot run here"):
        list(told.steps([*path, Action(CHILD, timer=True)]))


TOY = '''\
"""xv6 without copy-on-write, with a word, locks and counts to be told of."""

from cowcheck.model.language import SCAUSE_SYSCALL, Design, Frame, PerFrame, Spinlock, acquire, myproc
from cowcheck.model.language import r_scause, release
from cowcheck.specs.xv6.trap import setkilled, usersyscall

DESIGN = Design(name="toy", title="a toy")


class toy:
    lock: Spinlock
    word: int
    page: Frame
    count: PerFrame[int]
    locks: PerFrame[Spinlock]


def usertrap() -> None:
    p = myproc()
    if r_scause() == SCAUSE_SYSCALL and p.pid > 1:
        toy.word = 3
        x = toy.word
        pa = p.pagetable.root
        acquire(toy.locks[pa])
        toy.count[pa] += 5
        release(toy.locks[pa])
        toy.page = pa
        pa = toy.page
    if r_scause() == SCAUSE_SYSCALL:
        usersyscall(p)
    else:
        setkilled(p)
'''
ALONE = """\
from cowcheck.model.user import Scenario

SCENARIO = Scenario(name="alone", title="one process", harts=1, frames=3, pages=("data",))


def parent() -> None:
    pass
"""


def test_what_a_design_declares_is_told_by_its_name(
    write_design: Callable[[str], Design], write_scenario: Callable[[str], Scenario]
) -> None:
    told = Teller(write_design(TOY), write_scenario(ALONE))
    state, path = next(told.model.initial_states()), []
    while actions := list(told.model.enabled_actions(state)):
        path.append(actions[0])
        state = told.model.next_state(state, actions[0])
    own = [(step.action, step.changes) for step in told.steps(path) if step.parts[0].place.file == "toy.py"]
    assert own == [
        ("usertrap: writes", ("toy.word 0 -> 3",)),
        ("usertrap: reads toy.word = 3", ()),
        ("usertrap: acquire", ("toy.locks[frame 3]: held by parent",)),
        ("usertrap: reads toy.count[frame 3] = 0", ()),
        ("usertrap: writes", ("frame 3: count 0 -> 5",)),
        ("usertrap: release", ("toy.locks[frame 3]: released",)),
        ("usertrap: writes", ()),
        ("usertrap: reads toy.page = frame 3", ()),
    ]
    assert told.model.panic_message(state) == ""
    assert state[PANIC] == 0


def test_equal_states_have_no_changes() -> None:
    told = teller("lab-plan", "two-stores")
    state = next(told.model.initial_states())
    assert list(told.changes(state, state)) == []


def test_a_list_that_comes_back_to_itself_is_told() -> None:
    told = teller("lab-plan", "store-text-alone")
    model, state = told.model, [0] * told.model.layout.size
    state[model.layout.globals["kmem.freelist"]] = 1
    before = tuple(state)
    state[model.layout.array("run.next", 1)] = 1
    assert list(told.changes(before, tuple(state))) == ["frame 1: next -> frame 1", "frame 1: on the free list TWICE"]


def test_one_part_for_one_line(fault: list[Step]) -> None:
    for step in fault:
        places = [part.place for part in step.parts]
        assert len(set(places)) == len(places)
        assert all(isinstance(part, Part) for part in step.parts)


def test_the_links_of_the_free_list_are_told_where_they_matter() -> None:
    told = teller("lab-plan", "store-text-alone")
    layout = told.model.layout
    empty = [0] * layout.size

    def state(head: int, *links: int) -> tuple[int, ...]:
        values = list(empty)
        values[layout.globals["kmem.freelist"]] = head
        for frame, link in enumerate(links, start=1):
            values[layout.array("run.next", frame)] = link
        return tuple(values)

    def changes(before: tuple[int, ...], after: tuple[int, ...]) -> list[str]:
        return list(told.changes(before, after))

    assert changes(state(1, 0, 0), state(1, 0, 1)) == ["frame 2: next -> frame 1"]  # r.next = kmem.freelist
    assert changes(state(1, 0, 1), state(2, 0, 1)) == ["frame 2: on the free list"]  # kmem.freelist = r
    assert changes(state(2, 0, 1), state(1, 0, 1)) == ["frame 2: off the free list"]
    assert changes(state(1, 0, 1), state(1, 0, 0)) == []  # memset of the page that was taken wipes a stale link
    assert changes(state(3, 0, 1, 2), state(3, 0, 0, 2)) == ["frame 2: next overwritten", "frame 1: off the free list"]
    assert changes(state(3, 0, 1, 2), state(1, 0, 1, 2)) == [
        "kmem.freelist: frame 3 -> frame 1",
        "frame 2: off the free list",
        "frame 3: off the free list",
    ]
