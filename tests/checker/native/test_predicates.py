"""The invariants as C: they say of every view what the Python form says, which is held to z3 in test_compile_z3.py."""

from __future__ import annotations

import ctypes
import itertools
import random
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import z3

from cowcheck.checker.judge import Judge
from cowcheck.checker.native.compiler import Unit, built, find_compiler
from cowcheck.checker.native.predicates import numbered, predicates_text
from cowcheck.model.errors import CowcheckError
from cowcheck.model.native import VIEWS, Unsupported, header
from cowcheck.model.views import FrameView, View
from cowcheck.specs.invariants import INVARIANTS
from cowcheck.specs.statement import Invariant, Statement, symbolic

ASK = '#include <stdint.h>\n#include "constants.h"\n#include "predicates.h"\n'
ASK += "uint64_t ask(int kind, const int64_t *fields) { return broken_by(kind, fields); }\n"
Ask = Callable[[View], set[int]]


def asked(invariants: tuple[Invariant, ...]) -> Ask:
    """The C, compiled: the numbers of the statements that a view breaks."""
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    assert isinstance(compiler, Path)
    unit = Unit({"ask.c": ASK, "constants.h": header(), "predicates.h": predicates_text(invariants)}, "-O1")
    call = ctypes.CDLL(str(built((unit,), compiler))).ask
    call.restype, call.argtypes = ctypes.c_uint64, (ctypes.c_int, ctypes.c_void_p)

    def ask(view: View) -> set[int]:
        fields = array("q", view)
        found = call(VIEWS.index(type(view)), fields.buffer_info()[0])
        return {number for number in range(64) if found >> number & 1}

    return ask


def views(kind: type[View]) -> Iterator[View]:
    """Every combination of small values where they are few, else a sample of them."""
    choices = [(False, True) if want is bool else (-1, 0, 1, 2, 3) for want in get_type_hints(kind).values()]
    every = itertools.product(*choices)
    rng = random.Random(5)
    for values in every:
        if len(choices) < 8 or rng.random() < 0.05:
            make: Any = kind
            yield make(*values)


@pytest.mark.parametrize("kind", VIEWS)
def test_c_and_python_say_the_same(kind: type[View], judge: Judge) -> None:
    ask = asked(INVARIANTS)
    statements = numbered(INVARIANTS)
    names = [(INVARIANTS[index].name, statement) for index, statement in statements]
    answers = set()
    for view in views(kind):
        wanted = {names.index((item.invariant, item.statement)) for item in judge.broken(view)}
        assert ask(view) == wanted, view
        answers.add(bool(wanted))
    assert answers == {False, True} or not any(statement.view is kind for _, statement in statements)


frame = symbolic(FrameView)


def one(holds: z3.BoolRef) -> tuple[Invariant, ...]:
    statement = Statement(FrameView, holds, "{subject}", "")
    return (Invariant("mine", "", "", "", (statement,)),)


@pytest.mark.parametrize(
    "holds",
    [
        z3.If(frame.counted, frame.refs * 2 - frame.held >= -1, z3.Distinct(frame.refs, frame.free, frame.held)),
        z3.And(),
        z3.Or(),
        z3.Not(frame.refs + frame.free + 3 == frame.held * frame.mappings),
        -frame.refs < frame.free,
        z3.Implies(frame.quiescent, frame.counted),
    ],
)
def test_every_operator(holds: z3.BoolRef) -> None:
    ask = asked(one(holds))
    judge = Judge(invariants=one(holds))
    for view in itertools.islice(views(FrameView), 400):
        assert bool(ask(view)) == bool(judge.broken(view))


def test_numbers_that_c_cannot_hold_are_refused() -> None:
    power = frame.refs * frame.refs * frame.refs * frame.refs
    with pytest.raises(Unsupported):
        predicates_text(one(power >= 0))


def test_an_operator_without_a_form_is_refused() -> None:
    with pytest.raises(CowcheckError, match="no C form"):
        predicates_text(one(frame.refs / 2 == 1))
