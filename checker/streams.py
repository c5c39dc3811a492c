"""The standard streams as a command finds them: closed, full, or of an encoding that lacks a character."""

from __future__ import annotations

import contextlib
import errno
import os
import sys

import click

from cowcheck.checker.printable import printable

_CANNOT_WRITE = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT)


def open_closed_streams() -> None:
    """Puts the null device where a standard stream is closed, lest the next file that is opened take its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # in the order of their descriptors
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for the rest of the process
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a design's text in a terminal that cannot show it


def tell(message: str) -> None:
    """A line for the person at the terminal, on stderr; where that is closed or full, nowhere."""
    with contextlib.suppress(OSError):
        click.echo(printable(message), err=True)


def is_of_stdout(error: Exception) -> bool:
    """Whether stdout is full or broken: every file that is written by name has its own error (``output.py``)."""
    return isinstance(error, OSError) and error.filename is None and error.errno in _CANNOT_WRITE


def silence_stdout() -> None:
    """What is still buffered goes nowhere, without a word at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
