"""What right kernels do, and must not be accused of: each variant passes the scenarios."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cowcheck.checker.catalogue import Design, scenarios, shipped_design
from cowcheck.checker.explore import Exploration
from cowcheck.model.scenario import Scenario

FOLDER = Path(__file__).parent.parent / "right"
FILES = sorted(FOLDER.glob("*.py"))

SCENARIOS = (
    "fault-one-frame",
    "fork-no-page-table",
    "fork-no-second-leaf",
    "read-no-frame",
    "read-two-pages",
    "store-exit",
    "store-text",
    "wait-no-frame",
)
"""Where the variants differ from each other. ``cowcheck explore --design tests/right/...`` runs one on all of them."""

MORE = {
    "counted_in_mappages": ("exec-after-fork", "sbrk-up-down"),
    "counts_from_zero": ("sbrk-down", "sbrk-up-down", "store-given-back"),
    "dropped_before_remap": ("kill-in-fault",),
    "every_page_marked": ("store-text-alone", "store-guard"),
    "lock_per_frame": ("exec-after-fork", "kill-in-fault", "two-execs", "two-stores"),
    "mapping_first": ("fork-no-frame",),
    "nested_locks": ("two-stores",),
    "no_mark": ("store-guard", "store-unmapped", "store-given-back"),
    "optimistic_read": ("two-stores", "two-reads"),
    "pte_cleared_first": ("sbrk-down", "sbrk-up-down", "both-exit"),
    "reused_at_one": ("kill-in-fault", "store-after-wait"),
    "reused_without_memory": ("fault-no-frame",),
    "stale_when_free": ("sbrk-up-down",),
}

KEPT = {"page_in_reserve": 1}
"""Frames that a kernel keeps off its free list for good."""

NOT_FOR = {"no_mark": {"store-text"}}
"""A kernel without a mark is right only where every user page is writable."""


def cases() -> list[tuple[Path, str]]:
    return [
        (path, name)
        for path in FILES
        for name in (*SCENARIOS, *MORE.get(path.stem, ()))
        if name not in NOT_FOR.get(path.stem, set())
    ]


@pytest.mark.parametrize(("path", "name"), cases(), ids=lambda it: it.stem if isinstance(it, Path) else it)
def test_it_is_not_accused(
    path: Path,
    name: str,
    compiled: Callable[[Path], Design],
    explore: Callable[..., Exploration],
    scenario_named: Callable[[str], Scenario],
) -> None:
    scenario = scenario_named(name)
    found = explore(compiled(path), scenario)
    assert found.complete
    assert [(it.invariant, it.message) for it in found.findings] == []
    free = scenario.frames - KEPT.get(path.stem, 0)
    assert set(found.outcomes) == {f"{free} of {scenario.frames} frames free"}


def test_a_kernel_without_a_mark_is_accused_where_text_is_read_only(
    compiled: Callable[[Path], Design], explore: Callable[..., Exploration]
) -> None:
    for name in ("store-text", "store-text-alone"):
        found = explore(compiled(FOLDER / "no_mark.py"), scenarios()[name])
        assert [it.invariant for it in found.findings if not it.after] == ["no-permission-gained"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_differs_from_the_labs_plan(path: Path, compiled: Callable[[Path], Design]) -> None:
    design = compiled(path)
    assert design.name == "right-" + path.stem.replace("_", "-")
    files = {name: function.unit.shown for name, function in design.linked.functions.items()}
    theirs = {name: function.unit.shown for name, function in shipped_design("lab-plan").linked.functions.items()}
    assert {name for name in theirs if files.get(name) != theirs[name]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_of_the_labs_plan_was_forgotten(path: Path, compiled: Callable[[Path], Design]) -> None:
    """A function that a design neither defines nor imports is the base kernel's, which knows no counts."""
    unit = compiled(path).linked.unit
    if not compiled(path).linked.taken:
        return  # xv6 itself, which has nothing of it
    for name in shipped_design("lab-plan").linked.unit.functions:
        assert name in unit.functions or name in unit.imports, f"{name} is neither defined nor imported"
