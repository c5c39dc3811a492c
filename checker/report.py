"""The terminal text of an exploration: a table for each design, the shortest counterexample of every kind, what was not
reached, and the summary last, where a terminal shows it.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cowcheck.checker.counterexample import LEAST_WIDTH, counterexample, sizes
from cowcheck.checker.forecast import forecast
from cowcheck.checker.job import NOT_ASKED_FOR, Job
from cowcheck.checker.printable import printable, printable_line
from cowcheck.checker.ranking import ranked, worst
from cowcheck.checker.result import Coverage, Result, Verdict, Violation

STYLES = {
    Verdict.PASS: "bold green",
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.ERROR: "bold magenta",
}


_NUMBERS = ("states", "depth", "seconds")
_GAP = 2  # between columns
_LEAST_NAME = 8  # a name is folded to no less


class Explored(NamedTuple):
    """A request and what came of it."""

    job: Job
    result: Result


class Shown(NamedTuple):
    """A counterexample to show: the shortest of its design and invariant, and who else shows the same."""

    explored: Explored
    violation: Violation
    others: tuple[tuple[str, int], ...]  # scenario, steps


def shortest(explored: Sequence[Explored]) -> list[Shown]:
    """For each design, in order, and each invariant that it violates, the shortest counterexample of all scenarios.

    Those that only follow from another come last.
    """
    shown: list[Shown] = []
    for _, group in groupby(explored, lambda item: item.job.design):
        of_design = list(group)
        for first, *rest in ranked([item.result for item in of_design]).values():
            others = tuple((other.result.subject.scenario, other.violation.length) for other in rest)
            shown.append(Shown(of_design[first.number], first.violation, others))
    return shown


class Report:
    """Prints the results of one call."""

    def __init__(self, console: Console, explored: Sequence[Explored]) -> None:
        self.console = console
        self.explored = explored
        self.width = max(console.width, LEAST_WIDTH)
        self.designs = [list(group) for _, group in groupby(explored, lambda item: item.job.design)]

    def print(self, shown: Sequence[Shown], coverage: Sequence[Coverage], saved: str) -> None:
        """``saved`` is the file that the counterexamples were written to, in their order; empty where to none."""
        for group in self.designs:
            self._line(_title(group[0]), "bold")
            self.console.print(self._table(group))
            self._notes(group)
            self._line()
        for number, item in enumerate(shown, start=1):
            self._rule()
            for line in counterexample(
                item.explored.result.subject,
                item.violation,
                tuple(replay_lines(item, saved, number if len(shown) > 1 else 0)),
                self.width,
            ):
                self._text(line)
            if item.others:
                (scenario, steps), *rest = item.others
                names = [f"{scenario} ({steps} steps after the setup)", *(f"{name} ({n})" for name, n in rest)]
                self._paragraph(f"Violated as well in {', '.join(names)}.")
            self._line()
        if shown:
            self._rule()
        for lines in coverage:
            self._unreached(lines)
        if len(self.explored) > 1:
            self.console.print(self._summary())
        self._text(summary_line(self.explored))

    # --- parts ---

    def _table(self, group: Sequence[Explored]) -> Table:
        every = [item.result for item in self.explored]  # all tables have the same columns
        numbers = [max(len(header), *map(len, texts)) for header, texts in zip(
            _NUMBERS, zip(*map(_numbers, every), strict=True), strict=True
        )]  # fmt: skip
        names = [item.subject.scenario for item in every]
        room = self._room(names, [_found_text(item) for item in every], [len(Verdict.INCONCLUSIVE), *numbers])
        table = _plain_table()
        table.add_column("scenario", no_wrap=True, min_width=min(room, max(map(len, names))))
        table.add_column("verdict", no_wrap=True, min_width=len(Verdict.INCONCLUSIVE))
        for name, least in zip(_NUMBERS, numbers, strict=True):
            table.add_column(name, justify="right", no_wrap=True, min_width=least)
        table.add_column("found, or left at the end")
        for item in group:
            result = item.result
            verdict = Text(result.verdict, STYLES[result.verdict])
            table.add_row(_folded(result.subject.scenario, room), verdict, *_numbers(result), _found_text(result))
        return table

    def _room(self, names: Sequence[str], last: Sequence[Text], between: Sequence[int]) -> int:
        """The width of a table's first column: what the others leave, with every word of the last one whole."""
        longest = max((len(word) for text in last for word in text.plain.split()), default=0)
        return max(_LEAST_NAME, self.width - sum(between) - longest - _GAP * (len(between) + 2))

    def _notes(self, group: Sequence[Explored]) -> None:
        if len(self.explored) == 1:
            stats = group[0].result.stats
            transitions = f"{stats.transitions:,} transition{'' if stats.transitions == 1 else 's'}"
            self._line(
                f"{sizes(group[0].result.subject)}: {transitions}, "
                f"{stats.states_per_second:,.0f} states/s, {stats.peak_rss_bytes >> 20} MiB at most"
            )
        ended: dict[str, list[str]] = {}
        for item in group:
            if item.result.stats.stopped:
                ended.setdefault(_ended_by(item), []).append(item.result.subject.scenario)
        for by, scenarios in ended.items():
            self._paragraph(f"{', '.join(scenarios)}: ended by {by}", "yellow")
        for item in group:
            if told := forecast(item.result.stats.levels):
                self._paragraph(f"{item.result.subject.scenario}: {told}", "yellow")
        not_checked = self._not_checked(group)
        for (name, reason), scenarios in sorted(not_checked.items()):
            if reason != NOT_ASKED_FOR:
                where = "" if len(scenarios) == len(group) else f" in {', '.join(scenarios)}"
                self._paragraph(f"not checked{where}: {name} ({reason})", "yellow")
        if others := len({name for name, reason in not_checked if reason == NOT_ASKED_FOR}):
            self._paragraph(f"not checked: the other {others} invariants (not asked for)", "yellow")

    def _not_checked(self, group: Sequence[Explored]) -> dict[tuple[str, str], list[str]]:
        reasons: dict[tuple[str, str], list[str]] = {}
        for item in group:
            for name, reason in item.result.not_checked.items():
                reasons.setdefault((name, reason), []).append(item.result.subject.scenario)
        return reasons

    def _unreached(self, coverage: Coverage) -> None:
        panics = [line for line in coverage.unreached if line.panic]
        others = [line for line in coverage.unreached if not line.panic]
        if not others:
            but = f" but {len(panics)} that only panic{'s' if len(panics) == 1 else ''}" if panics else ""
            self._paragraph(f"{coverage.design}: every step is reached{but}.")
            return
        self._paragraph(f"{coverage.design}: steps that none of the {coverage.scenarios} scenarios reaches:", "yellow")
        for line in others:
            text = printable(f"{line.source}  {line.code.partition('  # ')[0]}")
            self._line(textwrap.fill(text, self.width, initial_indent="  ", subsequent_indent=" " * 6,
                                     break_on_hyphens=False))  # fmt: skip
        if panics:
            self._line(f"  and {len(panics)} that only panic, which a right design never reaches")

    def _summary(self) -> Table:
        names = [_title(group[0]) for group in self.designs]
        violates = [Text(_violates(group)) for group in self.designs]
        room = self._room(names, violates, [len(Verdict.INCONCLUSIVE), len("scenarios")])
        table = _plain_table()
        table.add_column("design", no_wrap=True)
        table.add_column("verdict", no_wrap=True)
        table.add_column("scenarios", justify="right", no_wrap=True)
        table.add_column("violates (scenarios)")
        for name, group, what in zip(names, self.designs, violates, strict=True):
            verdict = worst(item.result for item in group)
            those = f"{sum(item.result.verdict is verdict for item in group)} of {len(group)}"
            table.add_row(_folded(name, room), Text(verdict, STYLES[verdict]), those, what)
        return table

    # --- lines ---

    def _rule(self) -> None:
        self._line("-" * self.width, "dim")

    def _line(self, text: str = "", style: str = "") -> None:
        self._text(Text(text, style))

    def _paragraph(self, text: str, style: str = "") -> None:
        for line in textwrap.wrap(printable(text), self.width, break_on_hyphens=False):
            self._text(Text(line, style))

    def _text(self, text: Text) -> None:
        self.console.print(printable_line(text), soft_wrap=True)


