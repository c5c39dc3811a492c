"""The page of a kernel: findings with their last steps, races with their schedules, and what was not checked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cowcheck.checker.html import html_of, page_of_kernel
from cowcheck.checker.html.page import Story
from cowcheck.checker.interleave.result import Line, RaceFinding, RaceResult
from cowcheck.checker.interleave.verdict import with_races
from cowcheck.checker.verify import KernelResult
from cowcheck.checker.verify.effect import Changed, Effect, Mapped
from cowcheck.checker.verify.finding import Finding
from cowcheck.model.sv39 import PTE_V
from cowcheck.specs.invariants import INVARIANTS
from tests.checker.html.test_document import check_harmless
from tests.checker.verify.conftest import ToyKernel

STOPS = "stops before it takes kref"


@pytest.fixture(scope="module")
def shared_and_writable() -> KernelResult:
    return ToyKernel(["parent-keeps-w"]).play().end().verify()


@pytest.fixture(scope="module")
def right() -> KernelResult:
    return ToyKernel().play().end().verify()


def test_a_finding_is_a_story_of_its_last_steps(shared_and_writable: KernelResult) -> None:
    finding = shared_and_writable.findings[0]
    story = page_of_kernel(shared_and_writable).stories[0]
    assert story.message == finding.message
    assert [step.number for step in story.steps] == [f"event {step.event:,}" for step in finding.steps]
    assert [step.sources[0].told for step in story.steps] == [(step.what,) for step in finding.steps]
    assert [step.marked for step in story.steps] == [step == finding.first_wrong for step in finding.steps]
    assert sum(step.marked for step in story.steps) == 1
    assert story.passages[0].lines == finding.users


def test_the_last_picture_is_of_the_moment_at_which_it_was_found(shared_and_writable: KernelResult) -> None:
    finding = shared_and_writable.findings[0]
    story = page_of_kernel(shared_and_writable).stories[0]
    assert finding.frame is not None
    assert len(finding.mappings) == len(finding.users) == 2
    last = story.pictures[-1]
    here = {(key[1], key[2]): page for key, page in last.pages.items() if page.frame == finding.frame}
    assert here.keys() == {(mapped.pid, mapped.vpn) for mapped in finding.mappings}
    assert any(page.writable for page in here.values())
    for mapped in finding.mappings:
        user = next(text for text in finding.users if text.startswith(f"process {mapped.pid}'s page {mapped.vpn:#x}"))
        assert here[mapped.pid, mapped.vpn].flags in user
        assert mapped.pte & PTE_V


@pytest.mark.parametrize("bug", ["parent-keeps-w", "no-count", "leak", "no-drop", "double-drop", "copyout-shared"])
def test_what_a_step_changed_is_what_it_says_that_it_changed(bug: str) -> None:
    for finding in ToyKernel([bug]).play().end().verify().findings:
        for step in finding.steps:
            effect = step.effect
            if step.what.startswith(("take:", "drop:")):
                assert effect is not None
                assert step.what.split(": ")[1].startswith(f"reference count {effect.before} -> {effect.after}")
            elif step.what.startswith("free: put on"):
                assert effect is not None
                assert (effect.after, effect.before == 1) == (effect.before + 1, "already" in step.what)
            elif "'s page " in step.what:
                assert effect is not None
                assert f"process {effect.pid}'s page {effect.vpn:#x} " in step.what
            else:
                assert effect is None or "allocate" in step.what
            assert effect is None or effect.changed is Changed.PTE or effect.frame == finding.frame


def test_what_was_judged_is_told_and_what_was_not_with_the_reason(right: KernelResult) -> None:
    page = page_of_kernel(right)
    assert (page.verdict, page.stories) == ("pass", ())
    rows = {row[0]: row for row in page.tables[0].rows}
    assert list(rows) == [invariant.name for invariant in INVARIANTS]
    for check in right.checks:
        status, told = rows[check.invariant][1:3]
        assert status == check.status
        assert check.because in told
        assert (f"{check.judged:,} time" in told) == (check.status != "not checked")
    assert page.tables[-1].rows[0][2] == "done"
    check_harmless(html_of(page))


def test_what_is_incomplete_is_told_first(right: KernelResult) -> None:
    page = page_of_kernel(replace(right, incomplete=("it stops",), unchecked=("no memory",)))
    assert page.warnings == ("Incomplete: it stops", "Not checked, because: no memory")


# --- races ---


def race_of(finding: Finding, *, later: bool = False) -> RaceResult:
    """A schedule that shows the finding; its frame's count falls, and a page leads there no more."""
    frame = finding.frame or 0
    lines = (
        Line(0, 3, "uservec", "enters the kernel"),
        Line(0, 3, "kdecref (kernel/kalloc.c:43)", STOPS, switch=True),
        Line(1, 2, "kdecref (kernel/kalloc.c:45)", "drop: reference count 2 -> 1",
             effect=Effect(Changed.COUNT, 2, 1, frame=frame)),
    )  # fmt: skip
    found = RaceFinding(finding, "store+store", ((0, 0),), 1, (), 5, 2, lines, 0, later, ())
    return RaceResult("store+store", 2, 11, complete=2, finals=2, findings=(found,), data_races=("kref: a reads it",))


@pytest.fixture(scope="module")
def raced(right: KernelResult, shared_and_writable: KernelResult) -> KernelResult:
    finding = replace(shared_and_writable.findings[0], mappings=(Mapped(9, 4, make(shared_and_writable)),))
    return with_races(right, [race_of(finding), RaceResult("fork+store", 2, problem="no memory")])


def make(result: KernelResult) -> int:
    return next(mapped.pte for mapped in result.findings[0].mappings)


def story_of(result: KernelResult) -> Story:
    (story,) = page_of_kernel(result, ["cowcheck check k --race store+store", "cowcheck check k --race x"]).stories
    return story


def test_a_race_is_a_story_of_its_schedule(raced: KernelResult) -> None:
    story = story_of(raced)
    assert story.title.endswith("race store+store")
    assert story.harts == ((0, "hart 0, process 3"), (1, "hart 1, process 2"))
    assert [(step.hart, step.stops, step.sources[0].told) for step in story.steps] == [
        (0, False, ("enters the kernel",)), (0, True, (STOPS,)), (1, False, ("drop: reference count 2 -> 1",)),
    ]  # fmt: skip
    assert story.steps[1].sources[0][:2] == ("kdecref", "kernel/kalloc.c:43")
    assert story.commands == ("cowcheck check k --race store+store",)
    frame = next(iter(story.pictures[0].frames))
    assert [picture.frames[frame].facts for picture in story.pictures] == [("count 2",)] * 3 + [("count 1",)]
    assert ("process", 9, 4) in story.pictures[0].pages


def test_what_shows_later_says_nothing_of_the_mappings_in_between(raced: KernelResult) -> None:
    race = race_of(raced.races[0].findings[0].finding, later=True) if raced.races else None
    assert race is not None
    story = story_of(replace(raced, races=(race,)))
    assert not story.pictures[0].pages
    assert "It shows when the processes go on" in story.remarks[1]


def test_the_races_are_tabled_with_what_was_not_explored(raced: KernelResult) -> None:
    page = page_of_kernel(raced)
    table = next(table for table in page.tables if table.title == "Schedules explored")
    assert table.rows[0] == ("store+store", "11", "2 preemptions", "2", "1", "")
    assert table.rows[1][-1] == "not explored, because no memory"
    assert page.passages == ()  # the data race is that of the violation
    check_harmless(html_of(page))
