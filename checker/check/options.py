"""The options of ``cowcheck check`` and ``cowcheck record``."""

from __future__ import annotations

from dataclasses import dataclass

from cowcheck.machine.machine import BOARD


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """The options as they were given."""

    kernel: str
    workloads: tuple[str, ...] = ()
    harts: int | None = None
    seed: int = 0
    oracle: str | None = None
    json_file: str | None = None
    report_file: str | None = None
    trace_file: str | None = None
    verify: bool = True
    program: str | None = None  # --run
    build: bool = False
    machine: str = BOARD
    interleave: bool | None = None
    races: tuple[str, ...] = ()
    bound: int = 2
    budget: int | None = None
    strategy: str = "bounding"
    save_file: str | None = None
