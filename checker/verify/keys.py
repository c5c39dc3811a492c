"""A view as a 64-bit number and back, so that compiled code can look up what was decided of it.

Counts are clipped (:data:`MOST`), reference counts to one bit more, on both sides of 0: xv6 has 64 processes, and no
two numbers that are both clipped are called different. What a key stands for is decided once, by the judge
(``checker/judge.py``); nothing here knows an invariant.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, get_type_hints

from cowcheck.model.views import (
    FrameView,
    LoadView,
    MappingView,
    OperationView,
    SystemView,
    TouchView,
    TranslationView,
    View,
)

COUNT_BITS = 12
MOST = (1 << COUNT_BITS) - 1
LEAST_REFS, MOST_REFS = -MOST - 1, MOST
MOST_FREE = 2  # "more than once"
MOST_HELD = 3
KIND_AT = 60

KINDS: tuple[type[View], ...] = (
    FrameView,
    MappingView,
    TranslationView,
    LoadView,
    TouchView,
    OperationView,
    SystemView,
)


class Slice(NamedTuple):
    """Where a field stands in a key: its lowest bit, its width, and the value that is kept as 0."""

    at: int
    bits: int
    least: int


_WIDTHS = {
    "refs": (COUNT_BITS + 1, LEAST_REFS),
    "free": (2, 0),
    "held": (2, 0),
    "owned": (2, 0),
    "seen": (1, 0),
    "due": (1, 0),
}


def _slices(kind: type[View]) -> dict[str, Slice]:
    at, slices = 0, {}
    for name, sort in get_type_hints(kind).items():
        bits, least = (1, 0) if sort is bool else _WIDTHS.get(name, (COUNT_BITS, 0))
        slices[name] = Slice(at, bits, least)
        at += bits
    assert at <= KIND_AT
    return slices


SLICES = {kind: _slices(kind) for kind in KINDS}
_SORTS = {kind: get_type_hints(kind) for kind in KINDS}


def pack(view: View) -> int:
    """The key of a view whose numbers are within the limits."""
    key = KINDS.index(type(view)) << KIND_AT
    for value, (at, bits, least) in zip(view, SLICES[type(view)].values(), strict=True):
        number = int(value) - least
        assert 0 <= number < 1 << bits, view
        key |= number << at
    return key


@lru_cache(1 << 12)  # a kernel with a bug may break the same statements 100,000 times
def unpack(key: int) -> View:
    """The view of a key."""
    kind = KINDS[key >> KIND_AT]
    sorts = _SORTS[kind]
    values = (
        (key >> at & (1 << bits) - 1) + least if sorts[name] is int else bool(key >> at & 1)
        for name, (at, bits, least) in SLICES[kind].items()
    )
    return kind(*values)  # type: ignore[arg-type] # as their annotations say
