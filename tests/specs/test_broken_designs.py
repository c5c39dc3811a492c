"""For every invariant there is a kernel that breaks it, and no other one, and it is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cowcheck.checker.catalogue import Design, shipped_design
from cowcheck.checker.explore import Exploration
from cowcheck.checker.finding import Finding
from cowcheck.checker.trace import Step, Teller
from cowcheck.model.scenario import Scenario
from cowcheck.specs.invariants import INVARIANTS

FOLDER = Path(__file__).parent.parent / "broken"
FILES = sorted(FOLDER.glob("*.py"))


class Case(NamedTuple):
    """Where a broken design is caught, and what a person is told."""

    scenario: str
    told: str  # a part of the message
    process: str  # who takes the last step
    code: str  # a part of the source of a line of the last step
    change: str = ""  # a part of one of its changes


CASES = {
    "refcount-equals-mappings": Case(
        "two-stores", "(parent's page 0, child's page 0) has a reference count of 3", "parent", "return p.killed"
    ),
    "no-writable-shared-frame": Case(
        "two-stores", "through 1 of the 2 translations that lead to it", "parent", "return p.killed"
    ),
    "no-free-frame-mapped": Case(
        "store-after-wait", "The kernel read or wrote the contents of frame", "parent", "memmove(mem, pa)"
    ),
    "freed-once": Case(
        "shrink-and-end",
        "is on the free list more than once (double free)",
        "child",
        "pa.next = kmem.freelist",
        "on the free list TWICE",
    ),
    "no-leak": Case("two-stores", "is lost: it is not on the free list", "child", "kmem.refcnt[pa] -= 1", "1 -> 0"),
    "no-permission-gained": Case(
        "store-text", "Child's page 0 lets user code write, but its region is read-only", "child", "return p.killed"
    ),
    "isolation": Case("read-two-pages", "Child's load of page 1 saw contents", "child", "load(1)"),
    "no-stale-translation": Case(
        "load-store-shared", "leads to another frame than its page-table entry does", "parent", "return p.killed"
    ),
    "out-of-memory-kills": Case(
        "fault-no-frame",
        "store to page 0 found no free frame, and the process was neither given its page nor killed",
        "parent",
        "return p.killed",
    ),
    "progress": Case("store-text-alone", "can no longer bring every process to its end", "parent", "store(0)"),
    "kernel-survives": Case("store-unmapped", "Its last words: walk.", "second", 'panic("walk")', "PANIC: walk"),
    "mapping-in-ram": Case(
        "fault-no-frame", "Parent's page 0 leads to no frame", "parent", "pte[0] = PA2PTE(mem)", "physical address 0"
    ),
    "no-undue-failure": Case(
        "read-shared", "Parent's read() into page 0 was legal, but it failed", "parent", "return p.killed"
    ),
}


def invariant_of(path: Path) -> str:
    """The invariant that a broken design is named for."""
    return path.stem.replace("_", "-")


@pytest.fixture(scope="module", params=FILES, ids=invariant_of)
def broken(request: pytest.FixtureRequest, compiled: Callable[[Path], Design]) -> Design:
    return compiled(request.param)


@pytest.fixture(scope="module")
def case(broken: Design) -> Case:
    return CASES[invariant_of(broken.path)]


@pytest.fixture(scope="module")
def scenario(case: Case, scenario_named: Callable[[str], Scenario]) -> Scenario:
    return scenario_named(case.scenario)


@pytest.fixture(scope="module")
def found(broken: Design, scenario: Scenario, explore: Callable[..., Exploration]) -> Exploration:
    return explore(broken, scenario)


@pytest.fixture(scope="module")
def finding(found: Exploration, broken: Design) -> Finding:
    return next(it for it in found.findings if it.invariant == invariant_of(broken.path))


@pytest.fixture(scope="module")
def steps(finding: Finding, broken: Design, scenario: Scenario) -> list[Step]:
    return list(Teller(broken, scenario).steps(finding.path + finding.cycle))


def test_every_invariant_has_a_broken_design() -> None:
    assert {invariant_of(path) for path in FILES} == {invariant.name for invariant in INVARIANTS}


def test_every_broken_design_has_a_case() -> None:
    assert {invariant_of(path) for path in FILES} == set(CASES)


def test_it_is_named_for_the_invariant(broken: Design) -> None:
    assert broken.name == f"broken-{invariant_of(broken.path)}"


def test_it_breaks_this_invariant_and_no_other(broken: Design, found: Exploration) -> None:
    assert found.complete
    assert {it.invariant for it in found.findings if not it.after} == {invariant_of(broken.path)}


def test_what_follows_from_it_is_told_as_that(broken: Design, found: Exploration) -> None:
    assert {it.after for it in found.findings} <= {"", invariant_of(broken.path)}


def test_the_right_design_holds_where_it_fails(scenario: Scenario, explore: Callable[..., Exploration]) -> None:
    found = explore(shipped_design("lab-plan"), scenario)
    assert found.complete
    assert found.findings == []
    assert found.ends


def test_its_message_says_what_is_wrong(case: Case, finding: Finding) -> None:
    assert case.told in finding.message


def test_its_message_says_why_it_matters(broken: Design, finding: Finding) -> None:
    (invariant,) = [it for it in INVARIANTS if it.name == invariant_of(broken.path)]
    assert any(statement.matters in finding.message for statement in invariant.statements)


def test_its_counterexample_ends_with_the_step_that_breaks_it(case: Case, steps: list[Step]) -> None:
    last = steps[-1]
    assert last.process == case.process
    parts = [part for part in last.parts if case.code in part.code]
    assert parts, [part.code for part in last.parts]
    if case.change:
        assert [change for change in last.changes if case.change in change], last.changes


def test_only_what_never_ends_has_a_cycle(finding: Finding) -> None:
    assert bool(finding.cycle) == (finding.invariant == "progress")


def test_nothing_of_the_labs_plan_was_forgotten(broken: Design) -> None:
    """A function that a design neither defines nor imports is the base kernel's, which knows no counts."""
    unit = broken.linked.unit
    for name in shipped_design("lab-plan").linked.unit.functions:
        assert name in unit.functions or name in unit.imports, f"{name} is neither defined nor imported"