def _plain_table() -> Table:
    return Table(box=None, pad_edge=False, show_edge=False, header_style="dim", padding=(0, _GAP, 0, 0))


def _folded(name: str, width: int) -> Text:
    return Text("\n".join(textwrap.wrap(printable(name), width)))


def _numbers(result: Result) -> tuple[str, str, str]:
    return f"{result.stats.states:,}", str(result.stats.depth), f"{result.stats.seconds:.2f}"


def _ended_by(item: Explored) -> str:
    """The budget that ended a search, by the option that sets it, and what can be done."""
    stopped, budget = item.result.stats.stopped, item.job.budget
    if stopped == f"{budget.states} states":
        option = f"--max-states {budget.states}"
    elif budget.seconds is not None and stopped == f"{budget.seconds:g} s":
        option = f"--timeout {budget.seconds:g}"
    elif stopped.endswith("of memory"):
        option = f"--max-memory ({stopped.removesuffix(' of memory')} for one exploration alone)"
    else:
        return stopped
    return f"{option}; give more, or smaller sizes (--harts, --frames, --pages)"


def _violates(group: Sequence[Explored]) -> str:
    """The invariants that a design violates, with the number of scenarios; after "then", those that only follow."""
    causes: list[str] = []
    consequences: list[str] = []
    for invariant, found in ranked([item.result for item in group]).items():
        (consequences if found[0].violation.after else causes).append(f"{invariant} ({len(found)})")
    return "; then ".join(", ".join(names) for names in (causes, consequences) if names)


