"""What a search that was stopped says of its size: the states of its last levels, and how many there may be.

A level is the states at one depth. Levels grow, and from some depth on they shrink to nothing. While they still grow,
as many states again as were found are to be expected at least; once they shrink, the sum of the levels to come, if each
is as much smaller than the one before as the last ones were. It is an estimate: levels may grow again.
"""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = 5  # levels
_SPAN = 8  # levels that the growth is measured over


def forecast(levels: Sequence[int]) -> str:
    """The sentence; empty where there are too few levels to say anything."""
    whole = levels[:-1]  # the last one is not complete
    if len(whole) <= _SPAN:
        return ""
    told = ", ".join(f"{count:,}" for count in whole[-SHOWN:])
    growth = (whole[-1] / whole[-1 - _SPAN]) ** (1 / _SPAN)
    found = sum(levels)
    if growth >= 1:
        left = f"they still grow, by {growth - 1:.1%} each: expect at least {_rounded(2 * found)} states"
    else:
        expected = found + whole[-1] * growth / (1 - growth)
        left = f"they shrink, by {1 - growth:.1%} each: expect about {_rounded(expected)} states"
    return f"{len(levels)} levels; the last whole ones have {told} states; {left}"


def _rounded(number: float) -> str:
    """Two digits: it is an estimate."""
    return f"{float(f'{number:.1e}'):,.0f}"
