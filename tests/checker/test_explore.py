"""The search: toys whose states are counted by hand, a plain search beside it, and the laws that it must obey."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import networkx as nx
import pytest

from cowcheck.checker.catalogue import Design, designs, scenarios
from cowcheck.checker.explore import Budget, Exploration, Explorer, Progress, decode, encode
from cowcheck.checker.judge import Judge
from cowcheck.model.layout import INIT, PC, PHASE, STATE
from cowcheck.model.observe import Observer
from cowcheck.model.scenario import Scenario
from cowcheck.model.system import Action, Model, StateTuple
from cowcheck.specs.invariants import INVARIANTS, find_invariants

PARENT, CHILD = 2, 3  # pids

# A kernel that is nothing but steps: no memory, no page tables. What each line costs is said beside it: a shared access
# begins a step, and all else belongs to the step before.
STEPS = '''\
"""A kernel that only counts steps."""

from cowcheck.model.language import SYS_exit, SYS_fork, SYS_read, SYS_wait, Design, Spinlock, acquire, first_proc
from cowcheck.model.language import intr_off, intr_on, myproc, release, reset_proc, sched, sret, start_proc
from cowcheck.model.language import syscall_number, unused_proc, zombie_child, zombify

DESIGN = Design(name="steps", title="only steps")


class toy:
    word: int
    a: Spinlock
    b: Spinlock


def boot() -> None:
    p = first_proc()
    start_proc(p)  # shared


def uservec() -> None:
    intr_on()
    if syscall_number() == SYS_read:
        read()
    elif syscall_number() == SYS_exit:
        zombify(0)  # shared
        sched()
    elif syscall_number() == SYS_fork:
        np = unused_proc()  # shared
        np.parent = myproc()  # shared
        start_proc(np)  # shared
        release(np.lock)  # shared
    elif syscall_number() == SYS_wait:  # init's
        pp = zombie_child(myproc())  # shared
        reset_proc(pp)  # shared
    intr_off()
    sret()


def read() -> None:
'''
ALONE = """\
from cowcheck.model.user import Scenario

SCENARIO = Scenario(name="alone", title="one process, which exits", harts=1, frames=3, pages=("data",))


def parent() -> None:
    pass
"""
TWO = """\
from cowcheck.model.user import Scenario, fork, meet, read

SCENARIO = Scenario(name="two", title="two processes, which read", harts={harts}, frames=3, pages=("data",))


def parent() -> None:
    fork(child)
    meet()
    read(0)


def child() -> None:
    meet()
    read(0)
