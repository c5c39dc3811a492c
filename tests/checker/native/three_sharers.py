"""Three sharers who store and read on two pages: millions of states without symmetry, some 90,000 with."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, read, store, wait

SCENARIO = Scenario(
    name="three-sharers", title="three sharers store and read on two pages", harts=3, frames=20, pages=("data", "data")
)


def parent() -> None:
    fork(first)
    fork(second)
    meet()
    store(0)
    read(1)
    load(0)
    wait()


def first() -> None:
    meet()
    store(0)
    read(1)
    load(0)


def second() -> None:
    meet()
    read(0)
    store(1)
