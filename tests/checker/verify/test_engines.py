"""The reference engine and the native one tell the same of every recording, and z3 the same as the compiled judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cowcheck.checker.judge import Judge
from cowcheck.checker.verify.bad_event import BadEvent
from cowcheck.checker.verify.native import Native
from cowcheck.checker.verify.reference import Reference
from cowcheck.checker.verify.scene import Accusation
from cowcheck.checker.verify.verifier import OF_THE_RUN
from cowcheck.machine.record.event import WIDTH, EventKind, ProcessState, Role
from cowcheck.machine.trace.header import Header
from cowcheck.model.sv39 import PTE_COW, PTE_R, PTE_U, PTE_V, PTE_W, PTE_X, make_pte
from cowcheck.model.views import View

Row = list[int]
FIRST, FRAMES, HARTS, PIDS, PAGES = 0x80100, 5, 2, 4, 3
FLAGS = (
    PTE_R | PTE_W | PTE_U,
    PTE_R | PTE_U | PTE_COW,
    PTE_R | PTE_U,
    PTE_R | PTE_X | PTE_U,
    PTE_R | PTE_W,
    PTE_R | PTE_W | PTE_U | 1 << 6,  # the A bit
)
CAUSES = (8, 13, 15, 15, 15, 12, -(1 << 63) + 5)
STATES = (ProcessState.RUNNABLE, ProcessState.RUNNING, *ProcessState)
KINDS = (
    *[EventKind.PTE] * 6,
    *[EventKind.TRAP, EventKind.USER] * 3,
    *[EventKind.LIST, EventKind.COUNT, EventKind.STATE] * 2,
    *(EventKind.RUN, EventKind.OWN, EventKind.ALLOC, EventKind.FREE, EventKind.STORE, EventKind.FENCE),
    *(EventKind.KILLED, EventKind.SIZE),
)
INITIAL = (
    *(EventKind.RUN, EventKind.PTE, EventKind.PTE, EventKind.STATE, EventKind.LIST, EventKind.COUNT),
    *(EventKind.OWN, EventKind.SIZE),
)
HEADERS = [
    Header("random", HARTS, FIRST, FIRST + FRAMES - 1),
    Header("random", HARTS, FIRST, FIRST + FRAMES - 1, counts=None, ownership=False),
]

byte = st.integers(0, 255)
recordings = st.tuples(st.lists(st.tuples(byte, byte, byte, byte, byte), max_size=150), st.sampled_from([0, 0, 8, 20]))


def rows_of(numbers: Sequence[tuple[int, ...]], start: int) -> list[Row]:
    """A recording that does not contradict itself, made from numbers; what it tells need not be what any kernel does.

    The first ``start`` events tell the state in which it starts.
    """
    ptes: dict[tuple[int, int], int] = {}
    rows = []
    for index, (kind, who, one, two, three) in enumerate(numbers):
        initial = index < start
        hart, pid = who % HARTS, (who // HARTS) % (PIDS + 1)
        ppn = FIRST + one % (FRAMES + 1)  # the last one is no frame
        of, vpn = 1 + one % PIDS, two % PAGES
        choice = INITIAL[kind % len(INITIAL)] if initial else KINDS[kind % len(KINDS)]
        fields: tuple[int, ...] = ()
        match choice:
            case EventKind.RUN:
                fields = (one % (PIDS + 1),)
            case EventKind.TRAP:
                stval = (vpn << 12) + three % 3 if three % 9 else -8
                pid, fields = max(pid, 1), (CAUSES[one % len(CAUSES)], stval, 0x40 + three % 2)
            case EventKind.USER:
                pid = max(pid, 1)
            case EventKind.STATE:
                fields = (of, STATES[two % len(STATES)])
                if fields[1] == ProcessState.UNUSED and not initial:
                    ptes = {key: pte for key, pte in ptes.items() if key[0] != of}
            case EventKind.PTE:
                old = ptes.get((of, vpn), 0)
                new = make_pte(FIRST + three % (FRAMES + 1), PTE_V | FLAGS[(three >> 3) % len(FLAGS)])
                if old and three % 4 < 2:
                    new = 0 if three % 4 else old ^ (PTE_W | PTE_COW)
                ptes[of, vpn] = new
                fields = (of, vpn, old, new)
            case EventKind.OWN:
                fields = (ppn, two % len(Role))
            case EventKind.ALLOC:
                fields = (ppn if two % 4 else 0,)
            case EventKind.FREE | EventKind.STORE:
                fields = (ppn,)
            case EventKind.LIST:
                fields = (ppn, 1 if two % 2 else -1)
            case EventKind.COUNT:
                fields = (ppn, 0, two % 4 - 1)
            case EventKind.KILLED:
                fields = (of,)
            case EventKind.SIZE:
                fields = (of, two * 64)
        row = [int(choice), hart, pid, 0 if initial else 0x80000000 + 2 * three, index, *fields]
        rows.append([*row, *[0] * (WIDTH - len(row))])
    return rows


class Told(NamedTuple):
    """All that an engine says of a recording."""

    accusations: list[Accusation]
    judged: Counter[tuple[type[View], View]]
    forks: int
    returns: int
    problem: str


def told(engine: Any, judge: Judge, header: Header, *runs: list[Row], step: int = 1 << 20) -> Told:
    accusations: list[Accusation] = []
    made = engine(header, judge, accusations.append)
    problem = ""
    try:
        for rows in runs:
            made.begin()
            for at in range(0, len(rows), step):
                made.feed(np.array(rows[at : at + step], np.int64).reshape(-1, WIDTH), at + 1)
            made.settle()
    except BadEvent as error:
        problem = str(error)
    judged = Counter({(type(view), view): count for view, count in made.drain()})
    return Told(accusations, judged, made.forks, made.returns, problem)


@settings(max_examples=150, deadline=None)
@given(recordings, st.sampled_from(HEADERS))
@example(([], 0), HEADERS[0])
def test_both_engines_tell_the_same(judge: Judge, recording: tuple[Any, int], header: Header) -> None:
    rows = rows_of(*recording)
    assert told(Native, judge, header, rows) == told(Reference, judge, header, rows)


@settings(max_examples=25, deadline=None)
@given(recordings, recordings, st.integers(1, 7))
def test_pieces_and_earlier_runs_make_no_difference(judge: Judge, one: Any, other: Any, step: int) -> None:
    first, second = rows_of(*one), rows_of(*other)
    together = told(Native, judge, HEADERS[0], first, second, step=step)
    apart = [told(Native, judge, HEADERS[0], rows) for rows in (first, second)]
    assert together.accusations == apart[0].accusations + apart[1].accusations
    assert together.judged == apart[0].judged + apart[1].judged


@settings(max_examples=15, deadline=None)
@given(recordings)
def test_z3_says_what_the_compiled_judge_says(judge: Judge, oracle: Judge, recording: Any) -> None:
    rows = rows_of(*recording)
    ours, theirs = (told(Native, it, HEADERS[0], rows).accusations for it in (judge, oracle))
    assert [(it.number, it.view, it.about) for it in ours] == [(it.number, it.view, it.about) for it in theirs]
    assert [[broken.statement.says for broken in it.broken] for it in ours] == [
        [broken.statement.says for broken in it.broken] for it in theirs
    ]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-3, 30), min_size=WIDTH, max_size=WIDTH))
def test_both_engines_refuse_the_same_rows(judge: Judge, row: Row) -> None:
    kinds = [kind for kind in EventKind if kind not in OF_THE_RUN]
    row[0] = kinds[row[0] % len(kinds)] if row[0] > 0 else row[0]
    native, reference = (told(engine, judge, HEADERS[0], [row]) for engine in (Native, Reference))
    assert (native.problem, native.accusations) == (reference.problem, reference.accusations)


@pytest.mark.parametrize("engine", [Native, Reference])
def test_a_pte_that_contradicts_what_was_recorded_is_the_recordings_fault(engine: Any, judge: Judge) -> None:
    pte = make_pte(FIRST, PTE_V | PTE_R | PTE_U)
    rows = [[int(EventKind.PTE), 0, 1, 8, 0, 1, 2, pte, 0, 0]]
    problem = told(engine, judge, HEADERS[0], [[int(EventKind.STATE), 0, 0, 0, 0, 1, 4, 0, 0, 0], *rows]).problem
    assert problem.startswith(f"event 2: 'old' of a pte event is {pte:#x}, and by the events before it is 0x0; ")


def test_more_mappings_than_any_xv6_has_are_refused(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[int(EventKind.STATE), 0, 0, 0, 0, pid, 3, 0, 0, 0] for pid in range(1, 1100)]
    assert "more processes or pages at once than any xv6 has" in told(Native, judge, HEADERS[0], rows).problem


@pytest.fixture(scope="module")
def oracle() -> Judge:
    return Judge(oracle=True)
