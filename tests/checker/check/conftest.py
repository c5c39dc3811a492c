"""Submissions to check: the test kernel with some flags, opened once."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from cowcheck.checker.check.subject import Subject, open_kernel
from tests.kernels.build import build, can_build


@pytest.fixture(scope="module")
def subject_with() -> Iterator[Callable[..., Subject]]:
    """The test kernel with these flags. Each has half a gigabyte, and goes with the last test of a file."""
    if not can_build():
        pytest.skip("ziglang is not installed")

    def opened(*flags: str) -> Subject:
        return open_kernel(build(flags), seed=3)

    kept = cache(opened)
    yield kept
    kept.cache_clear()
    gc.collect()
