"""A store to the stack's guard page, after a fork, kills the process that does it; a read into it fails."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, read, store, wait

SCENARIO = Scenario(
    name="store-guard",
    title="a store to the guard page",
    harts=2,
    frames=12,
    pages=("guard", "data"),
)


def parent() -> None:
    fork(child)
    meet()
    read(0)
    store(1)
    load(1)
    wait()


def child() -> None:
    meet()
    store(0)
