"""The names that a scenario may use: what a user program can ask of the kernel. Declarations only, as in ``language``.

Pages are numbered from 0; the image's kinds are given in ``SCENARIO``. Every ``store`` writes a value of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from cowcheck.model.language import MAXVA

__all__ = [
    "FAR",
    "MAXVA",
    "Scenario",
    "exec",
    "execute",
    "exit",
    "fork",
    "kill",
    "load",
    "meet",
    "read",
    "sbrk",
    "store",
    "wait",
]

FAR = MAXVA - 1
"""A page far from the image: no page-table page exists there."""


class Scenario:
    """``SCENARIO = Scenario(...)``: every argument is a literal. ``frames`` counts all RAM that kalloc may give out."""

    def __init__(
        self, *, name: str, title: str, harts: int, frames: int, pages: tuple[str, ...], leaf_pages: int = 16
    ) -> None: ...


def load(page: int) -> None:
    """Reads the page."""


def store(page: int) -> None:
    """Writes the page."""


def execute(page: int) -> None:
    """Jumps to the page: runs an instruction of it."""


def read(page: int, pages: int = 1) -> None:
    """A system call that makes the kernel write to user memory (copyout)."""


def fork(program: Callable[[], None]) -> None:
    """The child runs ``program``; the parent goes on."""


def wait(page: int = -1) -> None:
    """Waits for a child to end; returns at once where there is none. With a page, the kernel copies the child's status
    there (copyout, under wait_lock and the child's lock)."""


def exit() -> None:
    """Ends the process; every program ends with it anyway."""


def exec() -> None:
    """A fresh image; the program goes on in it."""


def sbrk(pages: int) -> None:
    """Grows or shrinks the process at its end."""


def kill(program: Callable[[], None]) -> None:
    """Asks the kernel to end the process that runs ``program``."""


def meet() -> None:
    """Waits until every live process that is not asleep has come to a ``meet()``. The first one ends the setup: until
    then one process runs at a time, from then on all interleave."""
