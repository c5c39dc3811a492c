"""What the operations of a scenario do, in xv6 as it ships and in the lab's plan: one process, one hart, one path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cowcheck.checker.catalogue import Design, shipped_design
from cowcheck.model.layout import PC, RETURN, SZ, UPC
from cowcheck.model.scenario import OpKind, Scenario
from cowcheck.model.system import Action, Model, StateTuple
from cowcheck.model.views import LoadView, OperationView

NO_COW = Path(__file__).parent.parent / "right" / "no_cow.py"
PARENT = 2

PLAY = """\
from cowcheck.model.user import FAR, MAXVA, Scenario, exec, exit, fork, kill, load, meet, read, sbrk, store, wait

SCENARIO = Scenario(name="play", title="a play", harts=1, frames={frames}, pages=({pages}))


def parent() -> None:
{parent}

def child() -> None:
{child}
"""


@pytest.fixture(params=["no-cow", "lab-plan"])
def design(request: pytest.FixtureRequest, compiled: Callable[[Path], Design]) -> Design:
    return compiled(NO_COW) if request.param == "no-cow" else shipped_design(request.param)


@pytest.fixture
def play(design: Design, write_scenario: Callable[[str], Scenario]) -> Callable[..., Run]:
    def make(*parent: str, child: tuple[str, ...] = (), pages: tuple[str, ...] = ("data",), frames: int = 10) -> Run:
        forks = parent if any("fork" in op for op in parent) else (*parent, "fork(child)")
        lines = ["".join(f"    {op}\n" for op in ops) or "    pass\n" for ops in (forks, child)]
        kinds = "".join(f'"{page}", ' for page in pages)
        text = PLAY.format(frames=frames, pages=kinds, parent=lines[0], child=lines[1])
        return Run(Model(design.program, write_scenario(text)))

    return make


class Run:
    """One path, the lowest pid first: what the parent did, and the events on the way."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.begun: list[OpKind] = []  # by the parent, each once
        self.returned: dict[OpKind, int] = {}
        self.loads: list[tuple[str, LoadView]] = []
        self.operations: list[tuple[str, OperationView]] = []
        self.sizes: list[int] = [0]
        base = model.layout.process(PARENT)
        state = next(model.initial_states())
        at = 0
        while actions := list(model.enabled_actions(state)):
            action = actions[0]
            user = state[base + PC] == 0
            if action.pid == PARENT and user and state[base + UPC] != at:
                at = state[base + UPC]
                self.begun.append(model.ops[at].kind)
            if state[base + SZ] != self.sizes[-1]:
                self.sizes.append(state[base + SZ])
            if state[base + PC] and self.begun:
                self.returned[self.begun[-1]] = state[base + RETURN]
            state, events = model.take(state, action)
            for subject, view in events:
                if isinstance(view, LoadView):
                    self.loads.append((subject, view))
                elif isinstance(view, OperationView):
                    self.operations.append((subject, view))
        self.end: StateTuple = state

    @property
    def lost(self) -> bool:
        """Some load saw what it was not due."""
        return any(view.seen != view.due for _, view in self.loads)


def test_memory_is_given_back(play: Callable[..., Run]) -> None:
    run = play("store(0)", "fork(child)", "wait()", child=("load(0)", "store(0)"))
    assert run.model.is_end(run.end)
    assert run.model.outcome(run.end) == "10 of 10 frames free"
    assert not run.lost


def test_sbrk_up_gives_zeroed_pages(play: Callable[..., Run]) -> None:
    run = play("sbrk(2)", "load(1)", "store(2)", "load(2)")
    assert run.sizes[:3] == [0, 1, 3]
    (subject, zero), (_, stored) = run.loads
    assert (subject, zero.seen, zero.due) == ("parent's load of page 1", 0, 0)
    assert stored.seen == stored.due > 0


def test_sbrk_down_takes_pages_away(play: Callable[..., Run]) -> None:
    run = play("sbrk(-1)", "load(0)", "load(1)", "load(0)", pages=("data", "data"))
    assert run.begun == [OpKind.SBRK, OpKind.LOAD, OpKind.LOAD], "it dies of the second load"
    assert run.sizes[:3] == [0, 2, 1]
    subject, view = run.operations[-1]
    assert subject == "parent's load of page 1"
    assert view._replace(changed=False) == OperationView(True, False, False, True, False, False, False)


def test_sbrk_below_nothing_changes_nothing(play: Callable[..., Run]) -> None:
    run = play("sbrk(-2)", "load(0)")
    assert run.sizes[:2] == [0, 1]
    assert [subject for subject, _ in run.loads] == ["parent's load of page 0"]


def test_sbrk_without_memory_fails_and_leaves_nothing_behind(play: Callable[..., Run]) -> None:
    """6 frames: 3 are the process's; of 4 pages asked for, the first three are given back."""
    run = play("sbrk(4)", "load(0)", frames=6)
    assert run.sizes[:2] == [0, 1]
    assert run.returned[OpKind.SBRK] == -1
    subject, view = run.operations[0]
    assert (subject, view.succeeded, view.out_of_memory, view.killed) == (
        "parent's sbrk(+4 pages)",
        False,
        True,
        False,
    )
    assert run.model.outcome(run.end) == "6 of 6 frames free"


def test_exec_begins_afresh(play: Callable[..., Run]) -> None:
    run = play("store(0)", "sbrk(1)", "exec()", "load(0)", pages=("data", "data"))
    assert run.sizes[:4] == [0, 2, 3, 2]
    (_, view), *_ = run.loads
    assert view.seen == view.due
    assert run.model.contents(view.seen) == "the image"


