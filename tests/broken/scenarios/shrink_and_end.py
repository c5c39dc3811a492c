"""Both sharers give back a shared page while no other is free, and nobody asks for one afterwards.

So what is freed stays free, and a free list that is cut short by a double free has nothing behind the cut to lose.
"""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, meet, sbrk

SCENARIO = Scenario(
    name="shrink-and-end",
    title="sbrk down by both sharers, then the end",
    harts=2,
    frames=5,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    meet()
    sbrk(-1)


def child() -> None:
    meet()
    sbrk(-1)
