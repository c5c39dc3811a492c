"""A process stores to its page, so that its hart remembers the translation, and forks."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, store

SCENARIO = Scenario(
    name="store-and-fork",
    title="a store, then fork",
    harts=1,
    frames=8,
    pages=("data",),
)


def parent() -> None:
    store(0)
    fork(child)
    store(0)


def child() -> None:
    pass
