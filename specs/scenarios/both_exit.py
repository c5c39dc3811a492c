"""Both sharers of a page exit at once: it must be freed once, by the last of them."""

from __future__ import annotations

from cowcheck.model.user import Scenario, exit, fork, meet

SCENARIO = Scenario(
    name="both-exit",
    title="both sharers exit at once",
    harts=2,
    frames=8,
    pages=("data", "data"),
)


def parent() -> None:
    fork(child)
    meet()
    exit()


def child() -> None:
    meet()
    exit()
