"""The kernel writes into a page that is shared (copyout), while the sharer stores to it."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, read, store, wait

SCENARIO = Scenario(
    name="read-shared",
    title="a system call writes into a shared page",
    harts=2,
    frames=8,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    meet()
    read(0)
    load(0)
    wait()


def child() -> None:
    meet()
    load(0)
    store(0)
    load(0)
