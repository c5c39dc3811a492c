"""Reports: of results that were recorded, of explorations, and of texts that would do harm."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cowcheck.checker.formats.case import Report
from cowcheck.checker.formats.of_designs import suites_of_designs
from cowcheck.checker.formats.reading import read_report
from cowcheck.checker.job import Job, run
from cowcheck.checker.result import Result
from cowcheck.checker.verify import KernelResult, Verifier
from tests.checker.verify.conftest import ToyKernel

RESULTS = Path(__file__).parent / "results"


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], Report]:
    """The report of a kernel: ``right``, ``races`` or ``panic``, each of two workloads and two races."""
    return cache(lambda name: read_report(RESULTS / f"{name}.json"))


@pytest.fixture
def document() -> Callable[[str], Any]:
    """The JSON of one, to change."""
    return lambda name: json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def explorations() -> list[Result]:
    """Two designs, a wrong one and the right one, in a scenario each that they know, and one that is not there."""
    jobs = [Job("kref-lock", "two-stores"), Job("kref-lock", "sbrk-down"), Job("kmake-unique", "fault-no-frame")]
    return [run(job) for job in (*jobs, Job("lab-plan", "two-stores"))]


@pytest.fixture(scope="session")
def designs(explorations: list[Result]) -> Report:
    """Their report."""
    return Report("explore", suites_of_designs(explorations))


@pytest.fixture
def toy_runs() -> Callable[..., KernelResult]:
    """The result of several recordings of the toy kernel, each with its bugs, as the runs of one."""

    def verify(*bugs: list[str]) -> KernelResult:
        kernels = [ToyKernel(each).play().end() for each in bugs]
        verifier = Verifier(kernels[0].header)
        for number, kernel in enumerate(kernels):
            verifier.begin(f"run {number}")
            verifier.feed(np.array(kernel.rows, np.int64), kernel.texts)
        return verifier.finish()

    return verify
