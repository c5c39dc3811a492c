"""JUnit XML: a testcase for each invariant, scenario, workload and race; a failure has the counterexample as its text.

The form is the one that Jenkins, GitLab and GitHub's test reporters read (``testsuites > testsuite > testcase``, each
with at most one of ``failure``, ``error`` and ``skipped``). XML 1.0 (section 2.2) has no way to write most control
characters, escaped or not, so what is not printable is written as Python would write it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree

from cowcheck.checker.formats.case import Case, Fault, Group, Problem, Report, Status, Suite
from cowcheck.checker.formats.plain import in_lines, in_one_line

OWN = "cowcheck"
_CHILD = {Status.FAILED: "failure", Status.ERROR: "error", Status.NOT_CHECKED: "skipped"}


def junit(report: Report) -> str:
    """The document."""
    suites = [_suite(suite) for suite in report.suites]
    if report.fault is not None:
        suites.append(_fault(report.command, report.fault))
    counts = {name: count for name, count in _counts(suites).items() if name != "skipped"}  # which has no place here
    root = ElementTree.Element("testsuites", {"name": OWN, **counts})
    root.extend(suites)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(suite: Suite) -> ElementTree.Element:
    cases = [_case(suite, case) for case in suite.cases]
    return _with_cases(suite.name, cases, "\n".join(suite.notes))


def _with_cases(name: str, cases: list[ElementTree.Element], told: str) -> ElementTree.Element:
    element = ElementTree.Element("testsuite", {"name": in_one_line(name), **_counts([cases])})
    element.extend(cases)
    if told:
        ElementTree.SubElement(element, "system-out").text = in_lines(told)
    return element


def _case(suite: Suite, case: Case) -> ElementTree.Element:
    seconds = f"{case.cost.amount:.3f}" if case.cost is not None and case.cost.unit == "seconds" else "0"
    names = {"classname": in_one_line(f"{suite.name}.{case.group}"), "name": in_one_line(case.name)}
    element = ElementTree.Element("testcase", {**names, "time": seconds})
    if case.status in _CHILD:
        child = ElementTree.SubElement(element, _CHILD[case.status], {"message": in_one_line(message_of(case))})
        if case.status is not Status.NOT_CHECKED:
            child.set("type", ", ".join(map(in_one_line, case.violated)) or str(case.status))
            child.text = in_lines(text_of(case.problems))
    if case.note:
        ElementTree.SubElement(element, "system-out").text = in_lines(case.note)
    return element


def message_of(case: Case) -> str:
    """What is wrong with a case, in a line."""
    own = [problem for problem in case.problems if not problem.after] or list(case.problems)
    others = [name for name in case.violated if not own or name != own[0].invariant]
    if not own:
        told = f"violated: {', '.join(others)}" if others else ""
    elif case.group is Group.INVARIANTS and others:
        told = f"{case.name} is violated after {own[0].invariant}: {own[0].message}"
    else:
        told = f"{own[0].invariant}: {own[0].message}" + (f" Also violated: {', '.join(others)}." if others else "")
    return "; ".join(filter(None, (told, case.because)))


def text_of(problems: Iterable[Problem]) -> str:
    """The counterexamples, those that follow from another one last."""
    ordered = sorted(problems, key=lambda problem: problem.after != "")
    return "\n\n".join(problem.text or f"{problem.invariant}: {problem.message}" for problem in ordered)


def _fault(command: str, fault: Fault) -> ElementTree.Element:
    case = ElementTree.Element("testcase", {"classname": OWN, "name": command, "time": "0"})
    text = in_lines(fault.message)
    ElementTree.SubElement(case, "error", {"message": in_one_line(fault.message), "type": fault.kind}).text = text
    return _with_cases(OWN, [case], "")


def _counts(suites: Iterable[Iterable[Any]]) -> dict[str, str]:
    cases = [case for suite in suites for case in suite if case.tag == "testcase"]
    count = {tag: str(sum(case.find(tag) is not None for case in cases)) for tag in ("failure", "error", "skipped")}
    return {
        "tests": str(len(cases)),
        "failures": count["failure"],
        "errors": count["error"],
        "skipped": count["skipped"],
        "time": f"{sum(float(case.get('time', '0')) for case in cases):.3f}",
    }
