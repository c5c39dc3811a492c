"""What is wrong with a kernel file, said in one way: the path, the reason, the remedy.

An ELF file is untrusted input, and the libraries that take it apart answer damage with whatever they stumble over:
their own errors, KeyError, AssertionError, OverflowError, MemoryError. Every one of them means the same to a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cowcheck.machine.elf.names import shown
from cowcheck.model.errors import CowcheckError

BUILD_AGAIN = "build it again: `make clean`, then `make kernel/kernel`"
_LONGEST = 120  # characters of a library's own words


class KernelError(CowcheckError):
    """A kernel file that cannot be used: ``path: what is wrong; remedy``."""

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        super().__init__(f"{shown(path)}: {shown(problem)}; {shown(remedy)}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


@contextmanager
def damage_in(path: str, part: str) -> Iterator[None]:
    """Whatever goes wrong inside means that ``part`` of the file is damaged, and is raised as :class:`KernelError`."""
    try:
        yield
    except CowcheckError:
        raise
    except Exception as error:
        words = " ".join(str(error).split())[:_LONGEST]
        reason = f"{type(error).__name__}: {words}" if words else type(error).__name__
        raise KernelError(path, f"{part} cannot be read, so the file is damaged ({reason})", BUILD_AGAIN) from error


class Budget:
    """The most work that one part of a file may cost, in units of about a microsecond.

    A few bytes can ask for years: tables that refer to each other, a list as long as 64 bits can count. What a real
    kernel needs is far below the limit, so whoever meets it was given a file that no compiler made.
    """

    def __init__(self, path: str, part: str, most: int) -> None:
        self._path = path
        self._part = part
        self._left = most

    def spend(self, units: int) -> None:
        """Raises :class:`KernelError` once the sum of all that was spent exceeds the limit."""
        self._left -= units
        if self._left < 0:
            raise KernelError(self._path, f"{self._part} is far larger than any xv6 kernel's", BUILD_AGAIN)
