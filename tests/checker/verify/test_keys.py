"""A view and its key are the same thing."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cowcheck.checker.verify.keys import KINDS, MOST, SLICES, pack, unpack
from cowcheck.model.views import FrameView, LoadView, TouchView, View


@st.composite
def views(draw: st.DrawFn) -> View:
    """A view of any kind, with numbers within a key's limits."""
    kind = draw(st.sampled_from(KINDS))
    sorts = get_type_hints(kind)
    values: list[Any] = []
    for name, (_, bits, least) in SLICES[kind].items():
        values.append(draw(st.booleans() if sorts[name] is bool else st.integers(least, least + (1 << bits) - 1)))
    return kind(*values)


@given(views())
def test_a_key_gives_its_view_back(view: View) -> None:
    again = unpack(pack(view))
    assert (type(again), again) == (type(view), view)
    assert [type(value) for value in again] == [type(value) for value in view]
    assert 0 <= pack(view) < 1 << 63


@given(views(), views())
def test_two_views_have_two_keys(one: View, other: View) -> None:
    assert (pack(one) == pack(other)) == ((type(one), one) == (type(other), other))


def test_views_of_two_kinds_that_are_equal_tuples_have_two_keys() -> None:
    assert pack(TouchView(False)) != pack(LoadView(0, 0))


def test_a_number_beyond_the_limits_is_not_packed() -> None:
    with pytest.raises(AssertionError):
        pack(FrameView(True, 0, MOST + 1, 0, 0, 0, 0, 0, True))