def _title(item: Explored) -> str:
    """The design's name; for a file that the user named, that too."""
    name = item.result.subject.design
    return name if item.job.design == name else f"{name} ({item.job.design})"


def _found_text(result: Result) -> Text:
    lines = [
        Text(f"then {violation.invariant}", "dim red") if violation.after else Text(violation.invariant, "red")
        for violation in result.violations
    ]
    if result.error is not None:
        lines.append(Text("not explored", "magenta"))  # why stands on stderr
    if not lines:
        lines = [Text(printable(outcome)) for outcome in result.outcomes] or [Text("no end was reached", "yellow")]
    return Text("\n").join(lines)


def replay_lines(shown: Shown, saved: str, number: int) -> Iterator[str]:
    """How to run a counterexample again. ``number`` is its number in the file; 0 where it is the only one."""
    if saved:
        chosen = f" --number {number}" if number else ""
        yield f"Run it again: cowcheck replay {shlex.quote(saved)}{chosen}"
        return
    job = shown.explored.job
    options = ["--design", job.design, "--scenario", job.scenario]
    for name in ("harts", "frames", "pages"):
        if getattr(job, name) is not None:
            options += [f"--{name}", str(getattr(job, name))]
    for name in job.invariants:
        options += ["--invariant", name]
    options += [] if job.symmetry else ["--no-symmetry"]
    options += [] if job.keep_going else ["--stop-at-first"]
    yield "To run it again, save it, then replay it:"
    yield f"  cowcheck explore {shlex.join(options)} --save FILE"
    yield "  cowcheck replay FILE"


def summary_line(explored: Sequence[Explored]) -> Text:
    """``3 explorations: 2 pass, 1 fail; 12,345 states in 1.2 s``."""
    results = [item.result for item in explored]
    text = Text(f"{len(results)} exploration{'' if len(results) == 1 else 's'}: ")
    told = [(verdict, sum(result.verdict is verdict for result in results)) for verdict in Verdict]
    for index, (verdict, count) in enumerate((verdict, count) for verdict, count in told if count):
        text.append(", " if index else "")
        text.append(f"{count} {verdict}", STYLES[verdict])
    states = sum(result.stats.states for result in results)
    seconds = sum(result.stats.seconds for result in results)
    return text.append(f"; {states:,} states in {seconds:.1f} s of search")
