"""Text from outside with nothing in it that a terminal, a log or a page would obey; what every format does first."""

from __future__ import annotations

from cowcheck.checker.printable import printable

MOST_CHARACTERS = 20_000


def in_one_line(text: str) -> str:
    """The text on one line, every character that is not printable escaped."""
    return printable(text)


def in_lines(text: str, most: int = MOST_CHARACTERS) -> str:
    """The text with its line feeds, every other character that is not printable escaped; cut after ``most``."""
    told = "\n".join(printable(line).rstrip() for line in text.split("\n"))
    return told if len(told) <= most else told[:most] + "\n(cut here; --json writes all)"
