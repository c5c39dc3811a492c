"""A process stores to a page that it no longer shares: its child has come and gone. One hart: no interleaving."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, store, wait

SCENARIO = Scenario(
    name="store-after-wait",
    title="a store to a page that was shared",
    harts=1,
    frames=8,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    wait()
    store(0)
    load(0)


def child() -> None:
    pass
