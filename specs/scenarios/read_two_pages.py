"""The kernel writes over a page boundary, into two shared pages, while the sharer stores to the second."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, read, store, wait

SCENARIO = Scenario(
    name="read-two-pages",
    title="a system call that spans two pages",
    harts=2,
    frames=11,
    pages=("data", "data"),
)


def parent() -> None:
    fork(child)
    meet()
    read(0, 2)
    load(0)
    load(1)
    wait()


def child() -> None:
    meet()
    load(1)
    store(1)
    load(0)
    load(1)
