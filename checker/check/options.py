"""The options of ``cowcheck check`` and ``cowcheck record``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cowcheck.checker.verify.result import KernelResult
from cowcheck.machine.machine import BOARD


def _ignored(result: KernelResult) -> None:
    """Nobody wants to hear of a result."""


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """The options as they were given. ``heard`` is told each result."""

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
    heard: Callable[[KernelResult], None] = _ignored
