"""Memory is out when fork asks for the child's leaf page table: it fails, and the parent goes on."""

from __future__ import annotations

from cowcheck.model.user import Scenario, fork, load, store, wait

SCENARIO = Scenario(
    name="fork-no-page-table",
    title="fork with no frame for a page table",
    harts=1,
    frames=5,
    pages=("data", "data"),
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
