"""Explorations of the test kernel, each made once."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path

import pytest

from cowcheck.checker.check.subject import Subject, open_kernel
from cowcheck.checker.interleave.bounding import Bounding
from cowcheck.checker.interleave.explorer import Explorer
from cowcheck.checker.interleave.plan import InterleaveOptions, explorer_of, race_named
from cowcheck.checker.interleave.result import RaceResult
from tests.kernels.build import build, can_build


@pytest.fixture(scope="session")
def kernel_file() -> Callable[..., Path]:
    """The test kernel with these flags, as a file."""
    if not can_build():
        pytest.skip("ziglang is not installed")
    return cache(lambda *flags: build(flags))


@pytest.fixture(scope="module")
def subject_with(kernel_file: Callable[..., Path]) -> Iterator[Callable[..., Subject]]:
    """The test kernel with these flags, opened once. Each has half a gigabyte; only the last few are kept."""
    kept = lru_cache(4)(lambda *flags: open_kernel(kernel_file(*flags)))
    yield kept
    kept.cache_clear()
    gc.collect()


@pytest.fixture(scope="module")
def explorer_with(subject_with: Callable[..., Subject]) -> Callable[..., Explorer]:
    """What explores it to bound 2."""
    return lru_cache(4)(lambda *flags: explorer_of(subject_with(*flags), InterleaveOptions(), 2))


@pytest.fixture(scope="module")
def explorer_alone(subject_with: Callable[..., Subject]) -> Callable[..., Explorer]:
    """One whose strategy a test may change."""
    return lru_cache(4)(lambda *flags: Explorer(subject_with(*flags), lambda harts: Bounding(harts, 2)))


@pytest.fixture(scope="module")
def explored(explorer_with: Callable[..., Explorer]) -> Callable[..., RaceResult]:
    """``explored("store+store", "BUG_NO_LOCK")``: a race, gone through to bound 2."""
    return cache(lambda race, *flags: explorer_with(*flags).explore(race_named(race)))
