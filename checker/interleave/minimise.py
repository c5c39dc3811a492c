"""Shortening a schedule that shows a violation: fewer switches, as long as the same is seen."""

from __future__ import annotations

from collections.abc import Callable

from cowcheck.machine.interleave.schedule import Schedule

Shows = Callable[[Schedule], bool]
"""Whether a schedule shows the violation in question."""


def minimised(schedule: Schedule, shows: Shows) -> Schedule:
    """A schedule from which no switch can be left out (Zeller's delta debugging, one switch at a time).

    The first choice, of the hart that begins, is kept.
    """
    kept = schedule
    changed = True
    while changed:
        changed = False
        for at in range(len(kept) - 1, 0, -1):
            shorter = (*kept[:at], *kept[at + 1 :])
            if shows(shorter):
                kept, changed = shorter, True
    return kept
