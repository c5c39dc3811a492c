"""From what a user names, a kernel or a tree that holds one, to the bytes of the kernel.

What is named may be anything: a FIFO, on which an open would wait for ever, a device, whose opening may do something,
a link to itself, or a file that grows. So it is asked what it is before it is opened, and again once it is open.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from cowcheck.machine.elf.damage import KernelError

MOST_BYTES = 256 << 20
# Where a tree keeps its kernel: xv6-riscv; its folder kernel/ itself, and layouts without that folder.
KERNELS = ("kernel/kernel", "kernel", "kernel/kernel.elf", "kernel.elf")
_MOST_LISTED = 200  # entries of a folder that are looked at for an xv6 tree inside it
_HOW_TO_BUILD = "build it there with `make TOOLPREFIX=riscv64-unknown-elf- kernel/kernel fs.img`, or give --build"
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


class KernelFile(NamedTuple):
    """A kernel's file: its path as a person would write it, and all its bytes."""

    path: str
    data: bytes


def read_kernel_file(path: Path) -> KernelFile:
    """The bytes of the kernel at ``path``, or in the tree at ``path``. Raises :class:`KernelError`."""
    mode = _mode(path)
    if mode is None:
        raise KernelError(str(path), "there is no such file", "give a kernel (kernel/kernel) or the tree that holds it")
    if not stat.S_ISDIR(mode):
        return KernelFile(str(path), _read(path))
    found = next((path / name for name in KERNELS if _is_candidate(path / name)), None)
    if found is None:
        raise _not_built(path)
    return KernelFile(str(found), _read(found))


def _mode(path: Path) -> int | None:
    """What ``path`` is, links followed; None where nothing is there. Raises :class:`KernelError`."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise KernelError(str(path), f"cannot be looked at ({error.strerror or error})", "give another path") from error
    except ValueError as error:  # a zero byte in the name
        raise KernelError(str(path), f"is no path ({error})", "give another path") from error


def _is_candidate(path: Path) -> bool:
    """Whether a kernel is there. A folder is none: xv6 keeps its sources in a folder called ``kernel``."""
    mode = _mode(path)
    return mode is not None and not stat.S_ISDIR(mode)


def _not_built(tree: Path) -> KernelError:
    """Why a folder holds no kernel: not built, not xv6, or one folder too high."""
    if _is_tree(tree):
        return KernelError(str(tree), "this xv6 tree holds no kernel/kernel: it has not been built", _HOW_TO_BUILD)
    try:
        with os.scandir(tree) as entries:
            inner = sorted(entry.name for entry, _ in zip(entries, range(_MOST_LISTED), strict=False))
    except OSError as error:
        return KernelError(str(tree), f"cannot be listed ({error.strerror or error})", "give another path")
    for name in inner:
        if _is_tree(tree / name):
            return KernelError(str(tree), "holds no kernel/kernel", f"{name}/ in it is an xv6 tree: give {tree / name}")
    return KernelError(str(tree), "holds no kernel/kernel, and is no xv6 tree", "give an xv6 tree, or its kernel")


def _is_tree(folder: Path) -> bool:
    """Whether xv6 is there: kernel/kernel, or a Makefile and proc.c, in kernel/ or not."""
    try:
        sources = any((folder / name).is_file() for name in ("kernel/proc.c", "proc.c"))
        return (sources and (folder / "Makefile").is_file()) or (folder / "kernel/kernel").is_file()
    except OSError:
        return False


def _read(path: Path) -> bytes:
    """All bytes of a regular file, which is never waited for."""
    mode = _mode(path)
    if mode is None:
        raise KernelError(str(path), "is gone since it was found", "run again")
    _refuse_kind(path, mode)
    try:
        # Between the look and the open it may have become a FIFO: O_NONBLOCK opens that too, without a writer.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            _refuse_kind(path, status.st_mode)
            _refuse_size(path, status.st_size)
            data = file.read(MOST_BYTES + 1)  # more than st_size said, where the file grows
    except OSError as error:
        raise KernelError(
            str(path), f"cannot be read ({error.strerror or error})", "make it a readable file"
        ) from error
    _refuse_size(path, len(data))
    return data


def _refuse_kind(path: Path, mode: int) -> None:
    kind = next((words for is_kind, words in _KINDS if is_kind(mode)), None)
    if kind is not None or not stat.S_ISREG(mode):
        raise KernelError(str(path), f"is {kind or 'no regular file'}", "give a kernel (kernel/kernel), a regular file")


def _refuse_size(path: Path, size: int) -> None:
    if size > MOST_BYTES:
        raise KernelError(
            str(path),
            f"has {size >> 20} MiB; an xv6 kernel has less than one, and {MOST_BYTES >> 20} MiB is the most read",
            "give the kernel itself (kernel/kernel), not a disk image",
        )
