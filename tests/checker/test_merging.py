"""Merged runs: what they may merge is read off the program, and no result depends on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cowcheck.checker.catalogue import Design, load_design, scenarios, shipped_design
from cowcheck.checker.cli import main
from cowcheck.checker.judge import Judge
from cowcheck.checker.merging import PAGE, RELEASE, WORD, Refused, merging_of
from cowcheck.checker.native import Merge, NativeExplorer, find_compiler
from cowcheck.checker.native import explorer as native_explorer
from cowcheck.checker.symmetry import FrameSymmetry, no_symmetry
from cowcheck.model.locks import PAGES, lock_use, touched
from cowcheck.model.scenario_file import load_scenario
from cowcheck.model.system import Model
from tests.checker.native.comparison import Looked, engine

TESTS = Path(__file__).parent.parent
LAB_PLAN = shipped_design("lab-plan").linked.unit.text
needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="no C compiler")


# --- the premise ---


@pytest.mark.parametrize(
    ("design", "lock", "words"),
    [
        ("lab-plan", "kmem.lock", {"kmem.freelist", "kmem.refcnt"}),
        ("kmake-unique", "kmem.lock", {"kmem.freelist", "kmem.ref_counts"}),
        ("kref-lock", "kref.lock", {"kref.refcnt"}),
        ("refcount-array", "ref.reference_lock", {"ref.reference_count"}),
        ("counter-in-trap", "ref.lock", {"ref.counters"}),
    ],
)
def test_the_lock_and_its_words(design: str, lock: str, words: set[str]) -> None:
    program = shipped_design(design).program
    merging = merging_of(program)
    assert merging.lock == lock
    merged = [index for index, kind in enumerate(merging.kinds) if kind & (WORD | PAGE | RELEASE)]
    held = lock_use(program).held
    assert all(lock in (held[index] or ()) for index in merged), "nothing is merged where the lock is not held"
    cells = {cell.name for index in merged if (cell := touched(program.instructions[index])) is not None}
    assert cells - PAGES == words
    assert bool(cells & PAGES) == ("kmem.freelist" in words), "pages are reached by way of the free list"


def without(text: str, function: str) -> str:
    """The design without the lock in one function."""
    before, head, rest = text.partition(f"def {function}(")
    body, end, after = rest.partition("\n\n\n")
    lines = [
        line for line in body.splitlines() if "acquire(kmem.lock)" not in line and "release(kmem.lock)" not in line
    ]
    return before + head + "\n".join(lines) + end + after


def test_a_lock_removed_in_one_place_protects_its_words_nowhere(write_design: Callable[[str], Design]) -> None:
    """kaddref changes a count without the lock: no access to the counts is merged any more, not in kfree either."""
    program = write_design(without(LAB_PLAN, "kaddref")).program
    merging = merging_of(program)
    assert lock_use(program).protected == {"kmem.lock": frozenset({"kmem.freelist"})}
    for index, kind in enumerate(merging.kinds):
        cell = touched(program.instructions[index])
        assert not (kind & WORD and cell is not None and cell.name == "kmem.refcnt")


def test_where_no_lock_is_left_merging_is_refused(write_design: Callable[[str], Design]) -> None:
    text = LAB_PLAN
    for function in ("kaddref", "kfree", "kalloc"):
        text = without(text, function)
    with pytest.raises(Refused, match="no lock protects"):
        merging_of(write_design(text).program)


def test_a_design_that_never_tests_the_free_list_is_refused() -> None:
    with pytest.raises(Refused, match="never tests the free list"):
        merging_of(load_design(TESTS / "right" / "free_counter.py").program)


def test_a_branch_that_takes_no_lock_counts(write_design: Callable[[str], Design]) -> None:
    """A lock that is taken on one of two ways is not held where they meet."""
    head = "def kaddref(pa: Frame) -> None:\n"
    text = LAB_PLAN.replace(
        f"{head}    acquire(kmem.lock)", f"{head}    if myproc().killed:\n        acquire(kmem.lock)"
    )
    assert text != LAB_PLAN
    assert lock_use(write_design(text).program).protected == {"kmem.lock": frozenset({"kmem.freelist"})}


# --- the law ---


@needs_compiler
@pytest.mark.parametrize("symmetry", [True, False])
@pytest.mark.parametrize("design", ["lab-plan", "kmake-unique", "refcount-array"])
@pytest.mark.parametrize("scenario", ["two-stores", "sbrk-up-down", "both-exit", "kill-in-fault"])
def test_what_is_left_out_is_in_the_middle_of_a_run(design: str, scenario: str, symmetry: bool, judge: Judge) -> None:
    """Every state that is kept is one of the plain search. Every other one of those is passed, and so judged, by a run:
    a process that holds the lock comes to it from a state that is kept. The ends are the same."""
    program = shipped_design(design).program
    found = {}
    for merge in (Merge.NEVER, Merge.ALWAYS):
        model = Model(program, scenarios()[scenario])
        explorer = Looked(model, judge, engine(model), symmetry=symmetry, merge=merge)
        result = explorer.run()
        assert (explorer.merged, result.findings) == (merge is Merge.ALWAYS, [])
        found[merge] = (set(explorer.every), {explorer.every[number] for number in result.ends}, result.outcomes)
    plain, merged = found[Merge.NEVER], found[Merge.ALWAYS]
    assert merged[0] < plain[0]
    assert merged[1:] == plain[1:]
    canonical = FrameSymmetry(model) if symmetry else no_symmetry
    lock = model.layout.globals[merging_of(program).lock]
    passed = set()
    for kept in merged[0]:
        for action in model.enabled_actions(kept):
            state = canonical(model.next_state(kept, action))
            while state not in merged[0] and state[lock] == action.pid:
                passed.add(state)
                state = canonical(model.next_state(state, action))
    assert plain[0] - merged[0] == passed


@needs_compiler
@pytest.mark.parametrize(
    ("file", "scenario"),
    [
        ("broken/patterns/p02_tested_after_release.py", "two-stores"),
        ("broken/patterns/p03_no_lock.py", "two-stores"),
        ("broken/patterns/p07_lock_order.py", "store-exit"),
        ("broken/patterns/p16_check_then_act.py", "two-stores"),
        ("broken/patterns/p24_pointer_after_release.py", "two-stores"),
        ("broken/no_leak.py", "two-stores"),
        ("broken/out_of_memory_kills.py", "fault-no-frame"),
        ("right/nested_locks.py", "two-stores"),
        ("right/optimistic_read.py", "two-stores"),
    ],
)
def test_merging_changes_no_result(file: str, scenario: str, judge: Judge) -> None:
    program = load_design(TESTS / file).program
    results = []
    for merge in (Merge.NEVER, Merge.ALWAYS):
        model = Model(program, scenarios()[scenario])
        explorer = NativeExplorer(model, judge, engine(model), merge=merge)
        results.append(explorer.run())
    assert results[0].findings == results[1].findings
    assert results[0].outcomes == results[1].outcomes


@needs_compiler
def test_a_large_search_is_begun_anew_with_merged_runs(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_explorer, "MERGED_FROM", 500)
    for design, merged in (("lab-plan", True), ("kref-lock", False)):
        model = Model(shipped_design(design).program, scenarios()["two-stores"])
        explorer = NativeExplorer(model, judge, engine(model), merge=Merge.LARGE)
        found = explorer.run()
        assert (explorer.merged, bool(found.findings)) == (merged, not merged)
    monkeypatch.setattr(native_explorer, "MERGED_FROM", 5000)
    model = Model(shipped_design("lab-plan").program, scenarios()["two-stores"])
    explorer = NativeExplorer(model, judge, engine(model), merge=Merge.LARGE)
    assert (explorer.run().states, explorer.merged) == (861, False)


@needs_compiler
def test_the_command_says_where_runs_are_not_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bare.py"
    path.write_text(without(without(without(LAB_PLAN, "kaddref"), "kfree"), "kalloc"), "utf-8")
    main(["explore", "--design", str(path), "--scenario", "store-text-alone", "--merge", "always", "--json", "-"])
    out, err = capsys.readouterr()
    assert "no runs of lab-plan are merged: no lock protects" in err
    assert '"merged": false' in out


def test_the_scenario_of_the_large_tests_is_one() -> None:
    assert load_scenario(TESTS / "checker" / "native" / "three_sharers.py", "three_sharers.py").processes == 4
