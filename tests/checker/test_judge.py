"""The judge says what z3 says, asks each question once, and tells it to a person."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.checker import judge as judge_module
from cowcheck.checker.judge import Broken, Judge, message
from cowcheck.model.views import FrameView, LoadView, MappingView, SystemView, TouchView, View
from cowcheck.specs.invariants import INVARIANTS, find_invariant, find_invariants
from cowcheck.specs.statement import symbolic

VIEWS: tuple[type[View], ...] = get_args(View)
STATEMENTS = [Broken(invariant.name, statement) for invariant in INVARIANTS for statement in invariant.statements]

SHARED_AND_FREE = FrameView(
    counted=True, refs=1, mappings=2, visible=2, writers=1, free=1, held=0, owned=0, quiescent=True
)


def views(kind: type[View]) -> st.SearchStrategy[View]:
    by_annotation: dict[type, st.SearchStrategy[int]] = {int: st.integers(-2, 5), bool: st.booleans()}
    return st.builds(kind, **{name: by_annotation[hint] for name, hint in get_type_hints(kind).items()})


COMPILED = Judge()
ORACLE = Judge(oracle=True)


@settings(max_examples=400, deadline=None)
@given(st.one_of([views(kind) for kind in VIEWS]))
def test_the_compiled_form_and_z3_give_the_same_verdict_on_every_statement(view: View) -> None:
    assert COMPILED.broken(view) == ORACLE.broken(view)


@pytest.mark.parametrize("judge", [COMPILED, ORACLE], ids=["compiled", "oracle"])
@pytest.mark.parametrize("broken", STATEMENTS, ids=lambda it: it.invariant)
def test_a_view_that_z3_finds_to_break_a_statement_is_judged_to(broken: Broken, judge: Judge) -> None:
    statement = broken.statement
    solver = z3.Solver()
    solver.add(z3.Not(statement.holds))
    assert solver.check() == z3.sat
    model = solver.model()
    values = []
    for variable in symbolic(statement.view):
        value = model.eval(variable, model_completion=True)
        values.append(z3.is_true(value) if z3.is_bool(variable) else value.as_long())
    assert broken in judge.broken(statement.view(*values))


@pytest.mark.parametrize("judge", [COMPILED, ORACLE], ids=["compiled", "oracle"])
def test_the_broken_statements_come_in_the_invariants_order(judge: Judge) -> None:
    names = [broken.invariant for broken in judge.broken(SHARED_AND_FREE)]
    assert names == ["refcount-equals-mappings", "no-writable-shared-frame", "no-free-frame-mapped"]


@pytest.mark.parametrize("judge", [COMPILED, ORACLE], ids=["compiled", "oracle"])
def test_where_all_holds_the_tuple_is_empty(judge: Judge) -> None:
    assert judge.broken(LoadView(seen=1, due=1)) == ()


def test_views_of_two_kinds_that_are_equal_as_tuples_are_judged_apart() -> None:
    load, system = LoadView(seen=1, due=1), SystemView(panicked=True, end_reachable=True)
    assert tuple(load) == tuple(system)
    judge = Judge()
    assert not judge.broken(load)
    assert [broken.invariant for broken in judge.broken(system)] == ["kernel-survives"]


@pytest.mark.parametrize("oracle", [False, True])
def test_a_view_is_decided_once(oracle: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(oracle)
    table = judge.table(FrameView)
    first = table[SHARED_AND_FREE]
    monkeypatch.setattr(type(table), "decide", None)  # would raise
    assert table[FrameView(*SHARED_AND_FREE)] is first
    assert judge.broken(SHARED_AND_FREE) is first
    assert judge.table(FrameView) is table


def test_the_oracle_never_asks_the_compiled_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_module, "compile_predicate", None)
    assert Judge(oracle=True).broken(TouchView(free=True))
    with pytest.raises(TypeError):
        Judge().broken(TouchView(free=True))


def test_the_compiled_form_never_asks_z3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(z3, "Solver", None)
    assert Judge().broken(TouchView(free=True))


def test_the_oracle_owns_up_when_z3_cannot_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(z3.Solver, "check", lambda self: z3.unknown)
    with pytest.raises(AssertionError, match="z3 cannot decide"):
        Judge(oracle=True).broken(TouchView(free=True))


def test_a_table_that_is_full_starts_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_module, "MOST_VIEWS", 3)
    table = Judge().table(LoadView)
    for token in range(10):
        assert bool(table[LoadView(seen=token, due=5)]) == (token != 5)
        assert len(table) <= 3


def test_only_the_invariants_asked_for_are_judged() -> None:
    judge = Judge(invariants=find_invariants(["no-writable-shared-frame", "isolation"]))
    assert [broken.invariant for broken in judge.broken(SHARED_AND_FREE)] == ["no-writable-shared-frame"]
    unmapped = MappingView(in_ram=False, visible=True, user=True, writable=True, cow=False, may_write=False)
    assert judge.broken(unmapped) == ()


def test_a_message_says_what_is_wrong_and_why_it_matters() -> None:
    low = find_invariant("refcount-equals-mappings").statements[0]
    assert message(low, SHARED_AND_FREE, "frame 3") == (
        "frame 3 has a reference count of 1, but the number of page-table entries that map it is 2. "
        "The count is too low: the page will be put on the free list while a process still maps it, or the "
        "count will go below zero."
    )


def test_a_subject_is_not_taken_for_a_template() -> None:
    (statement,) = find_invariant("freed-once").statements
    assert message(statement, SHARED_AND_FREE, "{refs}").startswith("{refs} is on the free list more than once")
