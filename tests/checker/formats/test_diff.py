"""``cowcheck diff``: new, fixed, still there, not checked any more, slower."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cowcheck.checker.cli import main
from cowcheck.checker.formats.case import Group, Report
from cowcheck.checker.formats.diff import Difference, difference
from cowcheck.checker.formats.diff_command import lines
from cowcheck.checker.formats.reading import report_of
from cowcheck.checker.result import Result, document

RESULTS = Path(__file__).parent / "results"


def names(found: Any) -> set[tuple[str, str]]:
    return {(item.invariant, item.place.name) for item in found if item.place.group is not Group.INVARIANTS}


def compared(old: Report, new: Report) -> Difference:
    return difference(old, new, 1.5)


def test_what_is_new_and_what_is_fixed(recorded: Callable[[str], Report]) -> None:
    worse = compared(recorded("right"), recorded("races"))
    assert names(worse.new) == {("no-leak", "store+store")}
    assert (worse.fixed, worse.still) == ((), ())
    better = compared(recorded("races"), recorded("right"))
    assert names(better.fixed) == {("no-leak", "store+store")}
    assert not better.new
    same = compared(recorded("races"), recorded("races"))
    assert names(same.still) == {("no-leak", "store+store")}
    assert not same.new
    assert not same.slower


def test_what_moved_in_the_source_is_the_same(document: Callable[[str], Any]) -> None:
    moved = json.loads(json.dumps(document("races")).replace("kref_put (kernel/kref.c:89)", "drop (kernel/count.c:7)"))
    assert not compared(report_of(document("races")), report_of(moved)).new


def test_what_is_not_checked_any_more_is_not_fixed(document: Callable[[str], Any]) -> None:
    old, new = document("races"), document("right")
    new["results"][0]["races"] = new["results"][0]["races"][1:]
    found = compared(report_of(old), report_of(new))
    assert names(found.unknown) == {("no-leak", "store+store")}
    assert not names(found.fixed)
    assert {place.name for place in compared(report_of(document("right")), report_of(new)).lost} == {"store+store"}


def test_a_run_that_stops_early_fixes_nothing(document: Callable[[str], Any]) -> None:
    new = document("right")
    new["results"][0]["runs"][1].update(ending="budget")
    found = compared(report_of(document("panic")), report_of(new))
    assert names(found.unknown) == {("kernel-survives", "fault-no-frame")}
    assert not found.fixed


def test_what_takes_more_than_before_is_slower(document: Callable[[str], Any]) -> None:
    new = document("right")
    new["results"][0]["runs"][0]["events"] *= 2
    new["results"][0]["races"][0]["schedules"] += 1
    (slower,) = compared(report_of(document("right")), report_of(new)).slower
    assert (slower.place.name, slower.unit, slower.after) == ("two-stores", "events", 2 * slower.before)
    assert not difference(report_of(document("right")), report_of(new), 3.0).slower


def test_explorations_are_compared(explorations: list[Result], tmp_path: Path) -> None:
    wrong, right = tmp_path / "wrong.json", tmp_path / "right.json"
    both = document(explorations)
    wrong.write_text(json.dumps(both), encoding="utf-8")
    right.write_text(json.dumps({**both, "results": both["results"][1:]}), encoding="utf-8")
    assert main(["diff", str(right), str(wrong)]) == 1
    assert main(["diff", str(wrong), str(right)]) == 0
    assert main(["diff", str(wrong), str(wrong)]) == 0


def test_as_it_is_read(recorded: Callable[[str], Report], golden: Callable[[str, str], None]) -> None:
    pairs = (("right", "races"), ("races", "panic"))
    text = "\n\n".join("\n".join(line for line, _ in lines(compared(*map(recorded, pair)))) for pair in pairs)
    golden("formats-diff.txt", text + "\n")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no result of `--json`"),
        ('{"schema": "cowcheck/trace/1"}', "no result of `--json`"),
        ('{"schema": "cowcheck/results/1"}', "damaged results"),
        ('{"schema": "cowcheck/kernel-results/1", "results": [{}]}', "damaged results"),
        ('{"schema": "cowcheck/kernel-results/1", "results": [{"findings": [{}]}]}', "damaged results"),
    ],
)
def test_what_is_no_result_is_refused(text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    assert main(["diff", str(RESULTS / "right.json"), str(path)]) == 2
    told = capsys.readouterr().err
    assert "bad.json" in told
    assert said in told


def test_two_kinds_are_not_compared(
    explorations: list[Result], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "designs.json"
    path.write_text(json.dumps(document(explorations)), encoding="utf-8")
    assert main(["diff", str(RESULTS / "right.json"), str(path)]) == 2
    assert "give two of one command" in capsys.readouterr().err
    assert main(["diff", str(tmp_path / "none.json"), str(path)]) == 2
