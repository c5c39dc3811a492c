"""GitHub's annotations, read by the rules of its runner, and the summary, rendered as Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

from hypothesis import given
from markdown_it import MarkdownIt

from cowcheck.checker.formats import github
from cowcheck.checker.formats.case import Fault, Report
from cowcheck.checker.formats.github import MOST_OF_A_KIND, MOST_SUMMARY, command, summary, workflow_commands
from cowcheck.checker.formats.places import relative_to
from cowcheck.checker.formats.plain import in_lines
from tests.checker.formats.hostile import harmless, reports, texts

LOCATE = relative_to("/nowhere", "xv6")


def obeyed(line: str) -> tuple[str, dict[str, str], str]:
    """What the runner reads of a line: the command, its properties and its message (actions/runner, ActionCommand)."""
    found = re.fullmatch(r"::([^\s:]+)(?: (.*?))?::(.*)", line)
    assert found is not None, line
    kind, properties, data = found.groups()
    pairs = dict(item.split("=", 1) for item in (properties or "").split(",") if item)
    return kind, {name: unescaped(value) for name, value in pairs.items()}, unescaped(data)


def unescaped(text: str) -> str:
    for code, plain in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, plain)
    return text


def test_a_violation_stands_at_its_line(recorded: Callable[[str], Report], golden: Callable[[str, str], None]) -> None:
    lines = workflow_commands(recorded("races"), LOCATE)
    golden("formats-github-races.txt", "\n".join(lines) + "\n")
    kind, properties, message = obeyed(lines[0])
    assert kind == "error"
    assert properties == {"file": "xv6/kernel/kref.c", "line": "89", "title": "cowcheck: no-leak"}
    assert message.startswith("Frame 0x")


def test_what_was_not_checked_is_a_warning(recorded: Callable[[str], Report]) -> None:
    kinds = [obeyed(line)[0] for line in workflow_commands(recorded("panic"), LOCATE)]
    assert kinds == ["error", "warning"]
    assert workflow_commands(recorded("right"), LOCATE) == []


def test_there_are_never_more_than_ten_of_a_kind(recorded: Callable[[str], Report]) -> None:
    (suite,) = recorded("races").suites
    for count in (9, 10, 11, 40):
        lines = workflow_commands(Report("check", (replace(suite, problems=suite.problems * count),)), LOCATE)
        told = Counter(obeyed(line)[0] for line in lines)
        assert told["error"] == min(count, MOST_OF_A_KIND)
        assert any("31 more" in line for line in lines) == (count == 40)


@given(texts, texts, texts)
def test_a_command_is_one_line_and_is_read_as_it_was_meant(message: str, title: str, file: str) -> None:
    line = command("error", message, title, file, 3)
    assert harmless(line)
    assert "\n" not in line
    kind, properties, data = obeyed(line)
    assert (kind, data) == ("error", in_lines(message, github.MOST_MESSAGE))
    assert set(properties) <= {"file", "line", "title"}


@given(reports)
def test_no_text_harms_the_commands(report: Report) -> None:
    lines = workflow_commands(report, LOCATE)
    told = Counter(obeyed(line)[0] for line in lines)
    assert set(told) <= {"error", "warning"}
    assert all(count <= MOST_OF_A_KIND for count in told.values())


# --- the summary ---


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        assert not attributes

    def handle_data(self, data: str) -> None:
        self.text += data


def rendered(report: Report) -> Page:
    page = Page()
    page.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(summary(report)))
    return page


def test_the_summary_has_every_violation(
    recorded: Callable[[str], Report], designs: Report, golden: Callable[[str, str], None]
) -> None:
    golden("formats-summary-races.md", summary(recorded("races")))
    for report in (recorded("races"), recorded("panic"), designs):
        page = rendered(report)
        for problem in (item for suite in report.suites for item in suite.problems):
            assert all(line.strip() in page.text for line in problem.text.splitlines())
        assert page.tags["details"] == sum(len(suite.problems) for suite in report.suites)


def test_a_summary_stays_below_githubs_limit(recorded: Callable[[str], Report]) -> None:
    (suite,) = recorded("races").suites
    report = Report("check", (replace(suite, problems=suite.problems * 400),))
    assert len(summary(report).encode()) <= MOST_SUMMARY + 1000
    assert "The rest is left out" in rendered(report).text
    assert rendered(report).tags["details"] > 100


def test_a_fault_is_in_both(recorded: Callable[[str], Report]) -> None:
    report = Report("check", fault=Fault("input", "k: no kernel"))
    assert [obeyed(line)[2] for line in workflow_commands(report, LOCATE)] == ["k: no kernel"]
    assert "k: no kernel" in rendered(report).text


@given(reports)
def test_no_text_harms_the_summary(report: Report) -> None:
    assert harmless(summary(report))
    page = rendered(report)
    assert set(page.tags) <= {
        "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre",
    }  # fmt: skip
    problems = sum(len(suite.problems) for suite in report.suites)
    assert page.tags["details"] == page.tags["pre"] == problems
