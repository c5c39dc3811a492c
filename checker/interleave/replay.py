"""``cowcheck replay`` of schedules of a kernel: the same steps on the same kernel, to the same state and violation."""

from __future__ import annotations

import sys
from pathlib import Path

from cowcheck.checker.check.subject import open_kernel
from cowcheck.checker.console import Stdout
from cowcheck.checker.exit_status import ExitStatus
from cowcheck.checker.interleave.decision_trace import render
from cowcheck.checker.interleave.explorer import Replayed
from cowcheck.checker.interleave.plan import InterleaveOptions, explorer_of, race_named
from cowcheck.checker.interleave.report import in_lines, titles_of
from cowcheck.checker.interleave.saved import SavedSchedule, read_schedules
from cowcheck.checker.printable import printable
from cowcheck.model.errors import CowcheckError

MOST_WIDTH = 100


def replay_schedules(file: Path, number: int | None, kernel: str | None, step: bool) -> ExitStatus:
    """Replays one schedule or all. Raises :class:`CowcheckError` where one is not what it was."""
    saved = read_schedules(file)
    items = saved.schedules
    if not items:
        raise CowcheckError(f"{file}: it holds no schedule: the check that wrote it found no violation")
    if number is not None and not 1 <= number <= len(items):
        raise CowcheckError(f"--number {number}: {file} holds {len(items)}; give a number from 1 to {len(items)}")
    subject = open_kernel(kernel or saved.kernel)
    if subject.kernel.elf.build_id != saved.build_id:
        raise CowcheckError(
            f"{file} is of another kernel than {kernel or saved.kernel} is now (build id {saved.build_id}, and not "
            f"{subject.kernel.elf.build_id}): name the kernel that it is of with --kernel, or check this one anew"
        )
    explorer = explorer_of(subject, InterleaveOptions(), 0)
    for index, item in enumerate(items, start=1):
        if number in (None, index):
            replayed = explorer.replay(race_named(item.race), item.schedule, item.points, everything=step)
            _tell(f"{file}: schedule {index}", item, replayed, step)
    return ExitStatus.VIOLATION


def _tell(where: str, item: SavedSchedule, replayed: Replayed, step: bool) -> None:
    if replayed.state != item.state:
        raise CowcheckError(
            f"{where}: it led to another state than when it was saved ({replayed.state:016x}, and not "
            f"{item.state:016x}); check the kernel anew"
        )
    if item.invariant not in replayed.violated:
        raise CowcheckError(f"{where}: {item.invariant} is not violated this time; check the kernel anew")
    console = Stdout()
    width = min(max(console.width, 60), MOST_WIDTH)
    steps = len(replayed.execution.steps)
    told = [
        f"Replayed {steps} steps of {item.race}: {item.invariant} is violated again.",
        *in_lines(item.message, width),
    ]
    lines = render(replayed.lines, replayed.harts, width, titles_of(replayed.lines))
    for line in (*told, ""):
        console.print(printable(line), soft_wrap=True, markup=False, highlight=False)
    waits = step and sys.stdin.isatty() and console.is_terminal
    for line in lines:
        console.print(printable(line), soft_wrap=True, markup=False, highlight=False)
        if waits and sys.stdin.readline() == "":
            waits = False
    console.print()
