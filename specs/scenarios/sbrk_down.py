"""Both sharers give back the last page at once, with interrupts on; the other page stays shared."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, sbrk, store, wait

SCENARIO = Scenario(
    name="sbrk-down",
    title="sbrk down on shared pages",
    harts=2,
    frames=10,
    pages=("data", "data"),
)


def parent() -> None:
    fork(child)
    meet()
    sbrk(-1)
    load(0)
    store(0)
    wait()


def child() -> None:
    meet()
    sbrk(-1)
    load(0)