"""


def steps(*body: str) -> str:
    return STEPS + "".join(f"    {line}\n" for line in body)


def the_graph(found: Exploration) -> nx.DiGraph:
    return found.graph.digraph()


# --- toys ---


def search(design: Design, scenario: Scenario, symmetry: bool = True) -> Exploration:
    """Nothing is judged but progress: a kernel without memory has only pages that are lost."""
    judge = Judge(invariants=find_invariants(["progress"]))
    return Explorer(Model(design.program, scenario), judge, symmetry=symmetry).run()


def test_one_process_that_exits(
    write_design: Callable[[str], Design], write_scenario: Callable[[str], Scenario]
) -> None:
    """init: from the start to start_proc (1), start_proc (2). The parent: the trap (3), zombify (4). init: the trap
    (5), zombie_child (6), reset_proc (7). One path: 7 transitions, 8 states, one end."""
    found = search(write_design(steps("pass")), write_scenario(ALONE))
    assert (found.states, found.transitions, found.depth) == (8, 7, 7)
    assert (found.findings, found.ends, found.complete) == ([], [7], True)
    assert found.outcomes == {"0 of 3 frames free": 1}, "no kinit: nothing is ever on the free list"
    graph = the_graph(found)
    assert nx.is_path(graph, list(range(8)))
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (8, 7)


@pytest.mark.parametrize("harts", [1, 2, 3])
@pytest.mark.parametrize("symmetry", [True, False])
def test_two_processes_that_interleave(
    harts: int,
    symmetry: bool,
    write_design: Callable[[str], Design],
    write_scenario: Callable[[str], Scenario],
) -> None:
    """The setup is one path: init's 2 steps; the parent's trap, unused_proc, np.parent, start_proc, release: 7
    transitions from 7 states, and the last brings both past meet().

    Then a process stands before its read (0), at its first load (1), its second (2), before its exit (3), at zombify
    (4), a zombie (5), or is gone (6); a for the parent, b for the child. init is in user mode, at zombie_child or at
    reset_proc; it moves only while a zombie is its own: the parent, or the child once the parent is a zombie; the
    parent, with the lower pid, is the first that it finds.

    - a in 0..4: init is in user mode, b in 0..5: 5 * 6 = 30 states. The parent can step in each (30 transitions), the
      child where b < 5 (25).
    - a = 5: b in 0..5, init in 3 places: 18 states. init can step in each (18), the child where b < 5: 5 * 3 (15).
    - a = 6: b in 0..4 with init in user mode: 5 states, 5 transitions of the child. b = 5: init in 3 places: 3 states,
      3 transitions. b = 6: the end.

    30 + 18 + 5 + 3 + 1 = 57 states, and 7 of the setup: 64. 30 + 25 + 18 + 15 + 5 + 3 = 96 transitions, and 7: 103.
    The end is 7 + 5 + 5 + 3 + 3 = 23 steps deep. Nobody is ever in the kernel with interrupts off when a step ends, so
    any number of harts gives the same, and no frame is ever in use, so symmetry has nothing to do.
    """
    design = write_design(steps("x = toy.word", "x = toy.word"))
    found = search(design, write_scenario(TWO.format(harts=harts)), symmetry=symmetry)
    assert (found.states, found.transitions, found.depth) == (64, 103, 23)
    assert found.findings == []
    assert len(found.ends) == 1
    graph = the_graph(found)
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (64, 103)
    assert nx.dag_longest_path_length(graph) == 23
    assert nx.shortest_path_length(graph, 0, found.ends[0]) == 23
    assert [node for node in graph if graph.out_degree(node) == 0] == found.ends


def test_preemption_needs_interrupts(
    write_design: Callable[[str], Design], write_scenario: Callable[[str], Scenario]
) -> None:
    """The same, with interrupts off at both loads. On one hart nobody moves while a process is at a load, so the four
    states in which both are (a and b in {1, 2}) fall away, and nothing else does: who is anywhere else has interrupts
    on and is preempted. 64 - 4 = 60; on two harts all 64 are there."""
    body = ("intr_off()", "x = toy.word", "x = toy.word", "intr_on()")
    design = write_design(steps(*body))
    assert [search(design, write_scenario(TWO.format(harts=harts))).states for harts in (1, 2, 3)] == [60, 64, 64]
    model = Model(design.program, write_scenario(TWO.format(harts=1)))
    inside = [
        {pid for pid in (PARENT, CHILD) if model.pinned(state, pid)} for state in plain_search(model) if state[PHASE]
    ]
    assert {PARENT} in inside
    assert {CHILD} in inside
    assert {PARENT, CHILD} not in inside


def test_a_deadlock_is_found_where_it_closes(
    write_design: Callable[[str], Design], write_scenario: Callable[[str], Scenario]
) -> None:
    """The parent takes a and then b, the child b and then a. 7 steps of setup, and each traps and takes its first lock:
    7 + 2 + 2 = 11 steps to the state in which neither can go on. On one hart whoever holds a lock keeps the hart."""
    body = (
        "if myproc().pid == 2:",
        "    acquire(toy.a)",
        "    acquire(toy.b)",
        "else:",
        "    acquire(toy.b)",
        "    acquire(toy.a)",
        "release(toy.a)",
        "release(toy.b)",
    )
    design = write_design(steps(*body))
    assert search(design, write_scenario(TWO.format(harts=1))).findings == []
    found = search(design, write_scenario(TWO.format(harts=2)))
    (deadlock,) = found.findings
    assert (deadlock.invariant, deadlock.cycle, deadlock.after) == ("progress", (), "")
    assert len(deadlock.path) == 11
    assert "parent waits for a lock that child holds; child waits for a lock that parent holds" in deadlock.message
    model = Model(design.program, write_scenario(TWO.format(harts=2)))
    stuck = model.replay(deadlock.path)
    assert list(model.enabled_actions(stuck)) == []
    assert not model.is_end(stuck)
    graph = the_graph(found)
    dead = [node for node in graph if graph.out_degree(node) == 0 and node not in found.ends]
    assert min(nx.shortest_path_length(graph, 0, node) for node in dead) == 11


def test_a_loop_that_never_ends_is_told_with_its_cycle(
    write_design: Callable[[str], Design], write_scenario: Callable[[str], Scenario]
) -> None:
    """The process has no page table, so its load faults; uservec then reads toy.word and returns: two steps, for ever.
    init's 2 steps bring it to user mode, and from there it goes round: 4 states, 4 transitions."""
    fault = "    if r_scause() == 13:\n        x = toy.word\n        intr_off()\n        sret()\n"
    text = steps("pass").replace("    intr_on()\n", f"    intr_on()\n{fault}", 1)
    design = write_design(text.replace("import SYS_exit", "import r_scause, SYS_exit"))
    scenario = write_scenario(ALONE.replace("import Scenario", "import Scenario, load").replace("pass", "load(0)"))
    found = search(design, scenario)
    (lasso,) = found.findings
    assert (lasso.invariant, len(lasso.cycle)) == ("progress", 2)
    assert set(lasso.cycle) == {Action(PARENT)}
    assert (found.states, found.transitions) == (4, 4)
    assert found.ends == []
    model = Model(design.program, scenario)
    assert model.replay(lasso.path + lasso.cycle) == model.replay(lasso.path)


