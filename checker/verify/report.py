"""The terminal text of a result: a table of the invariants, every finding, and the summary last, where a terminal
shows it."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.text import Text

from cowcheck.checker.printable import printable
from cowcheck.checker.report import STYLES
from cowcheck.checker.verify.result import Check, KernelResult, Status
from cowcheck.checker.verify.telling import LEAST_WIDTH, MOST_WIDTH, tell

_STYLES = {Status.HOLDS: "green", Status.VIOLATED: "red", Status.NOT_CHECKED: "yellow"}
MOST_TOLD = 12  # findings that are told in full


def print_result(console: Console, result: KernelResult) -> None:
    """Prints it all."""
    _Report(console, result).print()


class _Report:
    def __init__(self, console: Console, result: KernelResult) -> None:
        self.console, self.result = console, result
        self.width = min(max(console.width, LEAST_WIDTH), MOST_WIDTH)

    def print(self) -> None:
        result = self.result
        on = f" on {result.header.machine}" if result.header.machine else ""
        self._paragraph(f"{result.header.kernel or 'a kernel'}{on}", "bold")
        for check in result.checks:
            self._check(check)
        self._line()
        for number, finding in enumerate(result.findings):
            self._line("-" * self.width, "dim")
            if number == MOST_TOLD:
                self._paragraph(f"and {len(result.findings) - number} findings more, which --json writes")
                break
            for line in tell(finding, self.width):
                self._text(line)
            self._line()
        if result.findings:
            self._line("-" * self.width, "dim")
        for reason in result.incomplete:
            self._paragraph(f"incomplete: {reason}", "yellow")
        self._summary()

    def _check(self, check: Check) -> None:
        name = max(len(check.invariant) for check in self.result.checks)
        head = f"  {check.invariant:{name}}  {check.status:11}  "
        told = check.because or f"judged {check.judged:,} time{'' if check.judged == 1 else 's'}"
        for number, line in enumerate(textwrap.wrap(printable(told), self.width - len(head), break_on_hyphens=False)):
            if number:
                self._line(" " * len(head) + line)
            else:
                at = 4 + name
                self._text(Text.assemble(head[:at], (head[at:], _STYLES[check.status]), line))

    def _summary(self) -> None:
        result = self.result
        counts = {status: sum(check.status is status for check in result.checks) for status in Status}
        told = [
            f"{counts[Status.HOLDS]} hold",
            f"{counts[Status.VIOLATED]} violated",
            f"{counts[Status.NOT_CHECKED]} not checked",
        ]
        runs = len(result.runs)
        text = Text.assemble((str(result.verdict), STYLES[result.verdict]), f": {', '.join(told)}")
        text.append(f"; {result.events:,} events in {runs} run{'' if runs == 1 else 's'}")
        self._text(text)

    def _paragraph(self, text: str, style: str = "") -> None:
        for line in textwrap.wrap(printable(text), self.width, break_on_hyphens=False):
            self._line(line, style)

    def _line(self, text: str = "", style: str = "") -> None:
        self._text(Text(text, style))

    def _text(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)
