"""A process grows, stores to the new page, forks and shrinks again, while the child stores to what it inherited."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, sbrk, store, wait

SCENARIO = Scenario(
    name="sbrk-up-down",
    title="sbrk up and down beside shared pages",
    harts=2,
    frames=11,
    pages=("data",),
)


def parent() -> None:
    sbrk(1)
    store(1)
    fork(child)
    meet()
    sbrk(-1)
    store(0)
    load(0)
    wait()


def child() -> None:
    meet()
    store(1)
    load(1)
