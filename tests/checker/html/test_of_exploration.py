"""The page of explorations: a story is a counterexample, its pictures are of the states between the steps."""

from __future__ import annotations

from typing import Any

import pytest

from cowcheck.checker.explore import Budget
from cowcheck.checker.html import html_of, page_of_exploration
from cowcheck.checker.html.page import Page, Story
from cowcheck.checker.html.picture import Picture
from cowcheck.checker.job import Job, run
from cowcheck.checker.report import Explored, shortest
from cowcheck.checker.result import Coverage, Unreached, setup_length
from tests.checker.html.test_document import check_harmless

JOBS = (
    Job("kref-lock", "two-stores"),
    Job("kmake-unique", "fault-no-frame"),
    Job("lab-plan", "two-stores", budget=Budget(states=100)),
    Job("lab-plan", "no-such-scenario"),
)
PASSES = Job("lab-plan", "two-stores")


@pytest.fixture(scope="module")
def explored() -> list[Explored]:
    return [Explored(job, run(job)) for job in JOBS]


def page_of(explored: list[Explored], *coverage: Coverage, saved: str = "") -> Page:
    return page_of_exploration(explored, shortest(explored), coverage, saved)


def facts(picture: Picture, frame: int) -> set[str]:
    return set(picture.frames[frame].facts)


def test_a_story_is_the_counterexample_step_for_step(explored: list[Explored]) -> None:
    story = page_of(explored[:1]).stories[0]
    (violation,) = explored[0].result.violations
    steps = violation.steps[setup_length(violation.steps) :]
    assert [(step.number, step.hart, step.who) for step in story.steps] == [
        (f"#{step.number}", step.hart, step.process) for step in steps
    ]
    for told, step in zip(story.steps, steps, strict=True):
        assert {change for source in told.sources for change in source.told} >= set(step.changes)
    assert story.message == violation.message
    assert story.start.lines == violation.setup
    assert story.passages[0].lines[0].startswith("specs/")
    assert story.commands == (
        "cowcheck explore --design kref-lock --scenario two-stores --save FILE",
        "cowcheck replay FILE",
    )


def test_the_pictures_are_of_the_states_between_the_steps(explored: list[Explored]) -> None:
    """Frame 7 is shared by two; each makes its own copy, and nobody frees it."""
    story = page_of(explored[:1]).stories[0]
    first, last = story.pictures[0], story.pictures[-1]
    assert len(story.pictures) == len(story.steps) + 1
    assert {page.frame for page in first.pages.values()} == {7}
    assert {page.flags for page in first.pages.values()} == {"R--UC"}
    assert facts(first, 7) >= {"refcnt 2", "2 mappings"}
    assert facts(last, 7) == {"refcnt 0", "0 mappings"}
    assert not last.frames[7].free
    assert 7 not in {page.frame for page in last.pages.values()}
    for before, step, after in zip(story.pictures[:-1], story.steps, story.pictures[1:], strict=True):
        told = " ".join(text for source in step.sources for text in source.told)
        for number, frame in after.frames.items():
            counts = [next(fact for fact in item.facts if "refcnt" in fact) for item in (before.frames[number], frame)]
            assert (counts[0] != counts[1]) == (f"frame {number}: refcnt" in told)
            if before.frames[number].free != frame.free:
                assert f"frame {number}: {'on' if frame.free else 'off'} the free list" in told
        for key, page in after.pages.items():
            if key[0] == "process" and before.pages[key] != page:
                assert f"{page.owner.split()[0]}'s {page.label}: " in told


def test_what_is_marked_has_to_do_with_the_violation(explored: list[Explored]) -> None:
    story = page_of(explored[:1]).stories[0]
    marked = [step for step in story.steps if step.marked]
    assert 0 < len(marked) < len(story.steps)
    assert all("frame 7" in str(step.sources) for step in marked)


def test_a_page_that_leads_out_of_ram_is_drawn_so(explored: list[Explored]) -> None:
    story = next(item for item in page_of(explored[1:2]).stories if item.title.startswith("mapping-in-ram"))
    last = story.pictures[-1]
    assert last.frames[0].label == "no frame of RAM"
    assert 0 in {page.frame for page in last.pages.values()}


def test_what_was_not_checked_is_told_with_the_reason(explored: list[Explored]) -> None:
    page = page_of(explored)
    invariants = {row[0]: row for row in page.tables[0].rows}
    assert invariants["no-leak"][1] == "violated"
    assert "violated in two-stores" in invariants["no-leak"][2]
    assert "not checked in 2 of 4, because it is judged on the whole graph" in invariants["progress"][2]
    assert "no-such-scenario" in invariants["progress"][2]
    assert invariants["freed-once"][1] == "holds so far"
    assert any("because of 100 states" in warning for warning in page.warnings)
    assert page.verdict == "error"
    only = Job("kref-lock", "two-stores", invariants=("freed-once",))
    rows = {row[0]: row for row in page_of([Explored(only, run(only))]).tables[0].rows}
    assert rows["freed-once"][1] == "holds"
    assert rows["no-leak"][1:3] == ("not checked", "not checked, because not asked for")


def test_a_passing_run_says_what_was_explored() -> None:
    passing = Explored(PASSES, run(PASSES))
    unreached = Unreached("a.py:3", "f", "x = 1  # why", True)
    page = page_of([passing], Coverage("lab-plan", 2, (unreached,)))
    assert (page.verdict, page.stories) == ("pass", ())
    assert {row[1] for row in page.tables[0].rows} == {"holds"}
    states = f"{passing.result.stats.states:,}"
    assert all(states in row[2] for row in page.tables[0].rows)
    assert states in page.tables[1].rows[0]
    assert [row[2] for row in page.tables[2].rows] == list(passing.result.outcomes)
    assert page.passages[0].lines == ("a.py:3  x = 1  (it only panics)",)


def test_a_cycle_repeats() -> None:
    job = Job("counter-in-trap", "store-text-alone")
    found = Explored(job, run(job))
    stories = [story for story in page_of([found]).stories if any(step.repeats for step in story.steps)]
    for story in stories:
        violation = next(item for item in found.result.violations if story.title.startswith(item.invariant))
        assert sum(step.repeats for step in story.steps) == len(violation.cycle)
        assert len(story.pictures) == len(story.steps) + 1
    assert stories


def test_the_whole_page_is_harmless(explored: list[Explored]) -> None:
    tree: Any = check_harmless(html_of(page_of(explored, saved="a b.json")))
    stories: list[Story] = list(page_of(explored).stories)
    assert len([item for item in tree.iter("section") if item.get("class") == "story"]) == len(stories)
    assert "cowcheck replay 'a b.json' --number 2" in "".join(tree.itertext())
