"""A process gives back its only page, and ends."""

from __future__ import annotations

from cowcheck.model.user import Scenario, sbrk

SCENARIO = Scenario(
    name="shrink-to-nothing",
    title="sbrk down to nothing",
    harts=1,
    frames=5,
    pages=("data",),
)


def parent() -> None:
    sbrk(-1)