# --- a plain search beside it ---


def plain_search(model: Model, wrong: Callable[[StateTuple], bool] = lambda _: False) -> list[StateTuple]:
    """Every reachable state, breadth first; what is wrong is not gone on from."""
    found = dict.fromkeys(model.initial_states())
    for state in (work := list(found)):
        if wrong(state):
            continue
        for action in model.enabled_actions(state):
            target = model.next_state(state, action)
            if target not in found:
                found[target] = None
                work.append(target)
    return work


SMALL = ("both-exit", "fault-no-frame", "store-exit", "store-text-alone", "store-guard")


@pytest.mark.parametrize("name", SMALL)
def test_the_states_are_those_of_a_plain_search(name: str, judge: Judge) -> None:
    model = Model(designs()["lab-plan"].program, scenarios()[name])
    explorer = Explorer(model, judge, symmetry=False)
    found = explorer.run()
    plain = plain_search(model)
    assert list(explorer.states()) == plain, "in the same order"
    assert found.states == len(plain)
    edges = sum(len(list(model.enabled_actions(state))) for state in plain)
    assert found.transitions == edges
    assert found.ends == [number for number, state in enumerate(plain) if model.is_end(state)]


def test_what_is_wrong_is_not_gone_on_from(judge: Judge) -> None:
    """In both-exit refcount-array and its like do nothing wrong; kmake-unique's fault maps physical address 0."""
    model = Model(designs()["kmake-unique"].program, scenarios()["fault-no-frame"])
    observer = Observer(model)

    def wrong(state: StateTuple) -> bool:
        return any(judge.broken(view) for view in observer.views(state))

    explorer = Explorer(model, judge, symmetry=False)
    explorer.run()
    plain = plain_search(model, wrong)
    assert list(explorer.states()) == plain
    bad = [number for number, state in enumerate(plain) if wrong(state)]
    graph = explorer.graph.digraph()
    assert bad
    assert all(graph.out_degree(number) == 0 for number in bad)


def test_a_path_leads_to_its_state(judge: Judge) -> None:
    model = Model(designs()["kref-lock"].program, scenarios()["store-exit"])
    explorer = Explorer(model, judge)
    found = explorer.run()
    for number, state in enumerate(explorer.states()):
        if number % 50 == 0:
            path = [decode(code) for code in found.graph.path(number)]
            assert explorer.canonical(model.replay(path)) == state
            assert len(path) == found.graph.depth(number)


def test_the_depth_of_every_state_is_the_shortest(judge: Judge) -> None:
    model = Model(designs()["lab-plan"].program, scenarios()["two-reads"])
    found = Explorer(model, judge).run()
    lengths = nx.single_source_shortest_path_length(the_graph(found), 0)
    assert [found.graph.depth(number) for number in range(found.states)] == [lengths[n] for n in range(found.states)]
    assert found.depth == max(lengths.values())


