"""How much of a program fits into one ``d_step``: SPIN takes some 2000 statements in one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

MOST_STATEMENTS = 1950
"""SPIN 6.5.2 has room for 2048 labels in a ``d_step`` (MAXDSTEP in its dstep.c), and each statement takes one."""


def statements(lines: Iterable[str], inlines: Mapping[str, int]) -> int:
    """How many statements SPIN makes of lines, within a hundredth; ``inlines`` has the number for each inline."""
    text = re.sub(r"/\*.*?\*/", "", "\n".join(lines), flags=re.DOTALL)
    called = sum(inlines.get(name, 0) for name in re.findall(r"\b(\w+)\(", text))
    return len(re.findall(r";|->|::|\b(?:if|do)\b", text)) + called


def sizes_of_inlines(inlines: Mapping[str, str]) -> dict[str, int]:
    """The number of statements of each inline; one stands after those that it calls."""
    sizes: dict[str, int] = {}
    for name, text in inlines.items():
        sizes[name] = statements(text.splitlines()[1:], sizes)
    return sizes


def most_that_fit(first: int, last: int, part: Callable[[int, int], Iterable[str]], sizes: Mapping[str, int]) -> int:
    """The number up to which the steps from ``first`` on fit into one part; ``first`` where not even that one does."""
    low, high = first, last
    while low < high:
        middle = (low + high + 1) // 2
        if statements(part(first, middle), sizes) <= MOST_STATEMENTS:
            low = middle
        else:
            high = middle - 1
    return low
