"""Two sharers store to the same page at once: each must end with a page of its own."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, store, wait

SCENARIO = Scenario(
    name="two-stores",
    title="two sharers both store",
    harts=2,
    frames=8,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    meet()
    store(0)
    load(0)
    wait()


def child() -> None:
    meet()
    store(0)
    load(0)
