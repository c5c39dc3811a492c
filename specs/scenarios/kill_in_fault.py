"""The parent kills the child while it stores to a shared page: it dies at its next return, and leaves nothing
behind."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, kill, load, meet, store, wait

SCENARIO = Scenario(
    name="kill-in-fault",
    title="a kill while the victim is in the fault handler",
    harts=2,
    frames=8,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    meet()
    kill(child)
    store(0)
    load(0)
    wait()


def child() -> None:
    meet()
    store(0)
    load(0)
