"""A process loads from its last page, and gives it back."""

from __future__ import annotations

from cowcheck.model.user import Scenario, load, sbrk

SCENARIO = Scenario(
    name="load-and-give-back",
    title="a load, then sbrk down",
    harts=1,
    frames=6,
    pages=("data", "data"),
)


def parent() -> None:
    load(1)
    sbrk(-1)
