"""GitHub's annotations, as workflow commands on stdout, and the step summary, as Markdown.

GitHub shows ten errors, ten warnings and ten notices of a step and drops the rest, so the rest is told by one line,
and all of it stands in the summary. A submission's own output must not command the runner, which obeys any line that
begins with ``::`` or holds ``##[``: commands are stopped before anything else is printed, until a token that nobody
can guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cowcheck.checker.formats.case import SINGULAR, Case, Problem, Report, Status, Suite
from cowcheck.checker.formats.junit import message_of
from cowcheck.checker.formats.places import Locate
from cowcheck.checker.formats.plain import in_lines, in_one_line
from cowcheck.checker.job import NOT_ASKED_FOR

MOST_OF_A_KIND = 10
MOST_SUMMARY = 1_000_000  # characters; GitHub takes 1 MiB of a step
MOST_MESSAGE = 4_000


def stop_commands(token: str) -> str:
    """From this line on the runner obeys nothing."""
    return f"::stop-commands::{token}"


def go_on(token: str) -> str:
    """From this line on it does again."""
    return f"::{token}::"


def workflow_commands(report: Report, locate: Locate) -> list[str]:
    """The workflow commands, at most ten of a kind. Where there are more, the tenth says how many."""
    errors = list(_errors(report, locate))
    warnings = [warning for suite in report.suites for warning in _not_checked(suite)]
    return [*_first(errors, "error"), *_first(warnings, "warning")]


def _not_checked(suite: Suite) -> Iterator[str]:
    """One warning for all that was not checked for one reason."""
    names: dict[str, list[str]] = {}
    for case in suite.cases:
        if case.status is Status.NOT_CHECKED and case.because != NOT_ASKED_FOR:
            names.setdefault(case.because, []).append(case.name)
    for reason, which in names.items():
        yield command("warning", f"not checked: {', '.join(which)}: {reason}", "cowcheck: not checked")


def _errors(report: Report, locate: Locate) -> Iterator[str]:
    if report.fault is not None:
        yield command("error", report.fault.message, "cowcheck did not come to its end")
    for suite in report.suites:
        for problem in sorted(suite.problems, key=lambda problem: problem.after != ""):
            yield _violation(suite, problem, locate)
        for case in suite.cases:
            if case.status is Status.ERROR:
                yield command("error", f"{SINGULAR[case.group]} {case.name}: {case.because}", "cowcheck: error")


def _violation(suite: Suite, problem: Problem, locate: Locate) -> str:
    message = f"{problem.message} ({problem.where})" if problem.where else problem.message
    title = f"cowcheck: {problem.invariant}"
    if problem.source is None:
        return command("error", f"{suite.name}: {message}", title)
    return command("error", message, title, locate(problem.source.file), problem.source.line)


def command(kind: str, message: str, title: str, file: str = "", line: int = 0) -> str:
    """One workflow command."""
    values = {"file": in_one_line(file), "line": str(line) if file and line else "", "title": in_one_line(title)}
    told = ",".join(f"{name}={_property(value)}" for name, value in values.items() if value)
    return f"::{kind} {told}::{_data(in_lines(message, MOST_MESSAGE))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _first(commands: Sequence[str], kind: str) -> list[str]:
    if len(commands) <= MOST_OF_A_KIND:
        return list(commands)
    left = len(commands) - MOST_OF_A_KIND + 1
    told = command(kind, f"and {left} more, which the summary of this step lists", "cowcheck")
    return [*commands[: MOST_OF_A_KIND - 1], told]


# --- the summary ---


def summary(report: Report) -> str:
    """The step summary, in GitHub's Markdown."""
    text = "".join(f"{line}\n" for line in _lines(report))
    if len(text) <= MOST_SUMMARY:
        return text
    ends = ("</details>\n", "|\n")  # of a counterexample, of a row
    whole = max(text.rfind(end, 0, MOST_SUMMARY) + len(end) for end in ends)
    return f"{text[:whole]}\nThe rest is left out: GitHub takes 1 MiB. The JSON result has all.\n"


def _lines(report: Report) -> Iterator[str]:
    if report.fault is not None:
        yield f"### cowcheck {report.command}: did not come to its end\n"
        yield f"{_inline(report.fault.message)}\n"
    for suite in report.suites:
        yield f"### cowcheck: {_inline(suite.name)}: {_inline(suite.verdict)}\n"
        counts = {status: sum(case.status is status for case in suite.cases) for status in Status}
        yield ", ".join(f"{count} {status}" for status, count in counts.items() if count) + "\n"
        shown = [case for case in suite.cases if case.status is not Status.PASSED]
        if shown:
            yield "| | | | |\n|---|---|---|---|"
            yield from (_row(case) for case in shown)
            yield ""
        yield from (f"- {_inline(note)}" for note in suite.notes)
        for problem in suite.problems:
            yield f"\n<details><summary>{_inline(problem.invariant)}: {_inline(problem.where)}</summary><pre>"
            yield f"{_block(problem.text or problem.message)}\n</pre></details>"


def _row(case: Case) -> str:
    cells = (SINGULAR[case.group], case.name, str(case.status), message_of(case))
    return f"| {' | '.join(_inline(cell) for cell in cells)} |"


def _inline(text: str) -> str:
    """Text in a line: each character that Markdown or HTML could take for markup is a character reference."""
    return "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in in_one_line(text[:MOST_MESSAGE]))


def _block(text: str) -> str:
    """Text within ``<pre>``: HTML's own characters are references; an empty line would end the block, so none is."""
    escaped = in_lines(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "\n".join(line if line.strip() else "&#32;" for line in escaped.split("\n"))
