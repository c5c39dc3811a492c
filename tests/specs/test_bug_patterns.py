"""The bugs that copy-on-write kernels really have, as designs: each is caught, and told from the others.

The number in a file's name is the bug's in the catalogue of such bugs that cowcheck is measured on. What it has and
this folder has not:

- 9 (the index of the count is off): a frame is a name here and an array of counts is indexed by it, so the language
  cannot say an index that is off; it refuses arithmetic on frames.
- 17 (PGROUNDDOWN is missing): an address is a page number here.
- 6 (an 8-bit count overflows) and 14 (the kernel's own map is counted) stand here at the model's scale: a count of two
  bits and four sharers, and a mapping that is counted by both kalloc and mappages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cowcheck.checker.catalogue import Design, scenarios, shipped_design
from cowcheck.checker.explore import Exploration
from cowcheck.model.scenario import Scenario

FOLDER = Path(__file__).parent.parent / "broken" / "patterns"
FILES = sorted(FOLDER.glob("*.py"))

COUNTS = "refcount-equals-mappings"
SHARED = "no-writable-shared-frame"
USED_FREE = "no-free-frame-mapped"
TWICE = "freed-once"
LEAK = "no-leak"
GAINED = "no-permission-gained"
ISOLATION = "isolation"
STALE = "no-stale-translation"
MEMORY_OUT = "out-of-memory-kills"
PROGRESS = "progress"
SURVIVES = "kernel-survives"
UNDUE = "no-undue-failure"


class Caught(NamedTuple):
    """A scenario that catches the bug, what it breaks there in its own right, and a part of what a person is told."""

    scenario: str
    invariants: set[str]
    told: str


CAUGHT = {
    "p01_free_at_boot": Caught("fork-no-frame", {SURVIVES}, "Its last words: userinit: out of memory."),
    "p02_tested_after_release": Caught("two-stores", {USED_FREE, TWICE, LEAK}, "(double free)"),
    "p03_no_lock": Caught("two-stores", {USED_FREE, TWICE, LEAK}, "(double free)"),
    "p04_inverted_test": Caught("fork-no-frame", {SURVIVES}, "Its last words: userinit: out of memory."),
    "p04_inverted_test_after_boot": Caught(
        "both-exit", {USED_FREE, LEAK}, "is on the free list, but user code can still reach it"
    ),
    "p12_pages_forgotten": Caught("fork-no-second-leaf", {SURVIVES}, "Its last words: freewalk: leaf."),
    "p13_execute_dropped": Caught("store-text", {UNDUE}, "jump to page 0 was legal"),
    "p19_exit_in_handler": Caught("wait-no-frame", {SURVIVES}, "Its last words: acquire: this hart"),
    "p23_killed_by_exit": Caught("two-stores", {UNDUE}, "was legal, but the process was killed for it"),
    "p32_killed_in_wait": Caught("two-stores", {UNDUE}, "wait() was legal, but the process was killed for it"),
    "p05_kalloc_increments": Caught("two-stores", {COUNTS}, "The count is too low"),
    "p06_count_overflows": Caught("three-children", {COUNTS}, "has a reference count of 0, but the number"),
    "p07_lock_order": Caught(
        "store-exit", {PROGRESS}, "init waits for a lock that child holds; child waits for a lock that init holds"
    ),
    "p08_junk_before_test": Caught("sbrk-down", {ISOLATION}, "saw contents 'junk of kfree'"),
    "p10_parent_keeps_w": Caught("two-stores", {SHARED}, "through 1 of the 2 translations"),
    "p11_text_marked": Caught("store-text", {GAINED}, "Mark as COW only what had PTE_W before the fork"),
    "p12_not_undone": Caught("fork-no-page-table", {UNDUE}, "Parent's store to page 0 was legal"),
    "p12_reference_not_undone": Caught("fork-no-page-table", {COUNTS}, "The count is too high"),
    "p13_mark_dropped": Caught("grandchild", {UNDUE}, "Look for a COW mark that was lost, as by a second fork"),
    "p14_counted_in_mappages": Caught("store-text-alone", {COUNTS}, "has a reference count of 2"),
    "p15_path_without_reference": Caught("store-text", {COUNTS}, "The count is too low"),
    "p15_path_without_reference_uncounted": Caught("store-text", {USED_FREE}, "but user code can still reach it"),
    "p16_check_then_act": Caught("two-stores", {LEAK}, "A count was left too high, or a pointer was dropped"),
    "p18_null_pte": Caught("store-unmapped", {SURVIVES}, "a null pte is dereferenced"),
    "p19_goes_on_without_frame": Caught("fault-no-frame", {SURVIVES}, "an address that is no frame of RAM"),
    "p20_valid_cleared": Caught(
        "fault-one-frame", {LEAK, MEMORY_OUT}, "the process was killed, but its page-table entry was changed too"
    ),
    "p21_guard_page": Caught("store-guard", {PROGRESS}, "or a process takes the same fault for ever"),
    "p22_any_store_fault": Caught("store-text-alone", {GAINED}, "treat no other store fault as a COW fault"),
    "p22_invalid_pte": Caught("store-given-back", {SURVIVES}, "an address that is no frame of RAM"),
    "p23_nothing_changed": Caught("two-stores", {PROGRESS}, "or a process takes the same fault for ever"),
    "p23_reused_without_w": Caught("two-stores", {UNDUE}, "store to page 0 was legal, but the process was killed"),
    "p23_stale_count": Caught("store-exit", {USED_FREE, ISOLATION}, "The pointer was used after kfree"),
    "p24_copied_after_drop": Caught("two-stores", {USED_FREE, ISOLATION}, "The pointer was used after kfree"),
    "p24_pointer_after_release": Caught(
        "two-stores", {COUNTS, SHARED, USED_FREE, LEAK, ISOLATION}, "through 2 of the 2 translations"
    ),
    "p25_copyout_writes_shared": Caught("read-shared", {ISOLATION}, "saw contents 'parent's read"),
    "p26_first_page_only": Caught("read-two-pages", {ISOLATION}, "Child's load of page 1 saw contents"),
    "p27_failure_ignored": Caught("read-no-frame", {ISOLATION}, "saw contents 'parent's read"),
    "p28_own_page_table": Caught("exec-and-load", {ISOLATION}, "Parent's load of page 1 saw contents"),
    "p29_maxva_in_copyout": Caught("store-unmapped", {SURVIVES}, "Its last words: walk."),
    "p30_no_drop_for_cow": Caught("both-exit", {COUNTS}, "The count is too high"),
    "p30_no_drop_for_cow_uncounted": Caught("both-exit", {LEAK}, "is lost: it is not on the free list"),
    "p31_no_flush": Caught("store-and-fork", {SHARED, STALE}, "lets user code write, but its page-table entry does"),
    "p32_killed_in_handler": Caught("kill-in-fault", {COUNTS, USED_FREE}, "but user code can still reach it"),
}

ALSO_CAUGHT_BY = {
    "p28_own_page_table": "two-execs",
    "p31_no_flush": "sbrk-up-down",
}
"""A shipped scenario for those that are caught here by one of tests/broken/scenarios, which is smaller or plainer."""

LARGE = {"grandchild", "three-children"}
"""A second each; the laws of the whole exploration are tested elsewhere."""


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def design(request: pytest.FixtureRequest, compiled: Callable[[Path], Design]) -> Design:
    return compiled(request.param)


@pytest.fixture(scope="module")
def caught(design: Design) -> Caught:
    return CAUGHT[design.path.stem]


@pytest.fixture(scope="module")
def found(
    design: Design, caught: Caught, explore: Callable[..., Exploration], scenario_named: Callable[[str], Scenario]
) -> Exploration:
    return explore(design, scenario_named(caught.scenario))


def test_every_pattern_has_an_entry() -> None:
    assert {path.stem for path in FILES} == set(CAUGHT)


def test_a_file_is_named_as_its_design(design: Design) -> None:
    assert re.match(r"p\d\d_", design.path.stem)
    assert design.name == "pattern-" + design.path.stem[1:].replace("_", "-")


def test_it_is_caught_by_these_invariants(caught: Caught, found: Exploration) -> None:
    assert found.complete
    assert {it.invariant for it in found.findings if not it.after} == caught.invariants


def test_the_message_tells_what_it_is(caught: Caught, found: Exploration) -> None:
    assert any(caught.told in it.message for it in found.findings if not it.after)


@pytest.mark.parametrize("name", sorted({caught.scenario for caught in CAUGHT.values()} - LARGE))
def test_the_right_design_holds_there(
    name: str, explore: Callable[..., Exploration], scenario_named: Callable[[str], Scenario]
) -> None:
    found = explore(shipped_design("lab-plan"), scenario_named(name))
    assert found.complete
    assert found.findings == []


def test_nothing_of_the_labs_plan_was_forgotten(design: Design) -> None:
    """A function that a design neither defines nor imports is the base kernel's, which knows no counts."""
    unit = design.linked.unit
    for name in shipped_design("lab-plan").linked.unit.functions:
        assert name in unit.functions or name in unit.imports, f"{name} is neither defined nor imported"


def test_the_shipped_scenarios_catch_them_all() -> None:
    assert {name for name, caught in CAUGHT.items() if caught.scenario not in scenarios()} <= ALSO_CAUGHT_BY.keys()


@pytest.mark.parametrize("name", sorted(ALSO_CAUGHT_BY))
def test_a_shipped_scenario_catches_it_too(
    name: str, compiled: Callable[[Path], Design], explore: Callable[..., Exploration]
) -> None:
    found = explore(compiled(FOLDER / f"{name}.py"), scenarios()[ALSO_CAUGHT_BY[name]])
    assert [it for it in found.findings if not it.after]


@pytest.mark.parametrize("scenario", ["two-stores", "read-shared"])
def test_a_page_that_was_never_copied_is_noticed(
    scenario: str, compiled: Callable[[Path], Design], explore: Callable[..., Exploration]
) -> None:
    found = explore(compiled(FOLDER.parent / "copies" / "nothing_copied.py"), scenarios()[scenario])
    assert {it.invariant for it in found.findings if not it.after} == {ISOLATION}
