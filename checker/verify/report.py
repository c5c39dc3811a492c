"""The terminal text of a result: a table of the invariants, every finding, and the summary last, where a terminal
shows it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.text import Text

from cowcheck.checker.printable import printable
from cowcheck.checker.report import STYLES
from cowcheck.checker.verify.result import Check, KernelResult, Status
from cowcheck.checker.verify.telling import LEAST_WIDTH, MOST_WIDTH, tell

_STYLES = {Status.HOLDS: "green", Status.VIOLATED: "red", Status.NOT_CHECKED: "yellow"}
OF_A_RACE = "race "  # what the run of a finding is called that a schedule shows
MOST_TOLD = 12  # findings that are told in full


def print_result(
    console: Console, result: KernelResult, tell_races: Callable[[KernelResult, int], Iterable[str]] | None = None
) -> None:
    """Prints it all; what there is to tell of races, ``tell_races`` tells, in lines of a width."""
    _Report(console, result, tell_races).print()


class _Report:
    def __init__(
        self,
        console: Console,
        result: KernelResult,
        tell_races: Callable[[KernelResult, int], Iterable[str]] | None,
    ) -> None:
        self.console, self.result, self.tell_races = console, result, tell_races
        self.width = min(max(console.width, LEAST_WIDTH), MOST_WIDTH)

    def print(self) -> None:
        result = self.result
        on = f" on {result.header.machine}" if result.header.machine else ""
        self._paragraph(f"{result.header.kernel or 'a kernel'}{on}", "bold")
        if result.header.workload:
            self._paragraph(f"workload: {result.header.workload}")
        reasons = {check.because for check in result.checks if check.status is not Status.VIOLATED}
        for check in result.checks:
            if len(reasons) > 1 or "" in reasons or check.status is Status.VIOLATED:
                self._check(check)
        if len(reasons) == 1 and "" not in reasons:
            which = (
                "the others" if any(check.status is Status.VIOLATED for check in result.checks) else "every invariant"
            )
            self._paragraph(f"{which}: not checked, because {reasons.pop()}", "yellow")
        if self._ended():
            self._line()
            self._paragraph(
                "Not every run is whole: what `holds` was judged on those that are, and on the others as far as they "
                "came. The last lines say why.",
                "yellow",
            )
        self._line()
        findings = [finding for finding in result.findings if not finding.run.startswith(OF_A_RACE)]
        for number, finding in enumerate(findings):
            self._line("-" * self.width, "dim")
            if number == MOST_TOLD:
                self._paragraph(f"and {len(findings) - number} findings more, which --json writes")
                break
            for line in tell(finding, self.width):
                self._text(line)
            self._line()
        if result.findings:
            self._line("-" * self.width, "dim")
        if result.races is not None and self.tell_races is not None:
            for told in self.tell_races(result, self.width):
                self._line(told)
            self._line()
        for reason in result.incomplete:
            self._paragraph(f"incomplete: {reason}", "yellow")
        for reason in result.unchecked:
            self._paragraph(f"not checked, because: {reason}", "yellow")
        self._summary()

    def _check(self, check: Check) -> None:
        name = max(len(check.invariant) for check in self.result.checks)
        head = f"  {check.invariant:{name}}  {check.status:11}  "
        told = check.because or f"judged {check.judged:,} time{'' if check.judged == 1 else 's'}"
        if check.status is Status.HOLDS and (ended := self._ended()):
            told += f" {ended}"
        for number, line in enumerate(textwrap.wrap(printable(told), self.width - len(head), break_on_hyphens=False)):
            if number:
                self._line(" " * len(head) + line)
            else:
                at = 4 + name
                self._text(Text.assemble(head[:at], (head[at:], _STYLES[check.status]), line))

    def _ended(self) -> str:
        """On how much an invariant was judged, where not everything came to its end."""
        runs = self.result.runs
        done = sum(run.ending == "done" for run in runs)
        if done == len(runs):
            return ""
        return f"({done}/{len(runs)} runs whole)"

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
