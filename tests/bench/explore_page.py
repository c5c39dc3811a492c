"""The part of the benchmarks' page that sets `explore` beside SPIN."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.explore_speed import Explored, Row, Size


def explored_lines(explored: Explored) -> Iterator[str]:
    """The part, as Markdown."""
    yield ""
    yield "## explore, and SPIN on the exported model"
    yield ""
    yield "`cowcheck explore` and SPIN (`spin -a`, `gcc -O2 -DSAFETY -DNOREDUCE`, `./pan`) on the model that"
    yield "`cowcheck export` writes, every invariant judged by both. They take turns; medians are shown. *plain* is"
    yield "without reductions: the graph that SPIN searches, so the states are the same. *Build* is the export,"
    yield "`spin -a` and the compiler; *answer* is all of it, on the clock, from the command on. The rate is by the CPU"
    yield "seconds of the run alone for SPIN, of the whole command for cowcheck. Bytes a state are the most memory that"
    yield "the process held."
    if explored.because:
        yield ""
        yield f"Not measured, because {explored.because}."
        return
    for size, rows in explored.rows:
        yield from _size(size, rows)


def _size(size: Size, rows: tuple[Row, ...]) -> Iterator[str]:
    spin = rows[0]
    yield ""
    yield f"### {size.name[0].upper()}{size.name[1:]} (`{size.design}`, {len(spin.answers)} rounds)"
    yield ""
    yield "| | verdict | states | states/s | bytes a state | build s | answer s | answer, of SPIN's |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        rate = row.states / row.middle("run_cpu_s") if row.middle("run_cpu_s") else 0
        bytes_each = row.middle("peak_bytes") / row.states
        # a small model says nothing of either: the process itself is larger, and has hardly begun
        told = (f"{rate:,.0f}", f"{bytes_each:,.0f}") if size.large else ("", "")
        yield (
            f"| {row.checker} | {row.answers[0].verdict} | {row.states:,} | {told[0]} | {told[1]} | "
            f"{row.middle('build_s'):.2f} | {row.middle('wall_s'):.2f} | "
            f"**{row.middle('wall_s') / spin.middle('wall_s'):.2f}** |"
        )
    unlike = [row.checker for row in rows if row.answers[0].verdict != spin.answers[0].verdict]
    if not size.first_violation:
        unlike += [row.checker for row in rows if "plain" in row.checker and row.states != spin.states]
    if unlike:
        yield ""
        yield f"**Unlike SPIN: {', '.join(unlike)}.**"
