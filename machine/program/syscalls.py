"""The system calls of xv6 that the programs use: their numbers have not changed since 2019 (kernel/syscall.h)."""

from __future__ import annotations

from enum import IntEnum


class Syscall(IntEnum):
    """Goes into a7. ``SLEEP`` has been called ``pause`` since 2025."""

    FORK = 1
    EXIT = 2
    WAIT = 3
    PIPE = 4
    READ = 5
    KILL = 6
    EXEC = 7
    FSTAT = 8
    SBRK = 12
    SLEEP = 13
    OPEN = 15
    WRITE = 16
    CLOSE = 21


SBRK_EAGER = 1
"""Second argument of sbrk since 2025: pages are there at once. Older kernels do not look at it."""

OPEN_FILES = 16
"""File descriptors of a process (NOFILE)."""

PIPE_BYTES = 512
"""What a pipe holds (PIPESIZE)."""
