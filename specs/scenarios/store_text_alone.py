"""A process that has never forked stores to its text: it is killed, and the machine goes on."""

from __future__ import annotations

from cowcheck.model.user import Scenario, execute, load, store

SCENARIO = Scenario(
    name="store-text-alone",
    title="a store to a read-only page that was never shared",
    harts=1,
    frames=6,
    pages=("text", "data"),
)


def parent() -> None:
    load(0)
    execute(0)
    store(1)
    load(1)
    store(0)
