"""Memory is out when the kernel is to write into a shared page: the call fails, and the sharer notices nothing."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, read, store, wait

SCENARIO = Scenario(
    name="read-no-frame",
    title="copyout with no frame left",
    harts=2,
    frames=5,
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
