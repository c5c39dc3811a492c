"""Text is read-only and shared: a store to it kills the process, before and after a fork, and so a read into it
fails."""

from __future__ import annotations

from cowcheck.model.user import Scenario, execute, fork, load, meet, read, store, wait

SCENARIO = Scenario(
    name="store-text",
    title="a store to a read-only page that is shared",
    harts=2,
    frames=12,
    pages=("text", "data"),
)


def parent() -> None:
    fork(child)
    meet()
    read(0)
    load(0)
    fork(second)
    wait()
    wait()
    load(0)


def child() -> None:
    meet()
    execute(0)
    store(0)
    load(0)


def second() -> None:
    store(0)