def test_exec_without_memory_fails_and_the_image_stays(play: Callable[..., Run]) -> None:
    """5 frames: the process has 4, and the new image gets a root page and no more."""
    run = play("store(0)", "exec()", "load(0)", pages=("data", "data"), frames=5)
    assert run.returned[OpKind.EXEC] == -1
    assert not run.lost
    assert run.model.contents(run.loads[0][1].seen).startswith("parent's store")


@pytest.mark.parametrize("frames", range(4, 12))
def test_exec_and_fork_with_any_memory(frames: int, play: Callable[..., Run]) -> None:
    run = play("exec()", "fork(child)", "store(0)", "load(0)", "load(1)", pages=("data", "data"), frames=frames)
    assert run.model.is_end(run.end)
    assert run.model.outcome(run.end) == f"{frames} of {frames} frames free"
    assert not run.lost


def test_a_read_writes_its_pages(play: Callable[..., Run]) -> None:
    run = play("read(0, 2)", "load(0)", "load(1)", pages=("data", "data"))
    assert run.returned[OpKind.READ] == 0
    (_, first), (_, second) = run.loads
    assert first.seen == first.due == second.seen == second.due


def test_a_read_that_fails_half_way_has_written_the_first_page(play: Callable[..., Run]) -> None:
    run = play("read(0, 2)", "load(0)", pages=("data", "text"))
    assert run.returned[OpKind.READ] == -1
    assert not run.lost
    assert run.model.contents(run.loads[0][1].seen).startswith("parent's read"), "page 0 has the system call's"


@pytest.mark.parametrize("page", ["1", "2", "3", "FAR", "MAXVA"])
def test_a_read_where_nothing_may_be_written_fails(page: str, play: Callable[..., Run]) -> None:
    """1 is text, 2 the guard, 3 and more are not there."""
    run = play(f"read({page})", "load(1)", "load(0)", pages=("data", "text", "guard"))
    assert run.returned[OpKind.READ] == -1
    _, view = run.operations[0]
    assert (view.permitted, view.succeeded, view.killed) == (False, False, False)
    assert not run.lost


@pytest.mark.parametrize(
    ("access", "dies"),
    [
        ("load(0)", False),
        ("store(0)", False),
        ("load(1)", False),
        ("store(1)", True),
        ("load(2)", True),
        ("store(2)", True),
        ("load(3)", True),
        ("store(FAR)", True),
        ("load(MAXVA)", True),
    ],
)
def test_what_a_region_allows(access: str, dies: bool, play: Callable[..., Run]) -> None:
    run = play(access, "exec()", pages=("data", "text", "guard"))
    assert (OpKind.EXEC not in run.begun) == dies
    faults = [view for _, view in run.operations if view.fault]
    assert len(faults) == dies
    assert all(view.killed and not view.permitted for view in faults)


def test_wait_returns_at_once_without_a_child(play: Callable[..., Run]) -> None:
    assert play("wait()").returned[OpKind.WAIT] == -1


def test_wait_waits_for_a_child(play: Callable[..., Run]) -> None:
    run = play("fork(child)", "wait()", child=("store(0)",))
    assert run.returned[OpKind.WAIT] == 0


def test_kill_of_nobody_fails(play: Callable[..., Run]) -> None:
    assert play("kill(child)").returned[OpKind.KILL] == -1


def test_a_killed_child_ends_before_its_next_operation(play: Callable[..., Run]) -> None:
    run = play("fork(child)", "kill(child)", "wait()", "meet()", child=("meet()", "load(0)", "store(0)"))
    assert run.returned[OpKind.KILL] == 0
    assert run.model.outcome(run.end) == "10 of 10 frames free"


def test_who_kills_itself_ends_at_the_return(play: Callable[..., Run]) -> None:
    run = play("fork(child)", "kill(parent)", "load(0)", child=("exit()",))
    assert run.begun == [OpKind.FORK, OpKind.KILL]


def test_fork_inherits_what_is_due(play: Callable[..., Run]) -> None:
    run = play("store(0)", "fork(child)", "wait()", child=("load(0)",))
    ((subject, view),) = run.loads
    assert subject == "child's load of page 0"
    assert view.seen == view.due
    assert run.model.contents(view.seen).startswith("parent's store")


def test_a_fork_that_finds_no_memory_fails_and_leaves_nothing_behind(play: Callable[..., Run]) -> None:
    for frames in (4, 5, 6):
        run = play("store(0)", "fork(child)", "store(1)", "load(0)", pages=("data", "data"), frames=frames)
        subject, view = next(told for told in run.operations if told[0].startswith("parent's fork()"))
        if not view.succeeded:
            assert (view.permitted, view.killed, view.out_of_memory) == (True, False, True), subject
        assert not run.lost
        assert run.model.outcome(run.end) == f"{frames} of {frames} frames free"


def test_a_list_that_comes_back_to_itself_is_walked_once(play: Callable[..., Run]) -> None:
    model = play("load(0)", frames=6).model
    state = [0] * model.layout.size
    state[model.layout.globals["kmem.freelist"]] = 1
    for frame, follower in ((1, 2), (2, 3), (3, 2)):
        state[model.layout.array("run.next", frame)] = follower
    assert model.kernel.free_counts(state) == [0, 1, 2, 1, 0, 0, 0]
    state[model.layout.array("run.next", 3)] = 99  # leads out of RAM
    assert model.kernel.free_counts(state) == [0, 1, 1, 1, 0, 0, 0]


def test_the_init_process_reaps_orphans(play: Callable[..., Run]) -> None:
    run = play("fork(child)", child=("load(0)", "store(0)"))
    assert Action(1) not in set(run.model.enabled_actions(run.end))
    assert run.model.is_end(run.end)
