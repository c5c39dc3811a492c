"""The compiled form means what z3 means, operator by operator; what it cannot mean is refused."""

from __future__ import annotations

from typing import get_type_hints

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.checker.compile_z3 import compile_predicate, python_source
from cowcheck.model.errors import CowcheckError
from cowcheck.model.views import FrameView, View
from cowcheck.specs.invariants import INVARIANTS
from cowcheck.specs.statement import Statement, symbolic

f = symbolic(FrameView)
VARIABLES: list[z3.ExprRef] = list(f)
INTEGERS = [variable for variable in VARIABLES if z3.is_int(variable)]
BOOLEANS = [variable for variable in VARIABLES if z3.is_bool(variable)]


def views(kind: type[View]) -> st.SearchStrategy[View]:
    by_annotation: dict[type, st.SearchStrategy[int]] = {int: st.integers(-2, 5), bool: st.booleans()}
    return st.builds(kind, **{name: by_annotation[hint] for name, hint in get_type_hints(kind).items()})


def z3_says(term: z3.BoolRef, view: View) -> bool:
    """The truth of a term at a view, by z3, put in place without any code of ours."""
    solver = z3.Solver()
    solver.add(term)
    for name, value in view._asdict().items():
        solver.add(z3.Bool(name) == value if isinstance(value, bool) else z3.Int(name) == value)
    return bool(solver.check() == z3.sat)


SOURCES = {
    "and": (z3.And(f.counted, f.quiescent), "(view.counted and view.quiescent)"),
    "and of one": (z3.And(f.counted), "(view.counted)"),
    "and of none": (z3.And([]), "True"),
    "or": (z3.Or(f.counted, f.quiescent), "(view.counted or view.quiescent)"),
    "or of none": (z3.Or([]), "False"),
    "not": (z3.Not(f.counted), "(not view.counted)"),
    "implies": (z3.Implies(f.counted, f.quiescent), "((not view.counted) or view.quiescent)"),
    "equal": (f.refs == f.free, "(view.refs == view.free)"),
    "equal booleans": (f.counted == f.quiescent, "(view.counted == view.quiescent)"),
    "unequal": (f.refs != f.free, "(view.refs != view.free)"),
    "distinct": (
        z3.Distinct(f.refs, f.free, f.held),
        "(view.refs != view.free and view.refs != view.held and view.free != view.held)",
    ),
    "at most": (f.refs <= f.free, "(view.refs <= view.free)"),
    "at least": (f.refs >= f.free, "(view.refs >= view.free)"),
    "less": (f.refs < f.free, "(view.refs < view.free)"),
    "more": (f.refs > f.free, "(view.refs > view.free)"),
    "sum": (f.refs + f.free + 1 == 0, "(((view.refs + view.free) + (1)) == (0))"),
    "difference": (f.refs - f.free == 0, "((view.refs - view.free) == (0))"),
    "product": (f.refs * f.free == 0, "((view.refs * view.free) == (0))"),
    "negative": (-f.refs == 0, "((-view.refs) == (0))"),
    "negative number": (f.refs == -2, "(view.refs == (-2))"),
    "if": (z3.If(f.counted, f.refs, f.free) == 0, "((view.refs if view.counted else view.free) == (0))"),
    "true": (z3.BoolVal(True), "True"),
    "false": (z3.BoolVal(False), "False"),
    "field": (f.counted, "view.counted"),
}


@pytest.mark.parametrize("what", SOURCES)
def test_each_operator_has_its_python_form(what: str) -> None:
    term, source = SOURCES[what]
    assert python_source(term, f, "some-invariant") == source


@pytest.mark.parametrize("what", SOURCES)
@settings(max_examples=40, deadline=None)
@given(view=views(FrameView))
def test_each_operator_means_what_z3_means(what: str, view: View) -> None:
    term, _ = SOURCES[what]
    assert compile_predicate(term, f, "some-invariant")(view) is z3_says(term, view)


