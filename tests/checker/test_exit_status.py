"""The exit status of several results, and what wins over what."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cowcheck.checker.exit_status import HELP, ExitStatus, exit_status
from cowcheck.checker.result import Failure, Method, Result, Subject, Verdict

SUBJECT = Subject("design", "scenario", 2, 8, ("data",), "design.py", "scenario.py")
METHOD = Method(True, "compiled", True)


def result(verdict: str) -> Result:
    if verdict in ("input", "internal"):
        return Result(Verdict.ERROR, SUBJECT, METHOD, error=Failure(verdict, "because"))
    return Result(Verdict(verdict), SUBJECT, METHOD)


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        (["pass", "pass"], 0),
        (["pass", "fail"], 1),
        (["fail", "inconclusive"], 1),
        (["pass", "inconclusive"], 3),
        (["fail", "input"], 2),
        (["fail", "internal", "input"], 4),
        ([], 3),
    ],
)
def test_the_status_of_several(verdicts: list[str], status: int) -> None:
    assert exit_status([result(verdict) for verdict in verdicts]) == status


def test_the_statuses_are_those_that_the_help_tells() -> None:
    sentence, _, _ = HELP.removeprefix("Exit status: ").partition(".\n")
    told = [int(part.split()[0]) for part in sentence.replace("\n", " ").split("; ")]
    assert told == [int(status) for status in ExitStatus]


def test_the_statuses_are_those_of_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    assert [int(row) for row in re.findall(r"^\| (\d+) \|", readme, re.MULTILINE)] == [int(it) for it in ExitStatus]