def test_the_depth_counts_states_that_are_wrong(judge: Judge) -> None:
    """The last state of refcount-array's fork without a page table is the one that panics; it is not gone on from."""
    model = Model(designs()["refcount-array"].program, scenarios()["fork-no-page-table"])
    found = Explorer(model, judge).run()
    assert found.depth == max(len(it.path) for it in found.findings)
    assert found.depth == max(nx.single_source_shortest_path_length(the_graph(found), 0).values())


def test_an_action_is_a_number_and_back() -> None:
    for action in (Action(1), Action(7, timer=True)):
        assert decode(encode(action)) == action


# --- a counterexample is a shortest one ---

WRONG = [
    ("kref-lock", "two-stores", "no-leak"),
    ("kref-lock", "sbrk-down", "freed-once"),
    ("kref-lock", "sbrk-down", "no-leak"),
    ("kmake-unique", "fault-no-frame", "mapping-in-ram"),
    ("refcount-array", "store-text", "no-permission-gained"),
    ("refcount-array", "fork-no-page-table", "kernel-survives"),
    ("counter-in-trap", "store-unmapped", "kernel-survives"),
]


@pytest.mark.parametrize(("design", "scenario", "invariant"), WRONG)
def test_a_counterexample_is_a_shortest_one(design: str, scenario: str, invariant: str, judge: Judge) -> None:
    """networkx finds no shorter way to any state that breaks the invariant."""
    model = Model(designs()[design].program, scenarios()[scenario])
    explorer = Explorer(model, judge)
    found = explorer.run()
    (finding,) = [it for it in found.findings if it.invariant == invariant]
    observer = Observer(model)
    bad = [
        number
        for number, state in enumerate(explorer.states())
        if any(item.invariant == invariant for view in observer.views(state) for item in judge.broken(view))
    ]
    lengths = nx.single_source_shortest_path_length(the_graph(found), 0)
    assert min(lengths[number] for number in bad) == len(finding.path)
    reached = model.replay(finding.path)
    assert any(item.invariant == invariant for view in observer.views(reached) for item in judge.broken(view))
    for shorter in (finding.path[:-1], finding.path[: len(finding.path) // 2]):
        before = model.replay(shorter)
        assert not any(judge.broken(view) for view in observer.views(before))


def test_a_fault_that_is_taken_for_ever_comes_back_to_the_same_state(judge: Judge) -> None:
    model = Model(designs()["counter-in-trap"].program, scenarios()["store-text-alone"])
    explorer = Explorer(model, judge)
    found = explorer.run()
    (lasso,) = found.findings
    assert lasso.invariant == "progress"
    assert lasso.cycle
    start = explorer.canonical(model.replay(lasso.path))
    assert explorer.canonical(model.replay(lasso.path + lasso.cycle)) == start
    graph = the_graph(found)
    lost = [node for node in graph if not any(nx.has_path(graph, node, end) for end in found.ends)]
    first = min(lost, key=found.graph.depth)
    assert found.graph.depth(first) <= len(lasso.path)
    assert len(lasso.cycle) == min(len(cycle) for cycle in nx.simple_cycles(graph))


# --- laws ---

LAW_SCENARIOS = ("both-exit", "fault-no-frame")
MORE_LAWS = (
    ("refcount-array", "fork-no-page-table"),
    ("kref-lock", "sbrk-down"),
    ("kref-lock", "store-exit"),
    ("kmake-unique", "read-no-frame"),
    ("refcount-array-no-mark", "store-text-alone"),
    ("counter-in-trap", "store-text-alone"),
    ("counter-in-trap", "store-unmapped"),
    ("lab-plan", "kill-in-fault"),
)


def law_cases() -> Iterator[tuple[str, str]]:
    for design in designs():
        for scenario in LAW_SCENARIOS:
            yield design, scenario
    yield from MORE_LAWS


def verdict(found: Exploration) -> set[str]:
    """The invariants that are broken in their own right."""
    assert found.complete
    return {it.invariant for it in found.findings if not it.after}


@pytest.mark.parametrize(("design", "scenario"), list(law_cases()))
def test_the_laws_of_the_search(design: str, scenario: str, explore: Callable[..., Exploration]) -> None:
    """Neither symmetry nor the order changes a verdict, and more preemption points lose none."""
    subject = designs()[design], scenarios()[scenario]
    found = explore(*subject)
    plain = explore(*subject, symmetry=False)
    newest = explore(*subject, newest_first=True)
    finer = explore(*subject, pte_steps=True)
    assert verdict(found) == verdict(plain) == verdict(newest)
    assert verdict(found) <= verdict(finer)
    assert found.states <= plain.states
    assert found.outcomes.keys() == plain.outcomes.keys() == newest.outcomes.keys()
    if not found.findings:
        assert (found.states, found.transitions) == (newest.states, newest.transitions)
        assert found.states < finer.states
        assert verdict(finer) == set()
    assert [(it.invariant, len(it.path)) for it in found.findings if it.invariant != "progress"] == [
        (it.invariant, len(it.path)) for it in plain.findings if it.invariant != "progress"
    ]


@pytest.mark.parametrize(
    ("design", "scenario"), [("kref-lock", "sbrk-down"), ("kmake-unique", "fault-no-frame"), ("lab-plan", "both-exit")]
)
def test_a_search_is_the_same_every_time(design: str, scenario: str, judge: Judge) -> None:
    def search() -> tuple[object, ...]:
        found = Explorer(Model(designs()[design].program, scenarios()[scenario]), judge).run()
        graph = found.graph
        return found.findings, graph.sources, graph.targets, graph.actions, found.outcomes, found.ends

    assert search() == search()


DIGEST = """
import hashlib, sys
from cowcheck.checker.catalogue import find_design, find_scenario
from cowcheck.checker.explore import Explorer
from cowcheck.checker.judge import Judge
from cowcheck.model.system import Model
explorer = Explorer(Model(find_design("kref-lock").program, find_scenario("store-exit")), Judge())
found = explorer.run()
text = repr((list(explorer.states()), found.findings, found.graph.targets.tolist(), found.outcomes))
sys.stdout.write(hashlib.sha256(text.encode()).hexdigest())
"""


def test_hash_seeds_change_nothing() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert len(digests.pop()) == len(hashlib.sha256().hexdigest())


@pytest.mark.parametrize(
    ("design", "scenario"),
    [("lab-plan", "fault-no-frame"), ("kref-lock", "two-stores"), ("kmake-unique", "fault-no-frame")],
)
def test_z3_says_the_same_of_every_state(design: str, scenario: str, judge: Judge) -> None:
    oracle = Judge(oracle=True)
    found = [
        Explorer(Model(designs()[design].program, scenarios()[scenario]), judge).run() for judge in (judge, oracle)
    ]
    assert found[0].findings == found[1].findings
    assert (found[0].states, found[0].transitions) == (found[1].states, found[1].transitions)


def test_only_what_is_asked_is_judged() -> None:
    """A leak is no concern of freed-once: the search goes on past it, and sees more states."""
    model = Model(designs()["kref-lock"].program, scenarios()["two-stores"])
    every = Explorer(model, Judge()).run()
    asked = Explorer(model, Judge(invariants=find_invariants(["freed-once"]))).run()
    assert verdict(every) == {"no-leak"}
    assert asked.findings == []
    assert asked.states > every.states
    assert asked.unchecked == ()


# --- budgets ---


@pytest.fixture
def model() -> Model:
    return Model(designs()["lab-plan"].program, scenarios()["two-stores"])


def test_a_budget_of_states(model: Model, judge: Judge) -> None:
    found = Explorer(model, judge, budget=Budget(states=200)).run()
    assert found.stopped == "200 states"
    assert not found.complete
    assert 200 <= found.states < 210
    assert found.unchecked == ("progress",)
    assert found.findings == []


def test_a_budget_that_suffices_is_no_bound(model: Model, judge: Judge) -> None:
    whole = Explorer(model, judge).run()
    found = Explorer(model, judge, budget=Budget(states=whole.states + 1)).run()
    assert found.complete
    assert (found.states, found.unchecked) == (whole.states, ())


def test_what_is_found_within_a_budget_counts(judge: Judge) -> None:
    model = Model(designs()["kref-lock"].program, scenarios()["two-stores"])
    whole = Explorer(model, judge).run()
    found = Explorer(model, judge, budget=Budget(states=whole.states - 1)).run()
    assert not found.complete
    assert [it.invariant for it in found.findings] == ["no-leak"]


def ticking(step: float) -> Callable[[], float]:
    times = iter(range(10_000))
    return lambda: next(times) * step


def test_a_budget_of_seconds(judge: Judge) -> None:
    """The clock is looked at now and then (here at the budget's own pace), and not before the first 2048 states."""
    model = Model(designs()["kref-lock"].program, scenarios()["exec-after-fork"])
    found = Explorer(model, judge, budget=Budget(seconds=1.5), clock=ticking(1.0)).run()
    assert found.stopped == "1.5 s"
    assert found.unchecked == ("progress",)
    assert 2048 <= found.states < 2 * 2048 + 10


def test_a_budget_of_memory(judge: Judge) -> None:
    model = Model(designs()["kref-lock"].program, scenarios()["exec-after-fork"])
    found = Explorer(model, judge, budget=Budget(memory_bytes=1 << 20)).run()
    assert found.stopped == "1 MiB of memory"
    assert found.unchecked == ("progress",)
    assert found.peak_rss_bytes > 1 << 20


def test_the_first_violation_ends_the_search_where_that_is_asked(judge: Judge) -> None:
    model = Model(designs()["kref-lock"].program, scenarios()["sbrk-down"])
    every = Explorer(model, judge).run()
    first = Explorer(model, judge, keep_going=False).run()
    assert first.stopped == "the first violation"
    assert first.unchecked == ("progress",)
    assert 1 <= len([it for it in first.findings if not it.after]) < len(verdict(every))
    shortest = min(len(it.path) for it in every.findings if not it.after)
    assert {len(it.path) for it in first.findings if not it.after} == {shortest}


def test_progress_is_not_unchecked_where_nobody_asked_for_it(model: Model) -> None:
    judge = Judge(invariants=find_invariants(["no-leak"]))
    assert Explorer(model, judge, budget=Budget(states=100)).run().unchecked == ()


def test_it_reports_how_far_it_is(judge: Judge) -> None:
    told: list[Progress] = []
    model = Model(designs()["kref-lock"].program, scenarios()["exec-after-fork"])
    found = Explorer(model, judge, clock=ticking(1.0), report=told.append).run()
    assert [it.states for it in told] == sorted(it.states for it in told)
    assert len(told) == found.states // 2048
    assert all(0 < it.depth <= found.depth and it.frontier > 0 for it in told)
    assert [it.seconds for it in told] == [1.0 + number for number in range(len(told))]


# --- ends ---


def test_each_end_is_counted_by_what_it_leaves(explore: Callable[..., Exploration]) -> None:
    found = explore(designs()["lab-plan"], scenarios()["fault-no-frame"])
    assert found.outcomes == {"5 of 5 frames free": len(found.ends)}


def test_ends_that_leave_the_same_are_counted_together(judge: Judge) -> None:
    """Without symmetry the frames are free in several orders."""
    model = Model(designs()["lab-plan"].program, scenarios()["store-exit"])
    found = Explorer(model, judge, symmetry=False).run()
    assert len(found.ends) > 1
    assert found.outcomes == {"8 of 8 frames free": len(found.ends)}


def test_the_initial_state_is_one(model: Model) -> None:
    (state,) = model.initial_states()
    assert state[model.layout.process(INIT) + PC] == 1 + model.program.boot
    assert sum(1 for pid in range(1, model.layout.processes + 1) if state[model.layout.process(pid) + STATE]) == 1


def test_progress_is_the_invariants_own_word() -> None:
    """The name that budgets leave unchecked is that of an invariant."""
    assert "progress" in {invariant.name for invariant in INVARIANTS}


def test_tests_need_no_other_scenario() -> None:
    known = set(scenarios())
    assert {*SMALL, *LAW_SCENARIOS, *(name for _, name in MORE_LAWS), *(name for _, name, _ in WRONG)} <= known
    assert Path(__file__).parent.name == "checker"
