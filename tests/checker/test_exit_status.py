"""The exit status of several results, and what wins over what."""

from __future__ import annotations

import pytest

from cowcheck.checker.exit_status import ExitStatus, exit_status
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
    assert [int(status) for status in ExitStatus][:5] == [0, 1, 2, 3, 4]
