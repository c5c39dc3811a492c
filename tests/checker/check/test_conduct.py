"""A workload on a rig: what goes to the consumer, what comes of a kernel that dies on the way, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cowcheck.checker.check.conduct import Listener, conduct, role_of
from cowcheck.checker.check.half_way import NOT_SEEN
from cowcheck.checker.check.plan import plan
from cowcheck.checker.check.subject import Subject
from cowcheck.checker.result import Verdict
from cowcheck.checker.verify.verifier import Verifier
from cowcheck.machine.program.report import Case, ReportKind, ReportPoint
from cowcheck.machine.program.workload import Workload
from cowcheck.machine.record.event import KIND, A, B, C, Came, Ending, EventKind
from cowcheck.machine.rig import Run


class Consumer:
    """Keeps everything, and has it verified."""

    def __init__(self, subject: Subject, harts: int) -> None:
        self.begun: list[str] = []
        self.parts: list[tuple[bytes, tuple[str, ...]]] = []
        self.rows: list[tuple[int, ...]] = []
        self.texts: list[str] = []
        self.verifier = Verifier(subject.header(harts, ""))

    def begin(self, name: str) -> None:
        self.begun.append(name)
        self.verifier.begin(name)

    def take(self, rows: np.ndarray[Any, Any], texts: Sequence[str]) -> None:
        self.parts.append((rows.tobytes(), tuple(texts)))
        for row in rows.tolist():
            self.rows.append(tuple(row))
            if row[KIND] in (EventKind.REPORT, EventKind.OUTCOME, EventKind.NAME):
                self.texts.append(texts[row[A + (row[KIND] == EventKind.NAME)]])
        self.verifier.feed(rows, texts)

    def of(self, kind: EventKind) -> list[tuple[int, ...]]:
        return [row for row in self.rows if row[KIND] == kind]

    def violated(self) -> set[str]:
        return {finding.invariant for finding in self.verifier.finish().findings}


def named(name: str) -> Workload:
    return plan((name,), None).steps[0][0]


def play(subject: Subject, name: str, harts: int = 1) -> tuple[tuple[Run, ...], Consumer]:
    rig = subject.rig(harts)
    consumer = Consumer(subject, harts)
    return conduct(rig, named(name), consumer), consumer


def test_a_right_kernel_passes(subject_with: Callable[..., Subject]) -> None:
    runs, consumer = play(subject_with(), "read-two-pages", 2)
    assert [run.ending for run in runs] == [Ending.DONE]
    assert consumer.begun == ["read-two-pages"]
    assert {row[C] for row in consumer.of(EventKind.OUTCOME)} <= {Came.WORKED, Came.SAW_RIGHT}
    assert consumer.of(EventKind.OUTCOME)
    assert {row[B] for row in consumer.of(EventKind.REPORT)} >= {ReportKind.STARTED, ReportKind.BEGIN, ReportKind.SEEN}
    assert any(text.startswith("operation 3: read() into page") for text in consumer.texts)
    assert {"init", "the parent", "the child"} <= {text for text in consumer.texts if " " not in text[4:]}
    assert not consumer.of(EventKind.NOTE)
    assert consumer.violated() == set()


def test_as_many_frames_are_free_afterwards(subject_with: Callable[..., Subject]) -> None:
    """Every count of free frames but the first has one that is due."""
    _, consumer = play(subject_with(), "sbrk-up-down", 1)
    censuses = consumer.of(EventKind.CENSUS)
    assert censuses[0][B] == -1
    due = [row for row in censuses if row[B] >= 0]
    assert due
    assert all(row[A] == row[B] for row in due)


@pytest.mark.parametrize("harts", [1, 2, 3])
def test_two_runs_are_the_same_to_the_byte(subject_with: Callable[..., Subject], harts: int) -> None:
    first, once = play(subject_with(), "wait-shared", harts)
    play(subject_with(), "store-exit", harts)
    second, again = play(subject_with(), "wait-shared", harts)
    assert first == second
    assert once.parts == again.parts


def test_what_a_user_sees_is_judged(subject_with: Callable[..., Subject]) -> None:
    """A kernel whose copyout writes to a shared page: the other sharer sees it."""
    runs, consumer = play(subject_with("BUG_COPYOUT_WRITES_SHARED"), "wait-shared")
    assert runs[-1].ending is Ending.DONE
    assert Came.SAW_WRONG in {row[C] for row in consumer.of(EventKind.OUTCOME)}
    assert "isolation" in consumer.violated()


def test_a_kind_of_steps_that_stops_the_kernel_is_left_out(
    subject_with: Callable[..., Subject],
) -> None:
    """The rest of the sweep is done all the same, to its end; what was not run is told not to hold."""
    runs, consumer = play(subject_with("BUG_MAXVA_IN_COPYOUT"), "addresses")
    assert {run.ending for run in runs[:-1]} == {Ending.PANIC}
    assert runs[-1].ending is Ending.DONE
    assert consumer.begun[0] == "addresses"
    assert all(name.startswith("addresses, from step ") for name in consumer.begun[1:-1])
    assert len(set(consumer.begun)) == len(consumer.begun) == len(runs) + 1
    assert consumer.rows[-1][A] == Ending.BUDGET
    assert "kernel-survives" in consumer.violated()
    (reason,) = consumer.verifier.incomplete
    for operation in ("read", "fstat", "wait", "pipe"):
        assert f"{operation} at addresses from MAXVA on" in reason
    assert "steps were not run" in reason


def test_a_fork_that_fails_half_way_is_seen(subject_with: Callable[..., Subject]) -> None:
    runs, consumer = play(subject_with(), "allocations-many-pages")
    assert [run.ending for run in runs] == [Ending.DONE]
    assert consumer.begun == ["allocations-many-pages"]
    assert consumer.verifier.finish().verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("flag", "invariant"),
    [
        ("BUG_PAGES_FORGOTTEN", "kernel-survives"),
        ("BUG_REFERENCE_NOT_UNDONE", "refcount-equals-mappings"),
        ("BUG_NOT_UNDONE", "no-undue-failure"),
    ],
)
def test_what_fork_does_not_undo_is_found(flag: str, invariant: str, subject_with: Callable[..., Subject]) -> None:
    """xv6 panics where it frees a page table that still leads to pages (``freewalk: leaf``)."""
    _, consumer = play(subject_with(flag), "allocations-many-pages")
    assert invariant in consumer.violated()


def test_where_no_fork_fails_half_way_that_is_said(subject_with: Callable[..., Subject]) -> None:
    """A workload that is to reach it and does not: here one whose forks have memory."""
    subject = subject_with()
    consumer = Consumer(subject, 1)
    conduct(subject.rig(1), replace(named("both-exit"), forks_half_way=True), consumer)
    assert consumer.begun == ["both-exit", "both-exit, not run"]
    result = consumer.verifier.finish()
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.incomplete == (f"both-exit, not run: {NOT_SEEN}",)


def test_more_sharers_than_a_count_can_count(subject_with: Callable[..., Subject]) -> None:
    """A byte, in a kernel that has room for 300 processes."""
    _, consumer = play(subject_with("BUG_COUNT_8BIT"), "many-sharers")
    assert "refcount-equals-mappings" in consumer.violated()


def test_the_counts_are_learned_once(subject_with: Callable[..., Subject]) -> None:
    subject = subject_with()
    assert subject.rig(2) is subject.rig(2)
    assert subject.rig(1).counts is subject.rig(2).counts is subject.counts


def test_the_header_says_what_was_not_recorded(subject_with: Callable[..., Subject]) -> None:
    subject = subject_with()
    subject.rig(1)
    header = subject.header(2, "two-stores")
    assert (header.machine, header.harts, header.workload, header.ownership) == ("board", 2, "two-stores", True)
    assert header.counts is not None
    assert header.first_ppn == (subject.kernel.layout.end + 4095) // 4096
    eager = subject_with("VARIANT_EAGER_COPY")
    eager.rig(1)
    assert eager.header(1, "").counts is None
    assert "copies each" in eager.header(1, "").no_counts


# --- what is told of a workload ---


@pytest.mark.parametrize(
    ("process", "role"),
    [
        ("process 1 (init)", "init"),
        ("process 3 (the worker)", "the worker"),
        ("process 3 (a child)", "a child"),
        ("process 2 (parent)", "the parent"),
        ("pid 9", "the pid 9"),
    ],
)
def test_what_a_process_is_called(process: str, role: str) -> None:
    assert role_of(ReportPoint(index=0, process=process, text="starts")) == role


def test_operations_of_a_sweep_that_never_began_are_told() -> None:
    """Those of steps that were left out are none of them, nor is what a scenario's process did not come to."""
    sweep = named("addresses")
    cases = [point for point in sweep.points if isinstance(point, Case)]
    listener = Listener(sweep, frozenset({0}))
    assert listener.never_begun([case for case in cases if case.text == sweep.steps[0].text]) == ""
    left = listener.never_begun([case for case in cases if case.text in {step.text for step in sweep.steps[1:6]}])
    assert left.startswith("these operations never began, because what prepares them failed: ")
    assert sweep.steps[1].text in left
    assert left.endswith(" more")
    scenario = named("two-stores")
    assert Listener(scenario, frozenset()).never_begun(cases) == ""
