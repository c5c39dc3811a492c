"""Both sharers of a page exit at once: it must be freed once, by the last of them.

In xv6 since 2021 the reaping parents hold wait_lock, so the two teardowns follow each other; the stores, execs and
sbrks of other scenarios are what a teardown really races with.
"""

from __future__ import annotations

from cowcheck.model.user import Scenario, exit, fork, meet

SCENARIO = Scenario(
    name="both-exit",
    title="both sharers exit at once",
    harts=2,
    frames=8,
    pages=("data", "data"),
)


def parent() -> None:
    fork(child)
    meet()
    exit()


def child() -> None:
    meet()
    exit()
