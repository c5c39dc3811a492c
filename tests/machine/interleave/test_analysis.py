"""What a log shows, against a slow reference: data races, conflicts, signatures; and the free list, left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.board.state import KERNBASE, PAGE, RAM_BYTES
from cowcheck.machine.interleave.analysis import Analysis, Analyst, Subject
from cowcheck.machine.interleave.state import IS_LOCK, LOGGED, MOST_HOT, STEP, Access

LOAD, STORE, ACQUIRE, RELEASE, FILL = Access.LOAD, Access.STORE, Access.ACQUIRE, Access.RELEASE, Access.FILL
DATA = KERNBASE + 0x1_0000
COUNTS = DATA + 0x1000
HEAD = DATA + 0x2000
LOCKS = DATA + 0x3000
FRAMES_FROM = KERNBASE + 0x20_0000
CODE, ATOMIC_CODE = KERNBASE + 0x100, KERNBASE + 0x800
HARTS = 3


class Row(NamedTuple):
    hart: int
    kind: Access
    object: int
    pc: int = CODE


def load(hart: int, at: int, pc: int = CODE) -> Row:
    return Row(hart, LOAD, at, pc)


def store(hart: int, at: int, pc: int = CODE) -> Row:
    return Row(hart, STORE, at, pc)


def atomic(hart: int, at: int) -> list[Row]:
    return [Row(hart, LOAD, at, ATOMIC_CODE), Row(hart, STORE, at, ATOMIC_CODE)]


def under(lock: int, *rows: Row) -> list[Row]:
    """The rows of one hart with a lock held."""
    hart = rows[0].hart
    return [Row(hart, ACQUIRE, lock), *rows, Row(hart, RELEASE, lock)]


@pytest.fixture(scope="module")
def ram() -> np.ndarray:
    memory = np.zeros(RAM_BYTES, np.uint8)
    memory[ATOMIC_CODE - KERNBASE] = 0x2F  # the opcode of AMO
    return memory


def analysed(ram: np.ndarray, rows: Sequence[Row], starts: Sequence[int] = (0,), plenty: bool = False) -> Analysis:
    """The analysis; steps begin at these rows."""
    subject = Subject(FRAMES_FROM, (DATA, DATA + 0x100), (COUNTS, COUNTS + 0x100), ((HEAD, HEAD + 8),))
    log, steps = np.zeros(len(rows), LOGGED), np.zeros(len(starts), STEP)
    for at, row in enumerate(rows):
        log[at]["hart"], log[at]["kind"], log[at]["object"], log[at]["pc"] = row
    for number, at in enumerate(starts if rows else ()):
        steps[number]["hart"], steps[number]["logged"] = rows[at].hart, at
    return Analyst(ram, subject, np.zeros(MOST_HOT, np.int64), plenty).analyse(steps, log, HARTS)


def ends_alike(ram: np.ndarray, first: Sequence[Row], second: Sequence[Row], plenty: bool = False) -> bool:
    return np.array_equal(
        analysed(ram, first, plenty=plenty).signatures[-1], analysed(ram, second, plenty=plenty).signatures[-1]
    )


# --- data races ---


def test_accesses_that_no_lock_orders_race(ram: np.ndarray) -> None:
    (race,) = analysed(ram, [store(0, COUNTS, CODE), load(1, COUNTS, CODE + 4)]).races
    assert (race.address, race.first_pc, race.second_pc, race.second_writes) == (COUNTS, CODE, CODE + 4, False)


def test_loads_do_not_race(ram: np.ndarray) -> None:
    assert analysed(ram, [load(0, COUNTS), load(1, COUNTS)]).races == ()


def test_one_lock_orders(ram: np.ndarray) -> None:
    assert analysed(ram, [*under(LOCKS, store(0, COUNTS)), *under(LOCKS, store(1, COUNTS))]).races == ()


def test_two_locks_do_not(ram: np.ndarray) -> None:
    assert analysed(ram, [*under(LOCKS, store(0, COUNTS)), *under(LOCKS + 64, store(1, COUNTS))]).races != ()


def test_a_lock_orders_what_came_before_it_was_released(ram: np.ndarray) -> None:
    """Not what came after: a count that is tested when the lock is gone."""
    before = [store(0, COUNTS), *under(LOCKS, load(0, DATA)), *under(LOCKS, load(1, DATA)), store(1, COUNTS)]
    after = [*under(LOCKS, load(0, DATA)), load(0, COUNTS), *under(LOCKS, store(1, COUNTS))]
    assert analysed(ram, before).races == ()
    assert [race.address for race in analysed(ram, after).races] == [COUNTS]


def test_atomic_instructions_order_each_other(ram: np.ndarray) -> None:
    rows = [*atomic(0, COUNTS), *atomic(1, COUNTS)]
    assert analysed(ram, rows).races == ()
    assert analysed(ram, rows).atomics == (COUNTS,)
    assert analysed(ram, [*rows, store(2, COUNTS)]).races != ()


def racing(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Pairs of rows that race, found by the transitive closure of what happens before what."""
    before = [set[int]() for _ in rows]
    for at, row in enumerate(rows):
        for earlier in range(at):
            other = rows[earlier]
            in_order = other.hart == row.hart
            in_order |= other.kind is RELEASE and row.kind is ACQUIRE and other.object == row.object
            if in_order:
                before[at] |= {earlier, *before[earlier]}
    return [
        (one, two)
        for two, row in enumerate(rows)
        for one in range(two)
        if {row.kind, rows[one].kind} <= {LOAD, STORE}
        and STORE in (row.kind, rows[one].kind)
        and row.object == rows[one].object
        and one not in before[two]
    ]


