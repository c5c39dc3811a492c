"""Gradescope's results.json: a test for each item of the rubric, with its points and what is wrong.

Points are for what was checked: what a result does not speak of, or says was not checked, gives none, and what was
checked in part gives that part. What is wrong is said by the counterexample of the submission's own code, and by
nothing else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from cowcheck.checker.formats.case import SINGULAR, Case, Fault, Group, Report, Status, Suite
from cowcheck.checker.formats.junit import message_of, text_of
from cowcheck.checker.formats.plain import in_lines, in_one_line

MOST_OUTPUT = 12_000  # characters of one test
FOR_THE_STAFF = {
    "input": "The submission could not be checked.",
    "signal": "The check was ended from outside before it was done, by a time limit for example.",
    "internal": "cowcheck itself failed. This says nothing of the submission; please tell the course staff.",
    "unfinished": "The check did not come to its end: it was stopped from outside, by a time limit for example.",
}

Points = Mapping[tuple[Group, str], float]


def gradescope(report: Report, points: Points) -> str:
    """The document. ``points`` are the most that each item gives."""
    suites = report.suites or (Suite("", "", "", (), ()),)
    several = len(suites) > 1
    tests = [test for suite in suites for test in _tests(suite, points, report.fault, several)]
    document = {
        "score": round(sum(test["score"] for test in tests), 2),
        "output": in_lines("\n".join(_output(report)), MOST_OUTPUT),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [{**test, "number": str(number)} for number, test in enumerate(tests, start=1)],
    }
    return json.dumps(document, indent=1) + "\n"


def _output(report: Report) -> Iterator[str]:
    if report.fault is not None:
        yield FOR_THE_STAFF.get(report.fault.kind, "")
        yield report.fault.message
        yield "What was not checked gives no points."
    for suite in report.suites:
        counts = {status: sum(case.status is status for case in suite.cases) for status in Status}
        told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        yield f"{suite.name}: {suite.verdict} ({told})"
        yield from (f"not complete: {note}" for note in suite.notes)


def _tests(suite: Suite, points: Points, fault: Fault | None, several: bool) -> Iterator[dict[str, Any]]:
    cases = {(case.group, case.name): case for case in suite.cases}
    for (group, name), most in points.items():
        case = cases.get((group, name))
        score = math.floor(most * _part(case) * 100 + 1e-6) / 100
        title = f"{SINGULAR[group]} {name}"
        yield {
            "name": in_one_line(f"{suite.name}: {title}" if several else title),
            "score": score,
            "max_score": most,
            "status": "passed" if score == most else "failed",
            "output": in_lines("\n".join(_feedback(case, fault)).strip(), MOST_OUTPUT),
        }


def _part(case: Case | None) -> float:
    return case.part if case is not None and case.status is Status.PASSED else 0.0


def _feedback(case: Case | None, fault: Fault | None) -> Iterator[str]:
    if case is None:
        because = f": {fault.message}" if fault is not None else ": this call of cowcheck did not run it"
        yield f"Not checked{because}. No points."
    elif case.status is Status.PASSED:
        yield "Holds." if case.group is Group.INVARIANTS else "Nothing went wrong."
        if case.part < 1:
            yield f"Only {case.part:.0%} of what was to be run came to its end, which gives that part of the points."
        yield case.note
    elif case.status is Status.FAILED:
        yield message_of(case)
        yield case.note
        yield ""
        yield text_of(case.problems)
    else:
        yield f"Not checked: {case.because}. No points." if case.status is Status.NOT_CHECKED else f"{case.because}"
        yield case.note
