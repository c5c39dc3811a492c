"""The native engine and the reference interpreter: one result, state for state and step for step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cowcheck.checker.catalogue import load_design, scenarios, shipped_design
from cowcheck.checker.engines import EngineName
from cowcheck.checker.explore import Budget
from cowcheck.checker.job import Job, run
from cowcheck.checker.judge import Judge
from cowcheck.checker.native import Declined, Merge, NativeExplorer, find_compiler
from cowcheck.checker.result import Verdict
from cowcheck.model.scenario import Scenario
from cowcheck.model.scenario_file import load_scenario
from cowcheck.model.system import Model
from tests.checker.native.comparison import compare, engine

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="no C compiler")

TESTS = Path(__file__).parent.parent.parent
THREE_SHARERS = Path(__file__).parent / "three_sharers.py"

CASES = [
    ("lab-plan", "two-stores"),
    ("lab-plan", "fork-no-second-leaf"),
    ("lab-plan", "sbrk-up-down"),
    ("kref-lock", "two-stores"),  # a leak, found in a state
    ("kref-lock", "store-exit"),
    ("counter-in-trap", "store-text-alone"),  # a fault that is taken for ever
    ("counter-in-trap", "store-text"),  # no-permission-gained, and isolation follows
    ("kmake-unique", "fault-no-frame"),  # PTEs that lead to physical address 0; exit panics
    ("refcount-array", "store-guard"),  # a panic
    ("refcount-array-no-mark", "store-text"),
]
BROKEN = [
    ("broken/freed_once.py", "shrink-and-end"),
    ("broken/isolation.py", "read-two-pages"),
    ("broken/no_free_frame_mapped.py", "store-after-wait"),
    ("broken/no_stale_translation.py", "load-store-shared"),
    ("broken/no_undue_failure.py", "read-shared"),
    ("broken/patterns/p03_no_lock.py", "two-stores"),
    ("broken/patterns/p07_lock_order.py", "store-exit"),  # a deadlock
    ("broken/patterns/p18_null_pte.py", "store-unmapped"),
    ("broken/statements/page_table_given_out.py", "store-text-alone"),
    ("right/free_counter.py", "fault-no-frame"),  # never tests the free list
    ("right/lock_per_frame.py", "two-stores"),
    ("right/page_in_reserve.py", "fault-no-frame"),  # a variable that holds a frame
]


@pytest.mark.parametrize("symmetry", [True, False])
@pytest.mark.parametrize(("design", "scenario"), CASES)
def test_published_designs(design: str, scenario: str, symmetry: bool, judge: Judge) -> None:
    compared = compare(shipped_design(design), scenarios()[scenario], judge, symmetry=symmetry)
    assert compared.differences == []


@pytest.mark.parametrize(("file", "scenario"), BROKEN)
def test_broken_and_right_designs(
    file: str, scenario: str, judge: Judge, scenario_named: Callable[[str], Scenario]
) -> None:
    compared = compare(load_design(TESTS / file), scenario_named(scenario), judge, symmetry=True)
    assert compared.differences == []
    assert bool(compared.native.findings) == file.startswith("broken")


def test_the_first_violation_ends_both(judge: Judge) -> None:
    design, scenario = shipped_design("counter-in-trap"), scenarios()["store-text"]
    compared = compare(design, scenario, judge, symmetry=True, keep_going=False)
    assert compared.differences == []
    assert compared.native.stopped == "the first violation"


def test_a_budget_of_states_ends_both_at_the_same_state() -> None:
    job = Job("kref-lock", "grandchild", budget=Budget(states=5000))
    results = [run(job._replace(engine=name)) for name in (EngineName.NATIVE, EngineName.REFERENCE)]
    assert [result.method.engine for result in results] == ["native", "reference"]
    assert {(r.verdict, r.stats.states, r.stats.transitions, r.stats.stopped) for r in results} == {
        (results[0].verdict, results[0].stats.states, results[0].stats.transitions, "5000 states")
    }
    assert results[0].violations == results[1].violations


def test_memory_ends_a_large_search(judge: Judge) -> None:
    scenario = load_scenario(THREE_SHARERS, "three_sharers.py")
    model = Model(shipped_design("lab-plan").program, scenario)
    explorer = NativeExplorer(
        model, judge, engine(model), symmetry=False, merge=Merge.NEVER, budget=Budget(memory_bytes=1 << 20)
    )
    found = explorer.run()
    assert found.stopped == "1 MiB of memory"
    assert found.unchecked == ("progress",)


def test_a_state_takes_less_than_forty_bytes(judge: Judge) -> None:
    scenario = load_scenario(THREE_SHARERS, "three_sharers.py")
    model = Model(shipped_design("lab-plan").program, scenario)
    budget = Budget(states=1_500_000)
    explorer = NativeExplorer(model, judge, engine(model), symmetry=False, merge=Merge.NEVER, budget=budget)
    found = explorer.run()
    assert found.states >= 1_500_000
    assert explorer.bytes / found.states < 40


# --- what the engine does not take, the reference interpreter does ---

GROWS = """
from cowcheck.model.language import NULL, Design, Frame, acquire, release
from cowcheck.specs.xv6.kalloc import kmem
DESIGN = Design(name="grows", title="a number that is large")

