"""A check fits into a gigabyte, also where workloads ask for different numbers of harts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels.build import build, can_build

GIB_IN_KIB = 1 << 20
PEAK = (
    "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))); sys.exit(status)"
)
"""Prints the peak of a process's memory; ``ru_maxrss`` is that of the process that it was forked from, if larger."""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="Linux tells of a process's memory there")
@pytest.mark.skipif(not can_build(), reason="ziglang is not installed")
def test_one_rig_at_a_time() -> None:
    """The first has a RAM and a copy of it, which are given back before the second one boots."""
    options = ("--workload", "two-stores", "--workload", "three-children", "--workload", "allocations")
    code = "import sys; from cowcheck.checker import cli; status = cli.main(sys.argv[1:]); " + PEAK
    done = subprocess.run(
        [sys.executable, "-c", code, "check", str(build()), *options], capture_output=True, check=True
    )
    assert int(done.stdout.split()[-1]) < GIB_IN_KIB
