"""What a search that was stopped says of its size."""

from __future__ import annotations

from cowcheck.checker.forecast import forecast


def test_growing_levels() -> None:
    told = forecast([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 700])
    assert told == (
        "11 levels; the last whole ones have 32, 64, 128, 256, 512 states; they still grow, by 100.0% each: expect at "
        "least 3,400 states"
    )


def test_shrinking_levels() -> None:
    """512 states and 256, 128, ... to come: 256 * (1/2 + 1/4 + ...) = 256 beside what was found."""
    levels = [1, *(1 << power for power in range(16, 7, -1)), 3]
    found = sum(levels)
    told = forecast(levels)
    assert "they shrink, by 50.0% each" in told
    assert f"expect about {float(f'{found + 256:.1e}'):,.0f} states" in told


def test_few_levels_tell_nothing() -> None:
    assert forecast([]) == ""
    assert forecast([1, 1, 1]) == ""
