"""The one family of errors that bad input raises: each says the place and the remedy.

A finding about a subject is never an exception (it is a value, see ``cowcheck.checker.result``); an inner promise
that is broken is an ``assert``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class CowcheckError(Exception):
    """Bad input or usage: the message is for the person who gave it, and the exit status is 2."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a source text: of a design, of a scenario, of the base kernel.

    ``file`` is the path as the user gave it, or the path below the package for files that cowcheck ships.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class SourceError(CowcheckError):
    """A design or scenario file that breaks the rules of its language: ``file:line: what is wrong; remedy``."""

    def __init__(self, place: Place, problem: str, remedy: str) -> None:
        super().__init__(f"{place}: {problem}; {remedy}")
        self.place = place
        self.problem = problem
        self.remedy = remedy


def read_text(path: Path) -> str:
    """The text of a file that the user named. Raises :class:`CowcheckError` where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CowcheckError(f"{path}: not a UTF-8 text ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise CowcheckError(f"{path}: cannot be read ({error.strerror or error})") from error