@st.composite
def executions(draw: st.DrawFn) -> list[Row]:
    """Rows of harts that take and release locks as they can."""
    rows: list[Row] = []
    held: dict[int, int] = {}
    for _ in range(draw(st.integers(0, 24))):
        hart = draw(st.integers(0, HARTS - 1))
        kind = draw(st.sampled_from([LOAD, STORE, LOAD, STORE, ACQUIRE, RELEASE]))
        place = draw(st.integers(0, 2))
        if kind in (LOAD, STORE):
            rows.append(Row(hart, kind, (COUNTS, DATA, FRAMES_FROM)[place], CODE + 4 * len(rows)))
        elif kind is ACQUIRE and LOCKS + 64 * place not in held:
            held[LOCKS + 64 * place] = hart
            rows.append(Row(hart, kind, LOCKS + 64 * place))
        elif kind is RELEASE and held.get(LOCKS + 64 * place) == hart:
            del held[LOCKS + 64 * place]
            rows.append(Row(hart, kind, LOCKS + 64 * place))
    return rows


@settings(max_examples=300, deadline=None)
@given(rows=executions())
def test_the_words_that_race_are_those_of_the_reference(ram: np.ndarray, rows: list[Row]) -> None:
    """And what is told of them are races. Not each is told: of a word only its last store is known, as in FastTrack."""
    due = racing(rows)
    found = analysed(ram, rows).races
    assert {race.address for race in found} == {rows[two].object for _, two in due}
    assert {(race.first_pc, race.second_pc) for race in found} <= {(rows[one].pc, rows[two].pc) for one, two in due}


# --- signatures ---


