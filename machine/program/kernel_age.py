"""What xv6 itself could not do in earlier years, so that a submission is not blamed for the kernel it started from.

Until August 2020 ``fork`` and ``exec`` panicked where no frame was left for a page table (``uvmcreate: out of
memory``; xv6 commits bc51626 to 8dc71a2 mended it). A kernel that still has the words is of that age.
"""

from __future__ import annotations

from cowcheck.machine.program.workload import Workload

FORK_WITHOUT_MEMORY = "fork and exec survive that memory is out"

_SIGNS = {FORK_WITHOUT_MEMORY: b"uvmcreate: out of memory"}


def inabilities(kernel: bytes) -> frozenset[str]:
    """What a kernel, given as its ELF file, cannot be asked for."""
    return frozenset(ability for ability, sign in _SIGNS.items() if sign in kernel)


def steps_beyond(workload: Workload, kernel: bytes) -> frozenset[int]:
    """The steps of a workload that the kernel is too old for: they are to be skipped."""
    lacking = inabilities(kernel)
    return frozenset(step.number for step in workload.steps if step.needs in lacking)
