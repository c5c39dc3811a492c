"""The child execs, which drops every page that it shares, while the parent stores to one."""

from __future__ import annotations

from cowcheck.model.user import Scenario, exec, fork, load, meet, store, wait

SCENARIO = Scenario(
    name="exec-after-fork",
    title="exec after fork",
    harts=2,
    frames=12,
    pages=("data", "data"),
)


def parent() -> None:
    fork(child)
    meet()
    store(0)
    load(0)
    wait()


def child() -> None:
    meet()
    exec()
    load(0)
