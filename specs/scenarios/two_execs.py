"""Both sharers exec at once, with interrupts on: each page that they shared must be freed once."""

from __future__ import annotations

from cowcheck.model.user import Scenario, exec, fork, load, meet, wait

SCENARIO = Scenario(
    name="two-execs",
    title="both sharers exec",
    harts=2,
    frames=11,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    meet()
    exec()
    load(0)
    wait()


def child() -> None:
    meet()
    exec()
    load(0)
