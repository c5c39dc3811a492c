"""One command: what it spent, the most memory that it held, and what it printed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes there, KiB on Linux


class Ran(NamedTuple):
    """``output`` is stdout and stderr together; CPU and memory are of the process and of those that it waited for."""

    cpu_s: float
    wall_s: float
    peak_bytes: int
    status: int
    output: str


def ran(command: Sequence[str], folder: Path) -> Ran:
    """Runs a command in a folder to its end."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    cpu = usage.ru_utime + usage.ru_stime
    return Ran(cpu, wall, usage.ru_maxrss * _RSS_UNIT, process.returncode, text)
