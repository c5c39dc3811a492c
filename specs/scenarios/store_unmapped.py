"""Stores, loads and reads where nothing is mapped: the process dies, or the call fails, and the machine goes on."""

from __future__ import annotations

from cowcheck.model.user import FAR, MAXVA, Scenario, fork, load, meet, read, store, wait

SCENARIO = Scenario(
    name="store-unmapped",
    title="stores where nothing is mapped",
    harts=2,
    frames=9,
    pages=("data",),
)


def parent() -> None:
    fork(child)
    meet()
    read(FAR)
    read(MAXVA)
    load(0)
    fork(second)
    wait()
    wait()
    fork(third)
    wait()
    load(0)


def child() -> None:
    meet()
    store(FAR)


def second() -> None:
    store(MAXVA)


def third() -> None:
    load(FAR)
