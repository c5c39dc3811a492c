"""A child forks over pages that are COW already, while its parent stores to them: the grandchild shares them too."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, store, wait

SCENARIO = Scenario(
    name="grandchild",
    title="fork again over COW pages",
    harts=2,
    frames=11,
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
    fork(grandchild)
    load(0)
    store(0)
    load(0)
    wait()


def grandchild() -> None:
    load(0)
    store(0)
    load(0)