def integer_terms(parts: st.SearchStrategy[z3.ExprRef]) -> st.SearchStrategy[z3.ExprRef]:
    some = st.lists(parts, min_size=2, max_size=3)
    return st.one_of(
        some.map(z3.Sum),
        some.map(z3.Product),
        st.tuples(parts, parts).map(lambda pair: pair[0] - pair[1]),
        parts.map(lambda term: -term),
        st.tuples(st.sampled_from(BOOLEANS), parts, parts).map(lambda parts: z3.If(*parts)),
    )


INTEGER_TERMS = st.recursive(st.sampled_from(INTEGERS) | st.integers(-3, 3).map(z3.IntVal), integer_terms, max_leaves=5)
COMPARISONS = st.one_of(
    st.tuples(INTEGER_TERMS, INTEGER_TERMS).flatmap(
        lambda pair: st.sampled_from(
            [
                pair[0] == pair[1],
                pair[0] != pair[1],
                pair[0] <= pair[1],
                pair[0] >= pair[1],
                pair[0] < pair[1],
                pair[0] > pair[1],
            ]
        )
    ),
    st.lists(INTEGER_TERMS, min_size=2, max_size=4).map(lambda terms: z3.Distinct(*terms)),
)


def boolean_terms(parts: st.SearchStrategy[z3.ExprRef]) -> st.SearchStrategy[z3.ExprRef]:
    some = st.lists(parts, max_size=3)
    pairs = st.tuples(parts, parts)
    return st.one_of(
        some.map(z3.And),
        some.map(z3.Or),
        parts.map(z3.Not),
        pairs.map(lambda pair: z3.Implies(*pair)),
        pairs.map(lambda pair: pair[0] == pair[1]),
        pairs.map(lambda pair: pair[0] != pair[1]),
        st.tuples(parts, parts, parts).map(lambda parts: z3.If(*parts)),
    )


TERMS = st.recursive(
    st.sampled_from(BOOLEANS) | st.booleans().map(z3.BoolVal) | COMPARISONS, boolean_terms, max_leaves=8
)


@settings(max_examples=300, deadline=None)
@given(term=TERMS, view=views(FrameView))
def test_any_term_of_these_operators_means_what_z3_means(term: z3.BoolRef, view: View) -> None:
    assert compile_predicate(term, f, "some-invariant")(view) is z3_says(term, view)


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        pytest.param(invariant.name, statement, id=f"{invariant.name}-{number}")
        for invariant in INVARIANTS
        for number, statement in enumerate(invariant.statements, 1)
    ],
)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_each_statement_compiled_means_what_z3_means(name: str, statement: Statement, data: st.DataObject) -> None:
    view = data.draw(views(statement.view))
    holds = compile_predicate(statement.holds, symbolic(statement.view), name)
    assert holds(view) is z3_says(statement.holds, view)


SQUARE = z3.Function("square", z3.IntSort(), z3.IntSort())

REFUSED = {
    "modulo": (f.refs % 2 == 0, "operator mod "),
    "division": (f.refs / 2 == 0, "operator div "),
    "exclusive or": (z3.Xor(f.counted, f.quiescent), "operator xor "),
    "real numbers": (z3.ToReal(f.refs) <= z3.RealVal("1/2"), "operator Real "),
    "a fraction": (z3.RealVal("1/2") <= z3.RealVal("1/3"), "operator Real "),
    "a bit vector": (z3.BitVecVal(1, 8) == z3.BitVecVal(1, 8), "operator bv "),
    "a function": (SQUARE(f.refs) == 4, "operator square "),
    "a quantifier": (z3.ForAll([z3.Int("x")], z3.Int("x") == f.refs), "operator a quantifier "),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_operator_without_a_python_form_is_refused_by_name(what: str) -> None:
    term, told = REFUSED[what]
    with pytest.raises(CowcheckError, match=r"^invariant some-invariant: the z3 ") as error:
        compile_predicate(term, f, "some-invariant")
    assert told in str(error.value)
    assert "use And, Or, Not" in str(error.value)


@pytest.mark.parametrize("variable", [z3.Bool("sharers"), z3.Bool("refs")], ids=["name", "sort"])
def test_a_variable_that_is_no_field_is_refused(variable: z3.BoolRef) -> None:
    with pytest.raises(CowcheckError, match=rf"^invariant some-invariant: {variable} \(Bool\) is no field"):
        compile_predicate(variable, f, "some-invariant")