class ever:
    total: int

def kfree(pa: Frame) -> None:
    acquire(kmem.lock)
    big = 3
    if kmem.freelist == NULL:
        big = big << 15
        big = big >> {back}
    ever.total = big
    pa.next = kmem.freelist
    kmem.freelist = pa
    release(kmem.lock)
"""


@pytest.mark.parametrize(("back", "words"), [(15, ""), (0, "16 bits")])
def test_what_grows_past_16_bits_is_left_to_the_reference(back: int, words: str, tmp_path: Path) -> None:
    """The reference interpreter computes without bounds and keeps 16 bits between steps: it says what is too large."""
    path = tmp_path / "grows.py"
    path.write_text(GROWS.format(back=back), "utf-8")
    model = Model(load_design(path).program, scenarios()["two-stores"])
    with pytest.raises(Declined):
        NativeExplorer(model, Judge(), engine(model)).run()
    results = [run(Job(str(path), "two-stores", engine=name)) for name in (EngineName.NATIVE, EngineName.REFERENCE)]
    for result in results:
        assert result.method.engine == ("" if words else "reference")
        assert words in (result.error.message if result.error else "")
    assert results[0].violations == results[1].violations
    assert results[0].verdict == results[1].verdict


def test_a_violation_that_the_interpreter_does_not_see_is_a_fault_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from cowcheck.checker.native import explorer

    view: Any = explorer._view
    monkeypatch.setattr(explorer, "_view", lambda record: view(record)._replace(mappings=7))
    result = run(Job("kref-lock", "two-stores", engine=EngineName.NATIVE))
    assert result.verdict is Verdict.ERROR
    assert result.error is not None
    assert (result.error.kind, "does not see the engine's" in result.error.message) == ("internal", True)


def test_the_same_program_serves_two_scenarios_at_once(judge: Judge) -> None:
    """The library's variables are of the search that runs."""
    program = shipped_design("lab-plan").program
    models = [Model(program, scenarios()[name]) for name in ("two-stores", "store-text")]
    one = engine(models[0])
    assert engine(models[1]) is one
    searches = [
        NativeExplorer(model, judge, one)._search(next(model.initial_states()), set(), edges=True) for model in models
    ]
    ended = [False, False]
    while not all(ended):
        for index, search in enumerate(searches):
            ended[index] = ended[index] or one.call.search_run(search.handle, 1 << 30, 1, False) == 0
    assert [search.states for search in searches] == [
        NativeExplorer(model, judge, one).run().states for model in models
    ]
    for search in searches:
        search.close()
