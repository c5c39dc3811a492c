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

from cowcheck.checker.counterexample import counterexample, sizes
from cowcheck.checker.job import Job
from cowcheck.checker.result import Coverage, Result, Verdict, Violation
from cowcheck.specs.invariants import INVARIANTS

STYLES = {
    Verdict.PASS: "bold green",
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.ERROR: "bold magenta",
}


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
        of_design_shown = []
        for invariant in INVARIANTS:
            found = _found(of_design, invariant.name)
            if found:
                (item, violation), *rest = found
                others = tuple((other.result.subject.scenario, same.length) for other, same in rest)
                of_design_shown.append(Shown(item, violation, others))
        shown += sorted(of_design_shown, key=lambda item: item.violation.after != "")
    return shown


def _found(explored: Sequence[Explored], invariant: str) -> list[tuple[Explored, Violation]]:
    """The violations of an invariant, the best to read first: not one that only follows from another, and short."""
    found = [(item, it) for item in explored for it in item.result.violations if it.invariant == invariant]
    return sorted(found, key=lambda pair: (pair[1].after != "", pair[1].length, pair[0].result.subject.scenario))


class Report:
    """Prints the results of one call."""

    def __init__(self, console: Console, explored: Sequence[Explored]) -> None:
        self.console = console
        self.explored = explored
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
                self.console.width,
            ):
                self._text(line)
            if item.others:
                names = ", ".join(f"{scenario} ({steps} steps)" for scenario, steps in item.others)
                self._line(f"Violated as well in {names}.")
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
        table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("scenario", min_width=max(len(item.result.subject.scenario) for item in self.explored))
        table.add_column("verdict", min_width=len(Verdict.INCONCLUSIVE))
        for name, least in (("states", 7), ("depth", 5), ("seconds", 7)):
            table.add_column(name, justify="right", min_width=least)
        table.add_column("found", overflow="fold")
        for item in group:
            result = item.result
            table.add_row(
                result.subject.scenario,
                Text(result.verdict, STYLES[result.verdict]),
                f"{result.stats.states:,}",
                str(result.stats.depth),
                f"{result.stats.seconds:.2f}",
                _found_text(result),
            )
        return table

    def _notes(self, group: Sequence[Explored]) -> None:
        if len(self.explored) == 1:
            stats = group[0].result.stats
            self._line(
                f"{sizes(group[0].result.subject)}: {stats.transitions:,} transitions, "
                f"{stats.states_per_second:,.0f} states/s, {stats.peak_rss_bytes >> 20} MiB at most"
            )
        for item in group:
            if item.result.stats.stopped:
                self._line(f"{item.result.subject.scenario}: ended by {item.result.stats.stopped}", "yellow")
        for (name, reason), scenarios in sorted(self._not_checked(group).items()):
            where = "" if len(scenarios) == len(group) else f" in {', '.join(scenarios)}"
            self._line(f"not checked{where}: {name} ({reason})", "yellow")

    def _not_checked(self, group: Sequence[Explored]) -> dict[tuple[str, str], list[str]]:
        reasons: dict[tuple[str, str], list[str]] = {}
        for item in group:
            for name, reason in item.result.not_checked.items():
                reasons.setdefault((name, reason), []).append(item.result.subject.scenario)
        return reasons

    def _unreached(self, coverage: Coverage) -> None:
        panics = [line for line in coverage.unreached if line.panic]
        others = [line for line in coverage.unreached if not line.panic]
        told = f"{coverage.design}: steps that none of the {coverage.scenarios} scenarios reaches:"
        if not others:
            self._line(f"{told} none{f', but {len(panics)} that only panic' if panics else ''}.")
            return
        self._line(told, "yellow")
        for line in others:
            text = f"  {line.source}  {line.code.partition('  # ')[0]}"
            self._line(textwrap.fill(text, self.console.width, subsequent_indent=" " * 6, break_on_hyphens=False))
        if panics:
            self._line(f"  and {len(panics)} that only panic, which a right design never reaches")

    def _summary(self) -> Table:
        table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("design")
        table.add_column("verdict")
        table.add_column("scenarios", justify="right")
        table.add_column("violates (scenarios)", overflow="fold")
        for group in self.designs:
            verdict = worst([item.result for item in group])
            those = sum(item.result.verdict is verdict for item in group)
            table.add_row(
                _title(group[0]), Text(verdict, STYLES[verdict]), f"{those} of {len(group)}", _violates(group)
            )
        return table

    # --- lines ---

    def _rule(self) -> None:
        self._line("-" * self.console.width, "dim")

    def _line(self, text: str = "", style: str = "") -> None:
        self.console.print(Text(text, style))

    def _text(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)


def worst(results: Sequence[Result]) -> Verdict:
    """The verdict of several: error, fail, inconclusive, then pass."""
    order = (Verdict.ERROR, Verdict.FAIL, Verdict.INCONCLUSIVE)
    verdicts = {result.verdict for result in results}
    return next((verdict for verdict in order if verdict in verdicts), Verdict.PASS)


def _violates(group: Sequence[Explored]) -> str:
    """The invariants that a design violates, with the number of scenarios; after "then", those that only follow."""
    causes, consequences = [], []
    for invariant in INVARIANTS:
        found = [v for item in group for v in item.result.violations if v.invariant == invariant.name]
        if found:
            alone = any(not violation.after for violation in found)
            (causes if alone else consequences).append(f"{invariant.name} ({len(found)})")
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
        lines.append(Text(result.error.message, "magenta"))
    if not lines:
        lines = [Text(outcome) for outcome in result.outcomes] or [Text("no end was reached", "yellow")]
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
