"""Three children store to a page that they share, as cowtest's three does; then they end, and their parent reaps them.

The parent stores first, so the page is left to the children: the last of them may keep it. They meet before they end,
so the stores interleave with each other, and the ends with each other.
"""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, store, wait

SCENARIO = Scenario(
    name="three-children",
    title="three children store (cowtest's three)",
    harts=3,
    frames=13,
    pages=("data",),
)


def parent() -> None:
    fork(first)
    fork(second)
    fork(third)
    store(0)
    meet()
    meet()
    wait()
    wait()
    wait()
    load(0)


def first() -> None:
    meet()
    store(0)
    load(0)
    meet()


def second() -> None:
    meet()
    store(0)
    load(0)
    meet()


def third() -> None:
    meet()
    store(0)
    load(0)
    meet()
