"""What exploring a kernel's schedules came to, as terminal text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from cowcheck.checker.interleave.decision_trace import render
from cowcheck.checker.interleave.result import Line, RaceFinding, RaceResult
from cowcheck.checker.interleave.verdict import findings
from cowcheck.checker.printable import printable
from cowcheck.checker.verify.result import KernelResult

MOST_WARNINGS = 8


def races_told(result: KernelResult, width: int) -> Iterator[str]:
    """The lines of a result that has races."""
    races = result.races or ()
    keys = {(item.invariant, item.message) for item in result.findings}
    found = [item for item in findings(races) if (item.finding.invariant, item.finding.message) in keys]
    yield from told(races, found, width)


def told(results: Sequence[RaceResult], found: Sequence[RaceFinding], width: int) -> Iterator[str]:
    """The lines: what was covered, then each finding with its schedule, then warnings."""
    explored = [result for result in results if not result.problem]
    schedules = sum(result.schedules for result in explored)
    races = f"{len(explored)} race{'' if len(explored) == 1 else 's'}"
    yield from in_lines(f"Schedules of the kernel's own code: {schedules:,} in {races}", width)
    for bound in sorted({result.complete for result in explored}, reverse=True):
        names = [result.race for result in explored if result.complete == bound]
        what = f"every schedule with up to {bound} preemption{'' if bound == 1 else 's'}" if bound >= 0 else "in part"
        yield from in_lines(f"{what}: {', '.join(names)}", width, "  ")
    for result in explored:
        if result.left:
            text = f"{result.race}: {result.schedules:,} schedules run within its budget, at least {result.left:,} left"
            yield from in_lines(f"{text}; --budget raises it", width, "  ")
    for result in results:
        if result.cut:
            text = (
                f"{result.race}: {result.cut:,} schedules were judged in part: too long to follow, or the disk was used"
            )
            yield from in_lines(text, width, "  ")
        if result.problem:
            yield from in_lines(f"{result.race}: not explored, because {result.problem}", width, "  ")
    for finding in found:
        yield ""
        yield from finding_told(finding, width)
    warnings = data_races(explored)
    if warnings:
        yield ""
        yield from in_lines(
            "Data races that broke nothing in these schedules (accesses that acquire and release do not order):", width
        )
        for line in warnings[:MOST_WARNINGS]:
            yield from in_lines(line, width, "  ")
        if len(warnings) > MOST_WARNINGS:
            yield f"  and {len(warnings) - MOST_WARNINGS} more, which --json writes"


def data_races(results: Sequence[RaceResult]) -> list[str]:
    """Those that were met only in races in which nothing went wrong: the others are told by what they broke."""
    broke = {line for result in results if result.findings for line in result.data_races}
    return [
        line for line in dict.fromkeys(line for result in results for line in result.data_races) if line not in broke
    ]


def finding_told(item: RaceFinding, width: int) -> Iterator[str]:
    """The lines of one finding: what is violated, and its schedule."""
    finding = item.finding
    how = (
        f"a race, with {item.preemptions} preemption{'' if item.preemptions == 1 else 's'}"
        if item.is_race
        else "no race: it happens without a preemption too"
    )
    names = [finding.invariant, *finding.then]
    yield from in_lines(
        f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} violated in {item.race} ({how})", width
    )
    yield from in_lines(finding.message, width, "  ")
    if item.later:
        yield from in_lines("It shows when the processes go on from where this schedule ends.", width, "  ")
    yield ""
    yield from (printable(line) for line in render(item.lines, item.harts, width, titles_of(item.lines)))


def titles_of(lines: Sequence[Line]) -> dict[int, str]:
    """What stands above each hart's column."""
    pids: dict[int, int] = {}
    for line in lines:
        pids.setdefault(line.hart, line.pid)
    return {hart: f"hart {hart}, process {pid}" for hart, pid in pids.items()}


def in_lines(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        printable(text), width, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
    )
