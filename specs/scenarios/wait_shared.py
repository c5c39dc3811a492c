"""wait() copies the child's status into a shared page, under wait_lock and the child's lock; a sharer stores to it."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, store, wait

SCENARIO = Scenario(
    name="wait-shared",
    title="wait() writes the status into a shared page",
    harts=2,
    frames=10,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    fork(sharer)
    meet()
    wait(0)
    load(0)
    wait()
    load(0)


def child() -> None:
    meet()


def sharer() -> None:
    meet()
    load(0)
    store(0)
    load(0)
