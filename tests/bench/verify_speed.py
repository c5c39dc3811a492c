"""How many events a second `verify` handles, on the recording that `cowcheck record` makes of the test kernel."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from cowcheck.checker.verify.trace_file import verify_trace
from tests.kernels.build import build, can_build

ROUNDS = 3


class Verified(NamedTuple):
    """What was measured, or why nothing was."""

    events: int = 0
    file_bytes: int = 0
    seconds: tuple[float, ...] = ()  # of CPU, from opening the file to the verdict
    verdict: str = ""
    because: str = ""


def measure_verify() -> Verified:
    """Records every workload, and verifies that."""
    if not can_build():
        return Verified(because="the test kernel cannot be built: ziglang is not installed")
    with tempfile.TemporaryDirectory() as scratch:
        trace = Path(scratch) / "run.jsonl"
        command = [sys.executable, "-m", "cowcheck.checker", "record", str(build()), "-o", str(trace)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return Verified(because=f"the recording ended with {done.returncode}")
        seconds = []
        for number in range(ROUNDS + 1):
            with trace.open("rb") as file:
                began = time.process_time()
                result = verify_trace(file, "run.jsonl")
                if number:  # the first time loads what is compiled
                    seconds.append(time.process_time() - began)
        return Verified(result.events, trace.stat().st_size, tuple(seconds), str(result.verdict))
