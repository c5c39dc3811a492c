"""The line on stderr that tells how far an exploration is; there only where stderr is a terminal."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from typing import TextIO

from cowcheck.checker.jobs import Running
from cowcheck.checker.printable import printable

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
        if now - self._drawn >= REDRAW_EVERY_S:
            self._draw(words(running), now)

    def say(self, text: str) -> None:
        """Draws the line anew with this text."""
        self._draw(text, self._clock())

    def _draw(self, text: str, now: float) -> None:
        self._drawn = now
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[K{printable(text)[:width]}")
        self._stream.flush()

    def clear(self) -> None:
        """Takes the line away."""
        if self._drawn != float("-inf"):
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def words(running: Running) -> str:
    """The line's text: the numbers of all that run first, so that a narrow terminal cuts off names and no numbers."""
    parts = [f"{running.done} of {running.total} done"] if running.total > 1 else []
    states = sum(progress.states for _, progress in running.jobs)
    if states:
        rate = sum(progress.states / progress.seconds for _, progress in running.jobs if progress.seconds)
        depth = max(progress.depth for _, progress in running.jobs)
        frontier = sum(progress.frontier for _, progress in running.jobs)
        parts.append(f"{states:,} states, depth {depth}, {rate:,.0f}/s, frontier {frontier:,}")
    return ": ".join([*parts, ", ".join(f"{job.design} {job.scenario}" for job, _ in running.jobs)])
