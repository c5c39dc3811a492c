"""The page of the benchmarks, from what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from tests.bench.compared import PROGRAM, Compared, Spent
from tests.bench.explore_page import explored_lines
from tests.bench.explore_speed import Explored
from tests.bench.schedule_speed import Rate
from tests.bench.verify_speed import Verified

TARGET_RATIO = 2.0
TARGET_EVENTS = 1_000_000
TARGET_SCHEDULES = 500


def page(
    around: Mapping[str, str],
    compared: Compared,
    verified: Verified,
    schedules: tuple[Sequence[Rate], str],
    explored: Explored,
) -> str:
    """The page, as Markdown."""
    parts = [*_head(around), *_compared(compared), *_verified(verified), *_schedules(*schedules)]
    return "\n".join([*parts, *explored_lines(explored)]) + "\n"


def _head(around: Mapping[str, str]) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    yield "<!-- made by `make bench` from a run: do not edit -->"
    yield ""
    yield "What one run measured, on this machine. Only what stands side by side can be compared."
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {name} | {text} |" for name, text in around.items())


def _compared(compared: Compared) -> Iterator[str]:
    yield ""
    yield f"## Boot and {PROGRAM}"
    yield ""
    yield f"Plain QEMU (boot, then `{PROGRAM}` typed into the shell, one hart) and"
    yield f"`cowcheck check TREE --run {PROGRAM}` (the same on the board, every event recorded, every invariant judged;"
    yield "the whole command, from Python's start to the verdict) take turns. CPU seconds are of all threads; medians"
    yield "are compared."
    yield ""
    if compared.because:
        yield f"Not measured, because {compared.because}."
        return
    yield "| | CPU s, median (least to most) | wall s, median (least to most) |"
    yield "|---|---|---|"
    yield f"| plain QEMU | {_spread(compared.qemu)} |"
    yield f"| cowcheck | {_spread(compared.ours)} |"
    yield f"| **ratio** | **{compared.cpu_ratio:.2f}** | **{compared.wall_ratio:.2f}** |"
    yield ""
    met = compared.cpu_ratio <= TARGET_RATIO and compared.wall_ratio <= TARGET_RATIO
    yield f"{len(compared.ours)} rounds. The target is at most {TARGET_RATIO:.0f}: {'met' if met else 'missed'}."


def _spread(spent: Sequence[Spent]) -> str:
    columns = ([item.cpu for item in spent], [item.wall for item in spent])
    return " | ".join(f"{median(column):.2f} ({min(column):.2f} to {max(column):.2f})" for column in columns)


def _verified(verified: Verified) -> Iterator[str]:
    yield ""
    yield "## verify"
    yield ""
    yield "`cowcheck verify` on the recording of the test kernel under every workload, from opening the file to the"
    yield "verdict, in CPU seconds of one process that has verified it once before."
    yield ""
    if verified.because:
        yield f"Not measured, because {verified.because}."
        return
    rate = verified.events / median(verified.seconds)
    yield "| events | file | CPU s, median (least to most) | events a second |"
    yield "|---|---|---|---|"
    yield (
        f"| {verified.events:,} | {verified.file_bytes / (1 << 20):.0f} MiB | {median(verified.seconds):.2f} "
        f"({min(verified.seconds):.2f} to {max(verified.seconds):.2f}) | **{rate:,.0f}** |"
    )
    yield ""
    met = "met" if rate >= TARGET_EVENTS else "missed"
    yield f"The target is {TARGET_EVENTS:,}: {met}. The recording's verdict: {verified.verdict}."


def _schedules(rates: Sequence[Rate], problem: str) -> Iterator[str]:
    yield ""
    yield "## Schedules of a kernel's own code"
    yield ""
    yield "Schedules of a race on two harts, each from the snapshot to the end: restored, run with its preemptions,"
    yield "every access logged and analysed, every event judged. In CPU seconds of one process, compiled and warm."
    yield ""
    if problem:
        yield f"Not everything was measured, because {problem}."
        yield ""
    yield "| kernel | path | accesses a schedule | schedules a second |"
    yield "|---|---|---|---|"
    yield from (f"| {rate.kernel} | {rate.path} | {rate.accesses:,.0f} | **{rate.a_second:,.0f}** |" for rate in rates)
    yield ""
    missed = [rate for rate in rates if rate.a_second < TARGET_SCHEDULES]
    yield f"The target is {TARGET_SCHEDULES}: {'missed' if missed or not rates else 'met'}."
