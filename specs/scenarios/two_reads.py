"""The kernel writes into a shared page for both sharers at once; a read can be preempted, a page fault cannot."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, meet, read, wait

SCENARIO = Scenario(
    name="two-reads",
    title="two system calls write into a shared page",
    harts=2,
    frames=8,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    meet()
    read(0)
    load(0)
    wait()


def child() -> None:
    meet()
    load(0)
    read(0)
    load(0)
