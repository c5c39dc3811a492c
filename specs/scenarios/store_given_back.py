"""A store and a read into a page that was given back: its leaf page is there, its entry is not valid."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, read, sbrk, store, wait

SCENARIO = Scenario(
    name="store-given-back",
    title="a store to a page that was given back",
    harts=2,
    frames=9,
    pages=("data", "data"),
)


def parent() -> None:
    fork(child)
    meet()
    sbrk(-1)
    read(1)
    load(0)
    wait()
    store(1)


def child() -> None:
    meet()
    load(1)
    sbrk(-1)
    store(1)
