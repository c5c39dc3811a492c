"""A process loads from a page that it shares, and then stores to it, while the other sharer waits."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, store, wait

SCENARIO = Scenario(
    name="load-store-shared",
    title="a load and a store to a shared page",
    harts=2,
    frames=8,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    load(0)
    store(0)
    load(0)
    meet()
    wait()


def child() -> None:
    meet()
    load(0)
