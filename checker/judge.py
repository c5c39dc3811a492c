"""Which statements a view breaks: decided once for each distinct view, then remembered.

An invariant is a function of the view alone, and views carry no names, so a search of millions of states
meets some thousands of distinct views. What its inner loop pays is one lookup:

    broken = judge.table(FrameView)
    ...
    if broken[view]:  # a non-empty tuple: the frame breaks something

A view that is not in the table yet is judged by the compiled statements, or by z3 where ``oracle`` is set.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar, cast

import z3

from cowcheck.checker.compile_z3 import compile_predicate
from cowcheck.model.errors import CowcheckError
from cowcheck.model.views import View
from cowcheck.specs.invariants import INVARIANTS
from cowcheck.specs.statement import SUBJECT, Invariant, Statement, symbolic

V = TypeVar("V", bound=View)

MOST_VIEWS = 1 << 17  # a table of so many (some 30 MB) starts afresh, or a long trace would fill the memory


class Broken(NamedTuple):
    """A statement that does not hold of a view."""

    invariant: str
    statement: Statement


class Table(dict[V, tuple[Broken, ...]], ABC):
    """The statements that each view of one kind breaks, in the invariants' order; filled at need."""

    def __init__(self, statements: tuple[Broken, ...]) -> None:
        self.statements = statements

    def __missing__(self, view: V) -> tuple[Broken, ...]:
        if len(self) >= MOST_VIEWS:
            self.clear()
        broken = self[view] = self.decide(view)
        return broken

    @abstractmethod
    def decide(self, view: V) -> tuple[Broken, ...]:
        """The statements that the view breaks."""


class CompiledTable(Table[V]):
    """Decides by the Python functions that are derived from the statements."""

    def __init__(self, statements: tuple[Broken, ...]) -> None:
        super().__init__(statements)
        self.functions = [
            compile_predicate(statement.holds, symbolic(statement.view), invariant)
            for invariant, statement in statements
        ]

    def decide(self, view: V) -> tuple[Broken, ...]:
        pairs = zip(self.functions, self.statements, strict=True)
        return tuple([statement for holds, statement in pairs if not holds(view)])


class OracleTable(Table[V]):
    """Decides by z3: a statement holds of a view where the solver refutes its negation at the view's values.

    A solver and not ``z3.simplify``: the rewriter may leave a term undecided, the solver says sat or unsat,
    and the prover asks it in the same way.
    """

    def __init__(self, statements: tuple[Broken, ...]) -> None:
        super().__init__(statements)
        self.solver = z3.Solver()

    def decide(self, view: V) -> tuple[Broken, ...]:
        return tuple([it for it in self.statements if self.is_broken(it.statement, view)])

    def is_broken(self, statement: Statement, view: V) -> bool:
        self.solver.push()
        self.solver.add(z3.Not(statement.at(view)))
        answer = self.solver.check()
        self.solver.pop()
        assert answer != z3.unknown, f"z3 cannot decide {statement.holds} at {view}"
        return cast(bool, answer != z3.unsat)


class Judge:
    """The invariants, ready to judge views. ``oracle``: by z3 itself, never by the compiled form."""

    def __init__(self, oracle: bool = False, invariants: tuple[Invariant, ...] = INVARIANTS) -> None:
        names = [invariant.name for invariant in invariants]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise CowcheckError(f"invariant '{twice[0]}' is stated twice; give one of them another name")
        self.oracle = oracle
        self.invariants = invariants
        self._tables: dict[type[Any], Table[Any]] = {}

    def table(self, kind: type[V]) -> dict[V, tuple[Broken, ...]]:
        """The table of one kind of view: ``table[view]`` is empty where all holds. Always the same one."""
        if kind not in self._tables:
            statements = tuple(
                Broken(invariant.name, statement)
                for invariant in self.invariants
                for statement in invariant.statements
                if statement.view is kind
            )
            self._tables[kind] = OracleTable(statements) if self.oracle else CompiledTable(statements)
        return self._tables[kind]

    def broken(self, view: View) -> tuple[Broken, ...]:
        """The statements that the view breaks; empty where all hold."""
        return self.table(type(view))[view]


def message(statement: Statement, view: View | Mapping[str, object], subject: str) -> str:
    """What is wrong with the view, and why it matters. ``subject`` says what the view is of: ``frame 3``; in the place
    of a view, a mapping may give its fields in words."""
    fields = view if isinstance(view, Mapping) else view._asdict()
    return f"{statement.says.format(**{SUBJECT: subject}, **fields)} {statement.matters}"
