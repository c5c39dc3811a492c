"""Which violations of several races are told as one: those of one cause, and no others."""

from __future__ import annotations

from dataclasses import replace

from cowcheck.checker.interleave.result import Line, RaceFinding, RaceResult
from cowcheck.checker.interleave.verdict import findings
from cowcheck.checker.verify.finding import Finding, Step

KFREE, LATER, FAULT = "kfree (kernel/kalloc.c:69)", "kfree (kernel/kalloc.c:75)", "cowfault (kernel/vm.c:40)"
READ = "kfree (kernel/kalloc.c:63)"


def violation(invariant: str, place: str, called_at: str = "uvmunmap (kernel/vm.c:9)", text: str = "wrong") -> Finding:
    step = Step(9, 9, 0, 3, "free", place, called_at) if place else None
    return Finding(
        invariant, text, "", 9, 9, 7, (), step, (), (), "", (), "", "", (), 0, (), (), ()
    )  # fmt: skip


def found(finding: Finding, preemptions: int, *windows: str, lines: tuple[Line, ...] = ()) -> RaceFinding:
    return RaceFinding(finding, "store+store", ((0, 0),), preemptions, (), 1, 2, lines, 0, False, windows)


def told(*items: RaceFinding) -> list[RaceFinding]:
    return findings([RaceResult("store+store", 2, findings=(item,)) for item in items])


def test_one_step_that_is_wrong_first_is_one_cause_and_needs_the_fewest_preemptions() -> None:
    worse, better = found(violation("no-leak", FAULT), 2, READ, FAULT), found(violation("no-leak", FAULT), 1, FAULT)
    assert told(worse, better) == [better]


def test_a_window_that_a_longer_schedule_needs_too_is_one_cause_and_all_that_it_breaks_is_told() -> None:
    first = found(violation("no-free-frame-mapped", KFREE), 1, READ)
    other = found(violation("freed-once", LATER), 2, LATER, READ)
    (only,) = told(other, first)
    assert only == replace(first, finding=replace(first.finding, then=("freed-once",)))


def test_another_window_another_function_or_another_caller_is_another_cause() -> None:
    first = found(violation("no-free-frame-mapped", KFREE), 1, READ)
    for other in (
        found(violation("freed-once", LATER), 1, LATER),
        found(violation("freed-once", FAULT), 1, READ),
        found(violation("freed-once", LATER, "copyout (kernel/vm.c:300)"), 1, READ),
        found(violation("no-free-frame-mapped", KFREE, "copyout (kernel/vm.c:300)"), 1, READ),
    ):
        assert told(first, other) == [first, other]


def test_what_needs_no_preemption_explains_no_race() -> None:
    always, race = found(violation("no-leak", KFREE), 0), found(violation("freed-once", LATER), 1, READ)
    assert told(race, always) == [always, race]


def test_where_no_step_is_known_the_words_decide_and_the_locks_that_harts_wait_for() -> None:
    def stuck(pid: int, lock: str) -> RaceFinding:
        line = Line(0, pid, "", f"waits for {lock} for ever", switch=True)
        return found(violation("progress", "", text=f"process {pid} at {pid:#x}"), 1, lines=(line,))

    assert told(stuck(3, "kmem"), stuck(4, "kmem")) == [stuck(3, "kmem")]
    assert told(stuck(3, "kmem"), stuck(4, "kref")) == [stuck(3, "kmem"), stuck(4, "kref")]
