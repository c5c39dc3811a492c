"""Every statement of every invariant is broken by a design: none of them is there for show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cowcheck.checker.catalogue import Design, shipped_design
from cowcheck.checker.explore import Exploration
from cowcheck.model.scenario import Scenario
from cowcheck.specs.invariants import INVARIANTS

BROKEN = Path(__file__).parent.parent / "broken"

BREAKERS = (
    ("refcount-equals-mappings", 1, "patterns/p05_kalloc_increments", "two-stores"),
    ("refcount-equals-mappings", 2, "refcount_equals_mappings", "two-stores"),
    ("no-writable-shared-frame", 1, "no_writable_shared_frame", "two-stores"),
    ("no-writable-shared-frame", 2, "statements/page_table_given_out", "store-text-alone"),
    ("no-free-frame-mapped", 1, "patterns/p15_path_without_reference_uncounted", "store-text"),
    ("no-free-frame-mapped", 2, "statements/page_table_freed", "shrink-to-nothing"),
    ("no-free-frame-mapped", 3, "no_free_frame_mapped", "store-after-wait"),
    ("freed-once", 1, "freed_once", "shrink-and-end"),
    ("no-leak", 1, "no_leak", "two-stores"),
    ("no-permission-gained", 1, "no_permission_gained", "store-text"),
    ("no-permission-gained", 2, "statements/copyout_asks_nothing", "store-guard"),
    ("isolation", 1, "isolation", "read-two-pages"),
    ("no-stale-translation", 1, "patterns/p31_no_flush", "load-and-give-back"),
    ("no-stale-translation", 2, "no_stale_translation", "load-store-shared"),
    ("no-stale-translation", 3, "patterns/p31_no_flush", "store-and-fork"),
    ("out-of-memory-kills", 1, "out_of_memory_kills", "fault-no-frame"),
    ("out-of-memory-kills", 2, "patterns/p20_valid_cleared", "fault-one-frame"),
    ("progress", 1, "progress", "store-text-alone"),
    ("kernel-survives", 1, "kernel_survives", "store-unmapped"),
    ("mapping-in-ram", 1, "mapping_in_ram", "fault-no-frame"),
    ("no-undue-failure", 1, "patterns/p23_reused_without_w", "two-stores"),
    ("no-undue-failure", 2, "no_undue_failure", "read-shared"),
)
"""An invariant, the number of its statement, and a design that breaks it in a scenario."""

STATEMENTS = {
    (invariant.name, number): statement
    for invariant in INVARIANTS
    for number, statement in enumerate(invariant.statements, 1)
}


def test_every_statement_has_a_breaker() -> None:
    assert {(invariant, number) for invariant, number, _, _ in BREAKERS} == set(STATEMENTS)


@pytest.mark.parametrize(
    ("invariant", "number", "design", "scenario"), BREAKERS, ids=[f"{name}-{number}" for name, number, _, _ in BREAKERS]
)
def test_a_design_breaks_it(
    invariant: str,
    number: int,
    design: str,
    scenario: str,
    compiled: Callable[[Path], Design],
    explore: Callable[..., Exploration],
    scenario_named: Callable[[str], Scenario],
) -> None:
    found = explore(compiled(BROKEN / f"{design}.py"), scenario_named(scenario))
    told = [it.message for it in found.findings if it.invariant == invariant and not it.after]
    assert len(told) == 1
    assert STATEMENTS[invariant, number].matters in told[0]


@pytest.mark.parametrize("scenario", sorted({scenario for _, _, _, scenario in BREAKERS}))
def test_the_right_design_holds_there(
    scenario: str, explore: Callable[..., Exploration], scenario_named: Callable[[str], Scenario]
) -> None:
    assert explore(shipped_design("lab-plan"), scenario_named(scenario)).findings == []
