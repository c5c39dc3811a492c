"""One sharer stores while the other exits and is reaped: the last owner may keep the page, and nobody may lose it."""

from __future__ import annotations

from cowcheck.model.user import Scenario, exit, fork, load, meet, store

SCENARIO = Scenario(
    name="store-exit",
    title="a store against an exit",
    harts=2,
    frames=8,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    meet()
    exit()


def child() -> None:
    meet()
    store(0)
    load(0)
