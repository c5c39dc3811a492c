"""Memory is out when wait() is to copy the child's status into a shared page: it fails, and every lock is released."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, wait

SCENARIO = Scenario(
    name="wait-no-frame",
    title="wait() with no frame left",
    harts=2,
    frames=5,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    meet()
    wait(0)
    load(0)


def child() -> None:
    meet()
    load(0)
