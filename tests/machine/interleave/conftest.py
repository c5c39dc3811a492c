"""The test kernel where the processes of a race are about to meet."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import pytest

from cowcheck.checker.check.conduct import Listener
from cowcheck.checker.check.subject import Subject, open_kernel
from cowcheck.machine.interleave.interleaver import Interleaver
from cowcheck.machine.program.scenario_program import scenario_workload
from cowcheck.machine.record.event_buffer import Rows
from cowcheck.machine.rig import Rig
from cowcheck.specs.races import Race
from tests.kernels.build import build, can_build


class Meeting(NamedTuple):
    """A race at its gates."""

    interleaver: Interleaver
    subject: Subject
    listener: Listener

    def address_of(self, name: str) -> int:
        """The address of a variable of the kernel."""
        return next(item.address for item in self.subject.kernel.elf.debug.variables if item.name == name)

    def place(self, pc: int) -> str:
        return self.subject.kernel.place(pc).split(" ")[0]


@pytest.fixture(scope="module")
def opened() -> Iterator[Callable[..., Subject]]:
    """The test kernel with these flags. Each has half a gigabyte; only the last few are kept."""
    if not can_build():
        pytest.skip("ziglang is not installed")
    kept = lru_cache(4)(lambda *flags: open_kernel(build(flags), seed=3))
    yield kept
    kept.cache_clear()
    gc.collect()


@pytest.fixture(scope="module")
def meet(opened: Callable[..., Subject]) -> Callable[..., Meeting]:
    """``meet("store", "exit", flags=("BUG_NO_LOCK",))``: set up, and nothing is a preemption point."""

    def met(*operations: str, flags: tuple[str, ...] = (), spare: int | None = None) -> Meeting:
        subject = opened(*flags)
        rig = subject.rig(len(operations))
        assert isinstance(rig, Rig)
        interleaver = Interleaver.of(rig)
        workload = scenario_workload(Race(operations, spare).scenario(), spare, cached=True)
        listener = Listener(workload, frozenset())

        def take(rows: Rows, texts: Sequence[str]) -> None:
            pass

        assert interleaver.set_up(workload, take, listener.hear) == ""
        interleaver.cool(False)
        return Meeting(interleaver, subject, listener)

    return met
