"""Schedules lose the switches that they do not need."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cowcheck.checker.interleave.minimise import minimised
from cowcheck.machine.interleave.schedule import Schedule

SCHEDULE: Schedule = ((0, 0), (3, 1), (5, 0), (9, 2), (12, 1))


@given(needed=st.sets(st.sampled_from(SCHEDULE[1:])))
def test_what_is_needed_is_what_is_left(needed: set[tuple[int, int]]) -> None:
    assert minimised(SCHEDULE, lambda it: needed <= set(it)) == tuple(
        switch for switch in SCHEDULE if switch in needed or switch == SCHEDULE[0]
    )


@given(kept=st.sets(st.integers(1, 4)), pairs=st.booleans())
def test_no_single_switch_can_go(kept: set[int], pairs: bool) -> None:
    """Whatever is asked for; here some switches, or an even number."""

    def shows(it: Schedule) -> bool:
        return {SCHEDULE[at] for at in kept} <= set(it) and (not pairs or len(it) % 2 == 1)

    if shows(SCHEDULE):
        found = minimised(SCHEDULE, shows)
        assert shows(found)
        assert not any(shows((*found[:at], *found[at + 1 :])) for at in range(1, len(found)))


def test_the_first_choice_is_kept() -> None:
    assert minimised(SCHEDULE, lambda it: True) == SCHEDULE[:1]
