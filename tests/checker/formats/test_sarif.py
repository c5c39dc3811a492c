"""SARIF, as a reader of it sees it; and by OASIS's own schema where ``COWCHECK_SARIF_SCHEMA`` names the file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema
import pytest
from hypothesis import given
from sarif_pydantic import Sarif

from cowcheck.checker.formats.case import Fault, Report
from cowcheck.checker.formats.places import relative_to
from cowcheck.checker.formats.reading import report_of
from cowcheck.checker.formats.sarif import FINGERPRINT, sarif
from cowcheck.specs.invariants import INVARIANTS
from tests.checker.formats.hostile import harmless, reports

SCHEMA = os.environ.get("COWCHECK_SARIF_SCHEMA")  # of https://github.com/oasis-tcs/sarif-spec
LOCATE = relative_to("/nowhere", "xv6")


def read(report: Report) -> dict[str, Any]:
    """The only run, after a reader that is not ours has read it all."""
    text = sarif(report, "1.2.3", LOCATE)
    assert Sarif.model_validate_json(text).version == "2.1.0"
    values = json.loads(text)
    if SCHEMA:
        jsonschema.Draft4Validator(json.loads(Path(SCHEMA).read_text(encoding="utf-8"))).validate(values)
    (run,) = values["runs"]
    return dict(run)


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *strings(item))]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def uris(run: dict[str, Any]) -> list[str]:
    if isinstance(run, dict):
        return [item for key, value in run.items() for item in ([value] if key == "uri" else uris(value))]
    return [item for value in run for item in uris(value)] if isinstance(run, list) else []


def test_every_invariant_is_a_rule_with_help(recorded: Callable[[str], Report]) -> None:
    rules = read(recorded("right"))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [item.name for item in INVARIANTS]
    assert all(len(rule["help"]["text"]) > 80 for rule in rules)


def test_a_race_has_a_thread_a_hart(recorded: Callable[[str], Report], golden: Callable[[str, str], None]) -> None:
    golden("formats-sarif-races.sarif", sarif(recorded("races"), "1.2.3", LOCATE))
    (result,) = read(recorded("races"))["results"]
    assert result["ruleId"] == INVARIANTS[result["ruleIndex"]].name == "no-leak"
    threads = result["codeFlows"][0]["threadFlows"]
    assert [thread["id"] for thread in threads] == ["hart 0", "hart 1"]
    orders = [place["executionOrder"] for thread in threads for place in thread["locations"]]
    assert sorted(orders) == list(range(1, len(orders) + 1))
    assert orders != sorted(orders)  # the harts take turns
    where = result["locations"][0]["physicalLocation"]
    assert where["artifactLocation"] == {"uri": "xv6/kernel/kref.c", "uriBaseId": "%SRCROOT%"}


def test_a_counterexample_has_one_thread(designs: Report) -> None:
    results = read(designs)["results"]
    assert {result["ruleId"] for result in results} >= {"no-leak", "freed-once"}
    for result in results:
        (thread,) = result["codeFlows"][0]["threadFlows"]
        assert len(thread["locations"]) > 5
    assert {result["level"] for result in results} == {"error", "warning"}  # a cause, and what follows from it


def test_a_fingerprint_is_of_the_cause_and_not_of_lines_and_addresses(document: Callable[[str], Any]) -> None:
    def marks(values: Any) -> list[str]:
        return [result["partialFingerprints"][FINGERPRINT] for result in read(report_of(values))["results"]]

    before = document("races")
    text = (
        json.dumps(before).replace("0x87f48", "0x87e11").replace(".c:89)", ".c:1089)").replace("process 2", "process 7")
    )
    assert text != json.dumps(before)
    assert marks(json.loads(text)) == marks(before)
    other = json.loads(json.dumps(before).replace("kref_put (", "other_put ("))
    assert marks(other) != marks(before)
    panicked = json.loads(json.dumps(document("panic")).replace("trap.c:137", "trap.c:138"))
    assert marks(panicked) == marks(document("panic"))


def test_a_fingerprint_without_a_place_is_of_the_words_and_not_of_the_numbers(document: Callable[[str], Any]) -> None:
    marks = []
    for message in ("Frame 0x87f48 is lost.", "Frame 0x80001 is lost.", "Frame 0x87f48 is free."):
        values = document("panic")
        values["results"][0]["findings"][0].update(first_wrong=None, steps=[], message=message)
        (result,) = read(report_of(values))["results"]
        marks.append(result["partialFingerprints"][FINGERPRINT])
    assert marks[0] == marks[1] != marks[2]


def test_two_results_never_have_one_fingerprint(document: Callable[[str], Any]) -> None:
    values = document("panic")
    values["results"][0]["findings"] *= 2
    marks = [result["partialFingerprints"][FINGERPRINT] for result in read(report_of(values))["results"]]
    assert len(set(marks)) == len(marks) == 2


def test_a_fault_is_told(recorded: Callable[[str], Report]) -> None:
    (invocation,) = read(Report("check", fault=Fault("input", "k: not an ELF file")))["invocations"]
    assert not invocation["executionSuccessful"]
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "k: not an ELF file"
    assert read(recorded("right"))["invocations"][0]["executionSuccessful"]


@pytest.mark.parametrize("text", ["see [this](javascript:x)", "{0} and {{1}}"])
def test_a_message_has_no_links_and_no_placeholders(text: str) -> None:
    (invocation,) = read(Report("check", fault=Fault("input", text)))["invocations"]
    told = invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert "](" not in told.replace("\\](", "")
    assert told.replace("{{", "").replace("}}", "").count("{") == 0


@given(reports)
def test_no_text_harms_it(report: Report) -> None:
    run = read(report)
    assert all(map(harmless, strings(run)))
    for uri in uris(run["results"]):
        parts = urlsplit(uri)
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
        assert not uri.startswith("/")
        assert ".." not in unquote(uri).split("/")
    assert len(run["results"]) == sum(len(suite.problems) for suite in report.suites)
