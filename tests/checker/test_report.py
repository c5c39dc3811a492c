"""The text of an exploration: what is shown of many results, and how."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from cowcheck.checker.explore import Budget
from cowcheck.checker.job import Job, run
from cowcheck.checker.report import Explored, Report, replay_lines, shortest, summary_line, worst
from cowcheck.checker.result import Coverage, Unreached, Verdict

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
    assert "two-stores: ended by 100 states" in text
    assert "not checked: progress (" in text
    assert re.search(r"^kref-lock +fail +2 of 2 +no-leak \(2\) *$", text, re.MULTILINE)
    assert re.search(r"Violated as well in (two-stores|read-shared) \(\d+ steps\)\.", text)
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
    assert "two: steps that none of the 4 scenarios reaches: none, but 1 that only panic." in text
    assert "three: steps that none of the 4 scenarios reaches: none." in text


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
