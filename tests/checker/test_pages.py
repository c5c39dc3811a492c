"""The whole default exploration, once: the verdict table, and the doc pages that are made from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cowcheck.checker.catalogue import designs, scenarios
from cowcheck.checker.pages import explore_everything, pages
from cowcheck.checker.ranking import ranked
from cowcheck.checker.result import Result, Verdict

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


@pytest.fixture(scope="module")
def results() -> Sequence[Result]:
    return explore_everything()


def found(results: Sequence[Result], design: str) -> dict[str, set[str]]:
    """By invariant, the scenarios in which the design violates it in its own right."""
    return {
        invariant: {it.result.subject.scenario for it in places if not it.violation.after}
        for invariant, places in ranked([r for r in results if r.subject.design == design]).items()
    }


def test_every_search_is_complete(results: Sequence[Result]) -> None:
    assert len(results) == len(designs()) * len(scenarios())
    assert all(result.stats.complete for result in results)
    assert {result.verdict for result in results} == {Verdict.PASS, Verdict.FAIL}


def test_no_search_comes_near_its_share_of_the_memory(results: Sequence[Result]) -> None:
    assert max(result.stats.peak_rss_bytes for result in results) < 400 * MIB


def test_the_reference_passes_every_scenario(results: Sequence[Result]) -> None:
    assert found(results, "lab-plan") == {}
    assert all(result.verdict is Verdict.PASS for result in results if result.subject.design == "lab-plan")


def test_kref_lock_frees_twice_and_leaks(results: Sequence[Result]) -> None:
    kref_lock = found(results, "kref-lock")
    assert {"two-execs", "sbrk-down"} <= kref_lock["freed-once"]
    assert {"two-stores", "store-exit"} <= kref_lock["no-leak"]


def test_kmake_unique_maps_physical_address_0_and_the_exit_panics(results: Sequence[Result]) -> None:
    by_scenario = {result.subject.scenario: result for result in results if result.subject.design == "kmake-unique"}
    result = by_scenario["fault-no-frame"]
    root, *sequels = result.violations
    assert (root.invariant, root.after) == ("mapping-in-ram", "")
    assert any("RW-U- physical address 0" in change for change in root.steps[-2].changes + root.steps[-1].changes)
    panic = next(sequel for sequel in sequels if sequel.invariant == "kernel-survives")
    assert panic.after == "mapping-in-ram"
    assert panic.steps[-1].changes[-1] == "PANIC: kfree"


def test_counter_in_trap_takes_a_fault_for_ever_and_reads_a_null_pte(results: Sequence[Result]) -> None:
    counter = found(results, "counter-in-trap")
    assert {"store-guard", "store-text-alone"} <= counter["progress"]
    assert "store-unmapped" in counter["kernel-survives"]
    result = next(r for r in results if (r.subject.design, r.subject.scenario) == ("counter-in-trap", "store-unmapped"))
    assert "null pte" in result.violations[0].message


def test_refcount_array_gives_text_away_and_has_no_error_path(results: Sequence[Result]) -> None:
    array = found(results, "refcount-array")
    assert "store-text" in array["no-permission-gained"]
    assert "fork-no-page-table" in array["kernel-survives"]


def test_without_the_mark_only_read_only_pages_are_at_risk(results: Sequence[Result]) -> None:
    for result in results:
        if result.subject.design == "refcount-array-no-mark":
            assert (result.verdict is Verdict.FAIL) == ("text" in result.subject.page_kinds)


def test_the_pages_are_what_a_run_gives(results: Sequence[Result]) -> None:
    made = pages(results)
    folder = ROOT / "docs" / "designs"
    assert {path.name for path in folder.glob("*.md")} == set(made)
    for name, text in made.items():
        assert (folder / name).read_text(encoding="utf-8") == text, f"docs/designs/{name} is stale: run `make docs`"


def test_every_line_of_the_reference_is_reached(results: Sequence[Result]) -> None:
    page = pages(results)["lab-plan.md"]
    unreached = page.split("## Steps that no scenario reached")[1].strip().splitlines()
    assert all(line.endswith("(it can only panic)") for line in unreached if line.startswith("- "))
