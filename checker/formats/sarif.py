"""SARIF 2.1.0 (OASIS, errata 01): a rule for each invariant, a result for each violation, its steps as a code flow.

A race's code flow has one thread a hart, whose steps are numbered over all of them (``executionOrder``). The
fingerprint is made of the violation's key (``case.py``), which holds no address and no line, so that a code-scanning
service knows a violation again after the file has changed above it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from cowcheck.checker.formats.case import Moment, Problem, Report, Source, Suite
from cowcheck.checker.formats.places import UNKNOWN, Locate, uri
from cowcheck.checker.formats.plain import in_lines, in_one_line
from cowcheck.specs.invariants import INVARIANTS

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
FINGERPRINT = "cowcheck/v1"
MOST_MOMENTS = 1000  # of a thread: as many as GitHub shows
_RULES = {invariant.name: number for number, invariant in enumerate(INVARIANTS)}

Json = dict[str, Any]


def sarif(report: Report, version: str, locate: Locate) -> str:
    """The document. ``locate`` gives a file's name relative to the repository."""
    driver: Json = {"name": "cowcheck", "version": version, "rules": _rules()}
    run: Json = {
        "tool": {"driver": driver},
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [result for suite in report.suites for result in _results(suite, locate)],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rules() -> list[Json]:
    rules = []
    for invariant in INVARIANTS:
        matters = list(dict.fromkeys(statement.matters for statement in invariant.statements))
        text = "\n\n".join((invariant.reason, *matters, f"Source: {invariant.source}"))
        rules.append(
            {
                "id": invariant.name,
                "name": "".join(part.capitalize() for part in invariant.name.split("-")),
                "shortDescription": {"text": _message(f"{invariant.summary[0].upper()}{invariant.summary[1:]}.")},
                "fullDescription": {"text": _message(invariant.reason)},
                "help": {"text": _message(text)},
                "defaultConfiguration": {"level": "error"},
                "properties": {"tags": ["correctness", "copy-on-write"]},
            }
        )
    return rules


def _invocation(report: Report) -> Json:
    notes = [_notification("warning", f"{suite.name}: {note}") for suite in report.suites for note in suite.notes]
    if report.fault is not None:
        notes.append(_notification("error", report.fault.message))
    return {"executionSuccessful": report.fault is None, "toolExecutionNotifications": notes}


def _notification(level: str, text: str) -> Json:
    return {"level": level, "message": {"text": _message(text)}}


def _results(suite: Suite, locate: Locate) -> Iterable[Json]:
    seen: dict[str, int] = {}
    for problem in suite.problems:
        mark = sha256("\0".join(problem.key).encode("utf-8", "backslashreplace")).hexdigest()[:32]
        seen[mark] = seen.get(mark, 0) + 1
        yield _result(suite, problem, f"{mark}:{seen[mark]}", locate)


def _result(suite: Suite, problem: Problem, fingerprint: str, locate: Locate) -> Json:
    where = f" ({problem.where})" if problem.where else ""
    result: Json = {
        "ruleId": problem.invariant,
        "level": "warning" if problem.after else "error",
        "message": {"text": _message(f"{problem.message}{where}")},
        "locations": [_location(problem.source or Source(suite.file, 0, ""), locate)],
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }
    if problem.invariant in _RULES:
        result["ruleIndex"] = _RULES[problem.invariant]
    if problem.moments:
        result["codeFlows"] = [{"threadFlows": _threads(problem, locate)}]
    return result


def _threads(problem: Problem, locate: Locate) -> list[Json]:
    numbered = list(enumerate(problem.moments, start=1))
    if not problem.by_hart:
        return [{"locations": _flow(numbered, locate)}]
    harts = sorted({moment.hart for moment in problem.moments})
    return [
        {
            "id": f"hart {hart}",
            "locations": _flow([item for item in numbered if item[1].hart == hart], locate),
        }
        for hart in harts
    ]


def _flow(numbered: Sequence[tuple[int, Moment]], locate: Locate) -> list[Json]:
    return [
        {
            "executionOrder": number,
            "location": {
                **(_location(moment.source, locate) if moment.source is not None else {}),
                "message": {"text": _message(f"hart {moment.hart}, {moment.text}")},
            },
        }
        for number, moment in numbered[:MOST_MOMENTS]
    ]


def _location(source: Source, locate: Locate) -> Json:
    physical: Json = {"artifactLocation": {"uri": uri(locate(source.file or UNKNOWN)), "uriBaseId": ROOT}}
    if source.line:
        physical["region"] = {"startLine": source.line}
    location: Json = {"physicalLocation": physical}
    if source.function:
        location["logicalLocations"] = [{"name": in_one_line(source.function), "kind": "function"}]
    return location


def _message(text: str) -> str:
    """Plain text of a message: braces mean placeholders and ``[text](target)`` a link (sections 3.11.5 and 3.11.6)."""
    return in_lines(text).replace("{", "{{").replace("}", "}}").replace("](", "\\](") or "(no message)"
