"""Three sharers of two pages store to both and load what they stored: some eight million states, plain."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, store

SCENARIO = Scenario(
    name="eight-million",
    title="three sharers store and load, on two harts",
    harts=2,
    frames=17,
    pages=("data", "data"),
)


def parent() -> None:
    fork(first)
    fork(second)
    meet()
    store(0)
    load(0)
    load(1)
    load(0)


def first() -> None:
    meet()
    store(0)
    load(0)
    store(1)
    load(1)
    load(0)


def second() -> None:
    meet()
    store(0)
    load(0)
    store(1)
    load(1)
    load(0)
    load(1)
