"""The memory that this process holds, now and at most.

The system's peak (``getrusage``) is that of a process's whole life: in a worker that explores one subject after
another it would charge the small ones with the largest before them. Linux lets a process restart its peak
(``/proc/self/clear_refs``, proc(5)); where that cannot be done, each exploration gets a process of its own
(``checker/jobs.py``).
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_PROC = Path("/proc/self")


def rss_bytes() -> int:
    """What this process holds now; where the system does not say, the most that it has held."""
    try:
        return int((_PROC / "statm").read_bytes().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return peak_rss_bytes()


def peak_rss_bytes() -> int:
    """The most that this process has held, since :func:`restart_peak` where that works."""
    try:
        for line in (_PROC / "status").read_bytes().splitlines():
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def restart_peak() -> bool:
    """Counts the peak from now on; false where the system cannot."""
    try:
        (_PROC / "clear_refs").write_bytes(b"5")
    except OSError:
        return False
    return peak_rss_bytes() <= rss_bytes() + (1 << 20)
