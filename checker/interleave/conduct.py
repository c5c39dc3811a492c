"""Exploring the races of a submission, one after the other, and running saved schedules again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cowcheck.checker.check.subject import Subject
from cowcheck.checker.interleave.explorer import Explorer
from cowcheck.checker.interleave.plan import InterleaveOptions, Job, explorer_of
from cowcheck.checker.interleave.result import RaceResult


def conduct(
    submission: Subject, jobs: Sequence[Job], options: InterleaveOptions, say: Callable[[str], None]
) -> tuple[RaceResult, ...]:
    """The results, in the order of the jobs. ``say`` is told of the progress."""
    results: list[RaceResult] = []
    kept: Explorer | None = None
    for number, job in enumerate(jobs):
        schedules = sum(result.schedules for result in results)
        say(f"{number} of {len(jobs)} races explored, {schedules:,} schedules: {job.race.name}")
        explorer = explorer_of(submission, options, job.bound)
        if kept is not None:
            explorer.trace = kept.trace
        results.append(explorer.explore(job.race))
        kept = explorer
    return tuple(results)
