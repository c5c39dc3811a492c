"""A finding as text for a person with the kernel's source at hand: what is wrong, where, and which steps led there.

Everything fits the width, 80 columns or more, with and without colour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.text import Text

from cowcheck.checker.printable import printable
from cowcheck.checker.verify.finding import Finding, Step
from cowcheck.checker.verify.witness import needs_caller
from cowcheck.specs.invariants import find_invariant

LEAST_WIDTH, MOST_WIDTH = 80, 100
CALLED = ", called from "
MOST_SHOWN_USERS = 8


def tell(finding: Finding, width: int = LEAST_WIDTH) -> list[Text]:
    """The lines of the text."""
    return list(_Telling(finding, min(max(width, LEAST_WIDTH), MOST_WIDTH)).lines())


class _Telling:
    def __init__(self, finding: Finding, width: int) -> None:
        self.finding = finding
        self.width = width

    def lines(self) -> Iterator[Text]:
        finding = self.finding
        where = f"{finding.run}, " if finding.run else ""
        yield from self._paragraph(f"{finding.invariant}: {where}event {finding.event:,}", "bold red")
        yield Text()
        yield from self._paragraph(
            f"This violates {finding.invariant}: {find_invariant(finding.invariant).summary}.", "bold red"
        )
        yield from self._paragraph(finding.message, "red", "  ")
        yield Text()
        if finding.frame is not None:
            yield from self._frame()
        elif finding.first_wrong:
            yield from self._step(finding.first_wrong, "yellow")
            yield Text()
        yield from self._stopped()
        if finding.began:
            yield from self._paragraph(f"The kernel was last entered by {finding.began}.")
        if finding.during:
            yield from self._paragraph(f"In the workload, {finding.during}.")
        if finding.console:
            yield Text("The kernel's last lines:")
            for line in finding.console:
                yield from self._paragraph(line, "dim", "  | ")
        if finding.then:
            yield from self._paragraph(f"Then, of the same frame or in the same run: {', '.join(finding.then)}.", "red")
        for text in finding.also:
            yield from self._paragraph(text, "", "", "  ")
        if finding.further:
            at = ", where" if finding.elsewhere else "."
            yield from self._paragraph(f"The same was seen {_times(finding.further)} more{at}")
            for text in finding.elsewhere:
                yield from self._paragraph(text, "", "  ", "    ")

    def _frame(self) -> Iterator[Text]:
        finding = self.finding
        assert finding.frame is not None
        name = f"Frame {finding.frame:#x} (physical address {finding.frame << 12:#x})"
        if not finding.users:
            yield from self._paragraph(f"{name} is mapped by no process.")
        else:
            yield from self._paragraph(f"{name} is mapped by")
            for user in finding.users[:MOST_SHOWN_USERS]:
                yield from self._paragraph(user, "", "  ")
            if len(finding.users) > MOST_SHOWN_USERS:
                yield Text(f"  and {len(finding.users) - MOST_SHOWN_USERS} pages more")
        yield Text()
        first = finding.first_wrong
        if first:
            yield Text("The first wrong step:", "bold")
            yield from self._step(first, "yellow")
        steps = [step for step in finding.steps if step != first]
        if steps:
            yield Text(
                "The steps that touched the frame last:" if first else "The steps that touched the frame:", "bold"
            )
            for step in finding.steps:
                yield from self._step(step, "yellow" if step == first else "")
        yield Text()

    def _stopped(self) -> Iterator[Text]:
        """Where the kernel stopped, and the frames that are lost."""
        finding = self.finding
        if finding.fault:
            yield from self._paragraph(f"The kernel itself took this trap: {finding.fault}.", "yellow")
        if finding.stack:
            panicked = finding.first_wrong is not None
            said = "The kernel had come there by these calls, the innermost first:" if panicked else "Where it stands:"
            yield Text(said, "bold")
            for place in finding.stack:
                yield from self._paragraph(place, "", "  ", "    ")
            yield Text()
        if finding.lost:
            yield Text("Lost:", "bold")
            for text in finding.lost:
                yield from self._paragraph(text, "", "  ", "    ")
            yield Text()

    def _step(self, step: Step, style: str) -> Iterator[Text]:
        who = f"process {step.pid}" if step.pid else "no process"
        head = f"{step.event:>9,}  hart {step.hart}  {who:11}  "
        place = printable(step.place) or "(no place)"
        called = printable(step.called_at) if style or needs_caller(step.place) else ""
        if called and len(head) + len(place) + len(CALLED) + len(called) <= self.width:
            place, called = f"{place}{CALLED}{called}", ""
        for number, line in enumerate(textwrap.wrap(place, self.width - len(head), break_on_hyphens=False) or [""]):
            yield Text.assemble((head if number == 0 else " " * len(head), "dim"), (line, style))
        if called:
            yield from self._paragraph(f"{CALLED[2:]}{called}", style, " " * len(head), " " * (len(head) + 2))
        yield from self._paragraph(step.what, style, " " * 13)

    def _paragraph(self, text: str, style: str = "", indent: str = "", further: str | None = None) -> Iterator[Text]:
        further = indent if further is None else further
        lines = textwrap.wrap(
            printable(text), self.width, initial_indent=indent, subsequent_indent=further, break_on_hyphens=False
        )
        for line in lines or [""]:
            yield Text(line, style)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
