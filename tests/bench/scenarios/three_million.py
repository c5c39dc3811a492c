"""Three sharers of two pages store to the first, and one of them to the second: some three million states, plain."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, meet, store

SCENARIO = Scenario(
    name="three-million",
    title="three sharers store, on three harts",
    harts=3,
    frames=17,
    pages=("data", "data"),
)


def parent() -> None:
    fork(first)
    fork(second)
    meet()
    store(0)


def first() -> None:
    meet()
    store(0)
    store(1)


def second() -> None:
    meet()
    store(0)
