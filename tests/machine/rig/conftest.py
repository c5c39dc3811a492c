"""The test kernel, booted: one rig for each number of harts, and one for each variant that is asked for."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from functools import cache

import pytest

from cowcheck.machine.elf import read_kernel
from cowcheck.machine.record.kernel import Kernel, know
from cowcheck.machine.rig import Rig
from tests.kernels.build import build, can_build


@pytest.fixture(scope="session")
def kernel_with() -> Callable[..., Kernel]:
    """The test kernel with these flags."""
    if not can_build():
        pytest.skip("ziglang is not installed")

    def known(*flags: str) -> Kernel:
        return know(read_kernel(build(flags)))

    return cache(known)


@pytest.fixture(scope="module")
def rig_of(kernel_with: Callable[..., Kernel]) -> Iterator[Callable[[int], Rig]]:
    """The right kernel on so many harts; its counts are learned on one. They go with the last test of a file."""

    @cache
    def booted(harts: int) -> Rig:
        counts = None if harts == 1 else booted(1).counts
        return Rig.boot(kernel_with(), harts=harts, seed=5, counts=counts)

    yield booted
    booted.cache_clear()
    gc.collect()


def joined(flags: Iterable[str]) -> str:
    """A name for a set of flags."""
    return "+".join(flags) or "right"
