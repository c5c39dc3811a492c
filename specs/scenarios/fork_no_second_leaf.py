"""Memory is out when fork has mapped a page and asks for the next leaf page: it undoes what it did, and goes on."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, store, wait

SCENARIO = Scenario(
    name="fork-no-second-leaf",
    title="fork that fails half way",
    harts=1,
    frames=7,
    pages=("data", "data"),
    leaf_pages=1,
)


def parent() -> None:
    fork(child)
    store(0)
    load(0)
    store(1)
    load(1)
    wait()


def child() -> None:
    store(0)
    load(0)
