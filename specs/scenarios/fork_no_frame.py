"""Memory is out before fork begins: it fails, and the parent's memory is as before."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, store, wait

SCENARIO = Scenario(
    name="fork-no-frame",
    title="fork with no frame left",
    harts=1,
    frames=3,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    store(0)
    load(0)
    wait()


def child() -> None:
    store(0)
    load(0)
