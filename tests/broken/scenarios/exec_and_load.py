"""A process execs, and looks at what exec has put on its new stack, the last page. Nobody else runs."""

from __future__ import annotations

from cowcheck.model.user import Scenario, exec, load

SCENARIO = Scenario(
    name="exec-and-load",
    title="exec, and a load from the new stack",
    harts=1,
    frames=9,
    pages=("data", "data"),
)


def parent() -> None:
    exec()
    load(0)
    load(1)
