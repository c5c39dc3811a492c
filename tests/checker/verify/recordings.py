"""Pieces of recordings made by hand, for tests of what is told of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cowcheck.checker.verify import Finding, KernelResult, Verifier
from cowcheck.machine.record.event import BY, PC, Ending, EventKind

ENGINES = pytest.mark.parametrize("reference", [False, True], ids=["native", "reference"])
COWFAULT, FORK = 0x80000600, 0x80000800
PIPEWRITE, SYS_FORK, KERNELTRAP = 0x80001100, 0x80001200, 0x80001300
STORE_FAULT = 15


def only(result: KernelResult) -> Finding:
    (finding,) = result.findings
    return finding


def place(kernel: Any, pc: int, text: str) -> int:
    kernel.event(EventKind.PLACE, "", pc, kernel.text(text))
    return pc


def at(kernel: Any, pc: int, by: int = 0) -> None:
    """Puts the last event at another instruction."""
    kernel.rows[-1][PC], kernel.rows[-1][BY] = pc, by


def panic(kernel: Any, *calls: int, text: str = "acquire") -> None:
    """The kernel panics with these calls on its stack."""
    for depth, pc in enumerate(calls):
        kernel.event(EventKind.CALL, "", depth)
        at(kernel, pc)
    kernel.event(EventKind.PANIC, "", kernel.text(text))
    at(kernel, calls[0])
    kernel.end(Ending.PANIC, text)


def runs(*kernels: Any) -> KernelResult:
    """The recordings of several kernels as the runs of one."""
    verifier = Verifier(kernels[0].header)
    for number, kernel in enumerate(kernels):
        verifier.begin(f"run {number}")
        verifier.feed(np.array(kernel.rows, np.int64), kernel.texts)
    return verifier.finish()
