"""The line on stderr that tells how far an exploration is; there only where stderr is a terminal."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from typing import TextIO

from cowcheck.checker.explore import Progress
from cowcheck.checker.job import Job
from cowcheck.checker.jobs import Running

REDRAW_EVERY_S = 0.1


class ProgressLine:
    """Writes over itself; :meth:`clear` takes it away before anything else is written."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._drawn = float("-inf")
        self.wanted = stream.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, running: Running) -> None:
        """Draws the line anew, if the last time is long enough ago."""
        now = self._clock()
        if now - self._drawn < REDRAW_EVERY_S:
            return
        self._drawn = now
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[K{words(running)[:width]}")
        self._stream.flush()

    def clear(self) -> None:
        """Takes the line away."""
        if self._drawn != float("-inf"):
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def words(running: Running) -> str:
    """The line's text."""
    count = f"{running.done} of {running.total} done" if running.total > 1 else ""
    return " | ".join([*([count] if count else []), *(_job(job, progress) for job, progress in running.jobs)])


def _job(job: Job, progress: Progress) -> str:
    name = f"{job.design} {job.scenario}"
    if not progress.states:
        return name
    rate = progress.states / progress.seconds if progress.seconds else 0.0
    return f"{name}: {progress.states:,} states, depth {progress.depth}, {rate:,.0f}/s, frontier {progress.frontier:,}"
