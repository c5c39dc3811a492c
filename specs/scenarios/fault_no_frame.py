"""Memory is out when both sharers store: whoever gets no page dies, and the other notices nothing."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, store, wait

SCENARIO = Scenario(
    name="fault-no-frame",
    title="a store fault with no frame left",
    harts=2,
    frames=5,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    meet()
    store(0)
    load(0)
    wait()


def child() -> None:
    meet()
    store(0)
    load(0)