def commute(one: Row, two: Row) -> bool:
    """Whether two rows in a row of different harts can change places."""
    if one.hart == two.hart:
        return False
    if {ACQUIRE, RELEASE} & {one.kind, two.kind}:
        return one.object != two.object
    same = one.object == two.object or (one.object >= FRAMES_FROM and one.object // PAGE == two.object // PAGE)
    return not same or (one.kind is LOAD and two.kind is LOAD)


@settings(max_examples=300, deadline=None)
@given(rows=executions(), draws=st.lists(st.integers(0, 1 << 16), max_size=12))
def test_accesses_that_commute_change_no_signature(ram: np.ndarray, rows: list[Row], draws: list[int]) -> None:
    other = list(rows)
    for draw in draws:
        if len(other) > 1:
            at = draw % (len(other) - 1)
            if commute(other[at], other[at + 1]):
                other[at], other[at + 1] = other[at + 1], other[at]
    assert ends_alike(ram, rows, other)


@settings(max_examples=200, deadline=None)
@given(rows=executions())
def test_accesses_that_conflict_do(ram: np.ndarray, rows: list[Row]) -> None:
    for at in range(len(rows) - 1):
        one, two = rows[at], rows[at + 1]
        if one.hart == two.hart or not {one.kind, two.kind} <= {LOAD, STORE} or commute(one, two):
            continue
        assert not ends_alike(ram, rows, [*rows[:at], two, one, *rows[at + 2 :]])


def test_what_is_done_more_is_another_signature(ram: np.ndarray) -> None:
    rows = [load(0, COUNTS), load(1, COUNTS)]
    assert not ends_alike(ram, rows, [*rows, load(1, COUNTS)])
    assert not ends_alike(ram, rows, [load(0, COUNTS), load(2, COUNTS)])
    assert not ends_alike(ram, rows, [load(0, COUNTS), load(1, COUNTS, CODE + 4)])


def test_signatures_are_of_the_state_before_each_step(ram: np.ndarray) -> None:
    rows = [load(0, COUNTS), store(1, COUNTS), load(0, COUNTS)]
    found = analysed(ram, rows, starts=(0, 1, 2)).signatures
    assert not found[0].any()
    for steps in range(1, 4):
        assert np.array_equal(found[steps], analysed(ram, rows[:steps]).signatures[-1])


# --- conflicts ---


def test_a_step_conflicts_where_two_harts_touch_a_word_and_one_writes(ram: np.ndarray) -> None:
    rows = [load(0, DATA), load(0, COUNTS), load(1, DATA), store(1, COUNTS)]
    found = analysed(ram, rows, starts=(0, 1, 2, 3))
    assert found.conflicts.tolist() == [0, 1, 0, 1]
    assert found.shared == (COUNTS,)


def test_words_that_copy_on_write_is_not_about_do_not_count(ram: np.ndarray) -> None:
    other = DATA + 0x8000
    assert not analysed(ram, [store(0, other), store(1, other)], starts=(0, 1)).conflicts.any()


def test_the_step_that_takes_a_lock_conflicts_with_what_is_done_under_it(ram: np.ndarray) -> None:
    rows = [*under(LOCKS, load(0, DATA), store(0, COUNTS)), *under(LOCKS + 64, load(1, DATA)), load(1, COUNTS)]
    # steps: acquire, the load, the store; acquire of the other lock, and its load; the load of the count
    found = analysed(ram, rows, starts=(0, 1, 2, 4, 7))
    assert found.conflicts.tolist() == [1, 0, 1, 0, 1]


def test_locks_under_which_nothing_conflicts_are_no_points(ram: np.ndarray) -> None:
    rows = [*under(LOCKS, store(0, COUNTS)), *under(LOCKS, store(1, COUNTS))]
    rows += [*under(LOCKS + 64, store(0, DATA)), *under(LOCKS + 64, store(1, DATA + 8))]
    assert analysed(ram, rows).locks == (LOCKS | IS_LOCK,)


# --- the free list ---


def taken(hart: int, lock: int, frame: int) -> list[Row]:
    """kalloc: the head, the link in the page, the head again."""
    return under(lock, load(hart, HEAD), load(hart, FRAMES_FROM + PAGE * frame), store(hart, HEAD))


def test_a_list_with_one_lock_is_left_out_where_there_is_plenty(ram: np.ndarray) -> None:
    one, other = [*taken(0, LOCKS, 1), *taken(1, LOCKS, 2)], [*taken(1, LOCKS, 2), *taken(0, LOCKS, 1)]
    assert ends_alike(ram, one, other, plenty=True)
    assert not ends_alike(ram, one, other, plenty=False)
    assert analysed(ram, one, plenty=True).locks == ()
    assert analysed(ram, one, plenty=False).locks == (LOCKS | IS_LOCK,)


@pytest.mark.parametrize(
    "second", [taken(1, LOCKS + 64, 2), [load(1, HEAD), load(1, FRAMES_FROM + PAGE * 2), store(1, HEAD)]]
)
def test_a_list_without_one_lock_is_not(ram: np.ndarray, second: list[Row]) -> None:
    first = taken(0, LOCKS, 1)
    found = analysed(ram, [*first, *second], starts=(0, len(first)), plenty=True)
    assert found.conflicts.tolist() == [1, 1]
    assert HEAD in found.shared
    assert any(race.address == HEAD for race in found.races)


def test_counts_under_the_lists_lock_are_not_left_out(ram: np.ndarray) -> None:
    rows = [*under(LOCKS, load(0, HEAD), store(0, COUNTS)), *under(LOCKS, load(1, HEAD), store(1, COUNTS))]
    found = analysed(ram, rows, starts=(0, 4), plenty=True)
    assert found.conflicts.tolist() == [1, 1]
    assert found.locks == (LOCKS | IS_LOCK,)


def test_a_page_that_is_filled_is_one_object(ram: np.ndarray) -> None:
    page = FRAMES_FROM + PAGE
    fill, read = Row(0, FILL, page), load(1, page + 8)
    assert not ends_alike(ram, [fill, read], [read, fill])
    assert ends_alike(ram, [fill, load(1, page + PAGE)], [load(1, page + PAGE), fill])


def test_an_analyst_forgets_what_it_has_seen(ram: np.ndarray) -> None:
    subject = Subject(FRAMES_FROM, (DATA, DATA + 8), (COUNTS, COUNTS + 8), ())
    analyst = Analyst(ram, subject, np.zeros(MOST_HOT, np.int64), False)
    log, steps = np.zeros(1, LOGGED), np.zeros(1, STEP)
    log[0]["kind"], log[0]["object"], log[0]["pc"] = STORE, COUNTS, CODE
    for hart in (0, 1, 0):
        log[0]["hart"] = hart
        assert analyst.analyse(steps, log, HARTS).races == ()


def one_after_another(ram: np.ndarray, *logs: Sequence[Row]) -> list[Analysis]:
    """Several logs of one race, each of one step."""
    subject = Subject(FRAMES_FROM, (DATA, DATA + 0x100), (COUNTS, COUNTS + 0x100), ((HEAD, HEAD + 8),))
    analyst = Analyst(ram, subject, np.zeros(MOST_HOT, np.int64), False)
    found = []
    for rows in logs:
        log, steps = np.zeros(len(rows), LOGGED), np.zeros(1, STEP)
        for at, row in enumerate(rows):
            log[at]["hart"], log[at]["kind"], log[at]["object"], log[at]["pc"] = row
        found.append(analyst.analyse(steps, log, HARTS))
    return found


def test_what_conflicted_once_is_looked_at_ever_after(ram: np.ndarray) -> None:
    both, one = [store(0, COUNTS), load(1, COUNTS)], [load(0, COUNTS)]
    alone, _, later = one_after_another(ram, one, both, one)
    assert [alone.conflicts.tolist(), later.conflicts.tolist()] == [[0], [1]]


def test_more_conflicts_are_told_of_when_they_are_new(ram: np.ndarray) -> None:
    one, both = [load(0, COUNTS)], [store(0, COUNTS), load(1, COUNTS)]
    assert [item.grown for item in one_after_another(ram, one, both, both, one)] == [False, True, False, False]


def nest(hart: int, outer: int, inner: int) -> list[Row]:
    """A lock taken under another."""
    return [
        Row(hart, kind, lock) for kind, lock in ((ACQUIRE, outer), (ACQUIRE, inner), (RELEASE, inner), (RELEASE, outer))
    ]


def test_locks_that_are_taken_in_both_orders_conflict(ram: np.ndarray) -> None:
    one, other = nest(0, LOCKS, LOCKS + 8), nest(1, LOCKS + 8, LOCKS)
    first, second, again = one_after_another(ram, one, other, one)
    assert [first.grown, second.grown, again.grown] == [False, True, False]
    assert [first.conflicts.tolist(), again.conflicts.tolist()] == [[0], [1]]


def test_locks_that_are_taken_in_one_order_do_not_conflict(ram: np.ndarray) -> None:
    _, again = one_after_another(ram, *[[*nest(0, LOCKS, LOCKS + 8), *nest(1, LOCKS, LOCKS + 8)]] * 2)
    assert (again.grown, again.conflicts.tolist()) == (False, [0])


def test_a_cycle_of_three_locks_conflicts(ram: np.ndarray) -> None:
    one, two, three = (LOCKS + 8 * number for number in range(3))
    rows = [*nest(0, one, two), *nest(1, two, three), *nest(2, three, one)]
    (found,) = one_after_another(ram, rows)
    assert found.grown
