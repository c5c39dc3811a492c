"""What the observer makes of reports, those of a confused kernel included."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cowcheck.machine.program import Case, Observer, ReportKind, ReportPoint, Step, Watch, Workload
from cowcheck.machine.program.report import FAILS, KILLED, WORKS

K = ReportKind
WORKLOAD = Workload(
    name="small",
    summary="one of each",
    files={},
    points=(
        ReportPoint(index=0, process="p", text="stands"),
        Case(index=1, process="p", text="must work", right=WORKS, reason="so it is", works=(4, 8), fails=(-1, 3)),
        Case(index=2, process="p", text="must not", right=KILLED, reason="it is not the user's", writes=True),
        Watch(index=3, process="q", text="a word", dues=frozenset({7}), reason="its own"),
        Watch(index=4, process="q", text="another", dues=frozenset(), reason="its own", invariant="no-leak"),
        Case(index=5, process="p", text="may fail", right=WORKS | FAILS, reason="memory is out", starved=True),
        Case(index=6, process="r", text="wait()", right=WORKS, reason="so it is", waits=True),
    ),
    harts=1,
    values={7: "seven", 9: "nine"},
    instructions=1,
    steps=tuple(Step(number, f"step {number}") for number in range(4)),
)


def observe(*reports: tuple[int, ...], finish: bool = True) -> Observer:
    observer = Observer(WORKLOAD)
    for kind, *values in reports:
        observer.feed(3, kind, [*values, 0, 0, 2][:4] if len(values) < 4 else values)
    if finish:
        observer.feed(1, K.FINISHED, (0, 0, 0, 1))
    return observer


@pytest.mark.parametrize(
    ("result", "invariant", "seen"),
    [
        (4, "", "works"),
        (8, "", "works"),
        (3, "no-undue-failure", "fails with 3"),
        (2**64 - 1, "no-undue-failure", "fails with -1"),
        (9, "no-undue-failure", "returned 9"),
    ],
)
def test_a_result_is_judged(result: int, invariant: str, seen: str) -> None:
    (outcome,) = observe((K.BEGIN, 1, 0, 0, 2), (K.END, 1, result, 0, 2)).observation().outcomes
    assert (outcome.invariant, outcome.seen, outcome.right) == (invariant, seen, not invariant)
    assert outcome.expected == "works: so it is"


def test_what_should_not_work_and_does_is_a_permission_gained() -> None:
    (outcome,) = observe((K.BEGIN, 2, 0, 0, 2), (K.END, 2, 0, 0, 2)).observation().wrong
    assert outcome.invariant == "no-permission-gained"


def test_silence_after_begin_is_a_kill_once_all_have_ended() -> None:
    seen = observe((K.BEGIN, 2, 0, 0, 2)).observation()
    assert [(outcome.seen, outcome.right) for outcome in seen.outcomes] == [("that process is killed", True)]
    (outcome,) = observe((K.BEGIN, 1, 0, 0, 2)).observation().outcomes
    assert outcome.invariant == "no-undue-failure"


def test_silence_before_the_end_is_no_progress_or_a_panic() -> None:
    observer = observe((K.BEGIN, 1, 0, 0, 2), finish=False)
    assert [outcome.invariant for outcome in observer.observation().wrong] == ["progress"]
    (panicked,) = observer.observation("panic: walk").wrong
    assert panicked.invariant == "kernel-survives"
    assert "panic: walk" in panicked.seen
    assert [outcome.invariant for outcome in observe(finish=False).observation().wrong] == ["progress"]


def test_a_hang_is_blamed_on_who_ran_or_on_who_does_not_wait() -> None:
    observer = Observer(WORKLOAD)
    for pid, point in ((7, 1), (8, 2), (9, 6)):
        observer.feed(pid, K.BEGIN, (point, 0, 0, pid))
    assert [outcome.point.index for outcome in observer.observation().wrong] == [1, 2]
    assert [outcome.point.index for outcome in observer.observation("panic: x", pid=9).wrong] == [6]
    assert [outcome.point.index for outcome in observer.observation("panic: x", pid=3).wrong] == [1, 2]


def test_the_next_operation_of_the_same_number_ends_the_one_before() -> None:
    seen = observe((K.BEGIN, 2, 0, 0, 2), (K.BEGIN, 1, 0, 0, 2), (K.END, 1, 4, 0, 2)).observation()
    assert [str(outcome.seen) for outcome in seen.outcomes] == ["that process is killed", "works"]
    assert seen.wrong == ()


def test_a_word_is_judged_by_its_point_or_by_what_the_report_says_is_due() -> None:
    seen = observe((K.SEEN, 3, 9, 9, 5), (K.SEEN, 3, 7, 0, 5), (K.SEEN, 4, 9, 9, 5), (K.SEEN, 4, 9, 7, 5)).observation()
    assert [outcome.invariant for outcome in seen.outcomes] == ["isolation", "", "", "no-leak"]
    assert seen.outcomes[0].seen == "saw nine"
    assert seen.outcomes[0].expected == "seven: its own"


def test_a_changed_word_is_told_with_the_operation_before_it() -> None:
    (wrong,) = observe((K.BEGIN, 5, 0, 0, 2), (K.END, 5, 0, 0, 2), (K.SEEN, 3, 9, 7, 5)).observation().wrong
    assert wrong.during == "p: may fail"
    assert "(after p: may fail)" in str(wrong)


def test_pressure_is_asked_for_and_told() -> None:
    observer = Observer(WORKLOAD, choose_spare=lambda point, default: default + 2)
    assert observer.feed(1, K.ASK, (0, 1, 0, 0)) == 3
    observer.feed(1, K.BEGIN, (1, 0, 0, 2))
    observer.feed(1, K.END, (1, 0, 0, 2))
    assert observer.observation().outcomes[0].spare == 3
    assert Observer(WORKLOAD).feed(1, K.ASK, (0, 1, 0, 0)) is None


def test_steps_are_skipped() -> None:
    observer = Observer(WORKLOAD, skip={0, 1, 3})
    assert observer.feed(1, K.NEXT, (0, 0, 0, 2)) == 2
    assert observer.step == 2
    assert observer.feed(1, K.NEXT, (0, 3, 0, 2)) == 4
    assert observer.step is None
    assert Observer(WORKLOAD).feed(1, K.NEXT, (0, 2, 0, 2)) is None


def test_frames_are_counted_and_the_step_that_lost_one_is_named() -> None:
    observer = Observer(WORKLOAD)
    observer.feed(1, K.BEFORE, (0, 0, 0, 2), free_frames=100)
    for step, free in enumerate((100, 98, 99, 99)):  # the second is a child that is waited for later
        observer.feed(1, K.NEXT, (0, step, 0, 2), free_frames=free)
        point = (1, 5, 2, 5)[step]
        observer.feed(1, K.BEGIN, (point, 0, 0, 3))
        observer.feed(1, K.END, (point, 4 * (point == 1), 0, 3))
    observer.feed(1, K.AFTER, (0, 0, 0, 2), free_frames=99)
    leaks = [outcome for outcome in observer.observation().wrong if outcome.invariant == "no-leak"]
    assert [outcome.during for outcome in leaks] == ["p: may fail"]


@pytest.mark.parametrize(("free", "invariant"), [(5, ""), (4, "no-leak"), (6, "freed-once")])
def test_the_program_s_own_count_is_judged(free: int, invariant: str) -> None:
    (outcome,) = observe((K.FREE, 0, free, 5, 2)).observation().outcomes
    assert outcome.invariant == invariant


def test_a_copy_goes_its_own_way() -> None:
    observer = observe((K.BEGIN, 1, 0, 0, 2), finish=False)
    other = copy.deepcopy(observer)
    other.feed(1, K.END, (1, 4, 0, 2))
    assert other.observation().outcomes[0].right
    assert not observer.observation().outcomes[0].right


NUMBERS = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 8), st.sampled_from([int(kind) for kind in K]))


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=20), st.booleans())
def test_no_report_confuses_the_observer(reports: list[tuple[int, ...]], panics: bool) -> None:
    observer = Observer(WORKLOAD)
    for kind, *values in reports:
        observer.feed(0, kind, values)
    for outcome in observer.observation("panic: x" if panics else "").outcomes:
        assert str(outcome).isprintable()
        assert bool(outcome.invariant) != outcome.right
