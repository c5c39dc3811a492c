"""The text of an exploration: what is shown of many results, and how."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from cowcheck.checker.console import Stdout
from cowcheck.checker.explore import Budget
from cowcheck.checker.job import Job, run
from cowcheck.checker.ranking import worst
from cowcheck.checker.report import Explored, Report, replay_lines, shortest, summary_line
from cowcheck.checker.result import Coverage, Failure, Result, Unreached, Verdict
from cowcheck.specs.invariants import INVARIANTS

NAMES = [invariant.name for invariant in INVARIANTS]
JOBS = (
    Job("kmake-unique", "fault-no-frame"),
    Job("kmake-unique", "read-no-frame"),
    Job("kref-lock", "read-shared"),
    Job("kref-lock", "two-stores"),
    Job("lab-plan", "two-stores", budget=Budget(states=100)),
)


@pytest.fixture(scope="module")
def explored() -> list[Explored]:
    return [Explored(job, run(job)) for job in JOBS]


def printed(explored: list[Explored], *coverage: Coverage, saved: str = "", **console: bool) -> str:
    stream = io.StringIO()
    out = Console(file=stream, width=80, highlight=False, markup=False, **console)  # type: ignore[arg-type]
    Report(out, explored).print(shortest(explored), coverage, saved)
    return stream.getvalue()


def test_the_shortest_of_each_kind_is_shown_and_causes_come_first(explored: list[Explored]) -> None:
    shown = [(item.explored.job.design, item.violation.invariant, item.violation.after) for item in shortest(explored)]
    assert shown == [
        ("kmake-unique", "mapping-in-ram", ""),
        ("kmake-unique", "out-of-memory-kills", "mapping-in-ram"),
        ("kmake-unique", "kernel-survives", "mapping-in-ram"),
        ("kref-lock", "no-leak", ""),
    ]
    for item in shortest(explored):
        assert item.others
        assert all(steps >= item.violation.length for _, steps in item.others) or item.violation.after


def test_it_fits_80_columns_and_holds_the_table_and_the_summary(explored: list[Explored]) -> None:
    text = printed(explored)
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"^two-stores +fail +[\d,]+ +\d+ +[\d.]+ +no-leak *$", text, re.MULTILINE)
    assert re.search(r"^two-stores +inconclusive +100 ", text, re.MULTILINE)
    assert "two-stores: ended by --max-states 100; give more, or smaller sizes" in text
    assert "not checked: progress (" in text
    assert re.search(r"^kref-lock +fail +2 of 2 +no-leak \(2\) *$", text, re.MULTILINE)
    assert re.search(r"Violated as well in (two-stores|read-shared) \(\d+ steps after the setup\)\.", text)
    assert text.rstrip().splitlines()[-1].startswith("5 explorations: 4 fail, 1 inconclusive; ")


def test_it_is_plain_in_a_pipe_and_coloured_on_a_terminal(
    explored: list[Explored], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in printed(explored)
    coloured = printed(explored, force_terminal=True)
    assert re.search(r"\x1b\[[\d;]*3\d", coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[\d;]*3\d", printed(explored, force_terminal=True))


def test_steps_that_nothing_reached_are_listed(explored: list[Explored]) -> None:
    lines = (Unreached("a.py:3", "kfree", "return -1  # why", False), Unreached("a.py:9", "kfree", 'panic("x")', True))
    text = printed(explored, Coverage("one", 4, lines), Coverage("two", 4, lines[1:]), Coverage("three", 4, ()))
    assert "one: steps that none of the 4 scenarios reaches:\n  a.py:3  return -1\n  and 1 that only panic" in text
    assert "two: every step is reached but 1 that only panics." in text
    assert "three: every step is reached." in text


@pytest.mark.parametrize(
    ("saved", "number", "told"),
    [
        ("my file", 0, ["Run it again: cowcheck replay 'my file'"]),
        ("f", 2, ["Run it again: cowcheck replay f --number 2"]),
    ],
)
def test_how_to_run_it_again(explored: list[Explored], saved: str, number: int, told: list[str]) -> None:
    assert list(replay_lines(shortest(explored)[0], saved, number)) == told


def test_what_was_not_saved_can_be(explored: list[Explored]) -> None:
    (job, result), violation, others = shortest(explored)[-1]
    sized = type(shortest(explored)[-1])(Explored(job._replace(harts=2, pages=1), result), violation, others)
    _, command, then = replay_lines(sized, "", 1)
    assert command == f"  cowcheck explore --design kref-lock --scenario {job.scenario} --harts 2 --pages 1 --save FILE"
    assert then == "  cowcheck replay FILE"


def test_the_worst_verdict(explored: list[Explored]) -> None:
    results = [item.result for item in explored]
    assert worst(results) is Verdict.FAIL
    assert worst(results[4:]) is Verdict.INCONCLUSIVE
    assert worst([]) is Verdict.PASS
    assert summary_line(explored[:1]).plain.startswith("1 exploration: 1 fail; ")


def test_a_single_exploration_tells_its_numbers(explored: list[Explored]) -> None:
    text = printed(explored[3:4])
    assert re.search(r"2 harts, 8 frames, 1 page: [\d,]+ transitions, [\d,]+ states/s, \d+ MiB at most", text)
    assert "of 1" not in text


def test_the_text_of_every_counterexample_is_there(
    explored: list[Explored], golden: Callable[[str, str], None]
) -> None:
    """The whole text of a small run, but for its times and its memory."""
    text = printed(explored[3:4], saved="found.json")
    text = re.sub(r"\d+\.\d+ *(?= no-leak)", "0.00 ", text)
    text = re.sub(r"[\d,]+ states/s, \d+ MiB", "9 states/s, 99 MiB", text)
    text = re.sub(r"in \d+\.\d s of search", "in 0.0 s of search", text)
    golden("explore-kref-lock-two-stores.txt", text)


def renamed(item: Explored, scenario: str, **changes: Any) -> Explored:
    subject = replace(item.result.subject, scenario=scenario)
    return Explored(item.job, replace(item.result, subject=subject, **changes))


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_column_is_dropped_and_no_name_of_an_invariant_is_broken(explored: list[Explored], width: int) -> None:
    long = "a-scenario-of-a-name-that-is-longer-than-any-line-of-eighty-columns-could-ever-hold"
    violations = tuple(replace(explored[0].result.violations[0], invariant=name) for name in NAMES)
    items = [renamed(explored[0], long, violations=violations), *explored[1:]]
    stream = io.StringIO()
    report = Report(Console(file=stream, width=max(width, 80), highlight=False), items)
    report.print([], (), "")
    text = stream.getvalue()
    for line in text.splitlines():
        assert len(line) <= max(width, 80)
    assert all(re.search(rf"(?<![\w-]){name}(?![\w-])", text) for name in NAMES)
    header = next(line for line in text.splitlines() if line.startswith("scenario "))
    assert header.split()[:6] == ["scenario", "verdict", "states", "depth", "seconds", "found,"]
    first = "".join(line[: header.index("verdict")].strip() for line in text.splitlines()[2 : 2 + len(NAMES)])
    assert first.startswith(long)


def test_a_narrow_terminal_gets_the_same_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert Stdout().width == 80


def test_why_something_was_not_explored_stands_on_stderr_alone(explored: list[Explored]) -> None:
    item = explored[0]
    failed = Result(Verdict.ERROR, item.result.subject, item.result.method, error=Failure("input", "the reason"))
    text = printed([Explored(item.job, failed)])
    assert "not explored" in text
    assert "the reason" not in text


def test_what_was_not_asked_for_is_one_line(explored: list[Explored]) -> None:
    job = Job("kref-lock", "two-stores", invariants=("freed-once",))
    text = printed([Explored(job, run(job))])
    assert text.count("not checked") == 1
    assert f"not checked: the other {len(NAMES) - 1} invariants (not asked for)" in text


def test_the_command_that_saves_it_has_what_the_search_was_asked(explored: list[Explored]) -> None:
    shown = shortest(explored)[-1]
    job = shown.explored.job._replace(invariants=("no-leak", "progress"), symmetry=False, keep_going=False)
    _, command, _ = replay_lines(shown._replace(explored=Explored(job, shown.explored.result)), "", 0)
    assert " --invariant no-leak --invariant progress --no-symmetry --stop-at-first --save FILE" in command


@pytest.mark.parametrize(
    ("stopped", "budget", "told"),
    [
        ("0.3 s", Budget(seconds=0.3), "ended by --timeout 0.3; give more, or smaller sizes"),
        ("448 MiB of memory", Budget(), "ended by --max-memory (448 MiB for one exploration alone); give more"),
        ("the first violation", Budget(), "ended by the first violation"),
    ],
)
def test_a_budget_is_told_by_its_option(explored: list[Explored], stopped: str, budget: Budget, told: str) -> None:
    result = explored[4].result
    item = Explored(JOBS[4]._replace(budget=budget), replace(result, stats=replace(result.stats, stopped=stopped)))
    assert told in re.sub(r"\s+", " ", printed([item]))
