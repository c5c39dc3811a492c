"""Both sharers store and one frame is left: one of them may die, the other notices nothing."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, store, wait

SCENARIO = Scenario(
    name="fault-one-frame",
    title="two store faults and one frame left",
    harts=2,
    frames=6,
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
