"""JUnit XML, as a reader of it sees it."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

from hypothesis import given
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from cowcheck.checker.formats.case import Fault, Report, Status
from cowcheck.checker.formats.junit import junit
from cowcheck.checker.formats.plain import in_lines, in_one_line
from tests.checker.formats.hostile import harmless, reports

KINDS = {Status.FAILED: Failure, Status.ERROR: Error, Status.NOT_CHECKED: Skipped}


def read(text: str) -> list[TestSuite]:
    """The suites, by a reader that is not ours."""
    return list(JUnitXml.fromstring(text.encode("utf-8")))


def kind(case: TestCase) -> type | None:
    assert len(case.result) <= 1
    return type(case.result[0]) if case.result else None


def test_every_case_is_a_testcase_of_its_status(recorded: Callable[[str], Report], designs: Report) -> None:
    for report in (recorded("races"), recorded("panic"), recorded("right"), designs):
        for suite, read_suite in zip(report.suites, read(junit(report)), strict=True):
            told = [(case.classname, case.name, kind(case)) for case in read_suite]
            due = [(f"{suite.name}.{case.group}", case.name, KINDS.get(case.status)) for case in suite.cases]
            assert told == due
            assert read_suite.failures == sum(case.status is Status.FAILED for case in suite.cases)


def test_a_race_is_told_with_its_schedule(
    recorded: Callable[[str], Report], golden: Callable[[str, str], None]
) -> None:
    text = junit(recorded("races"))
    golden("formats-junit-races.xml", text)
    (suite,) = read(text)
    (race,) = [case for case in suite if case.name == "store+store"]
    assert "hart 0, process 3" in str(race.result[0].text)
    assert race.result[0].type == "no-leak"


def test_a_fault_is_an_error(recorded: Callable[[str], Report]) -> None:
    report = Report("check", recorded("right").suites, Fault("internal", "a fault of cowcheck's own: KeyError: 1"))
    *_, last = read(junit(report))
    assert [(case.name, kind(case)) for case in last] == [("check", Error)]
    assert "KeyError" in next(iter(last)).result[0].message


@given(reports)
def test_no_text_harms_it(report: Report) -> None:
    text = junit(report)
    root = ElementTree.fromstring(text.encode("utf-8"))
    assert harmless(text)
    assert {element.tag for element in root.iter()} <= {
        "testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out",
    }  # fmt: skip
    cases = [case for suite in report.suites for case in suite.cases]
    elements = list(root.iter("testcase"))
    assert len(elements) == len(cases) + (report.fault is not None)
    for case, element in zip(cases, elements, strict=False):
        assert element.get("name") == in_one_line(case.name)
        assert (element.findtext("system-out") or "") == in_lines(case.note)
    assert len(read(text)) == len(report.suites) + (report.fault is not None)
