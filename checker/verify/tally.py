"""How often each invariant was judged in earnest: on a view at which it could have failed.

A statement of the form "where P, then Q" says nothing of a view without P, so such views are not counted: an
invariant that was only ever looked at where it could not fail has not been checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import z3

from cowcheck.checker.compile_z3 import compile_predicate
from cowcheck.checker.judge import Judge
from cowcheck.model.views import FrameView, OperationView, View
from cowcheck.specs.statement import Statement, symbolic

IN_EARNEST: dict[tuple[str, type[View]], Callable[[View], bool]] = {
    ("no-undue-failure", OperationView): lambda view: isinstance(view, OperationView) and view.permitted,
    ("no-permission-gained", OperationView): lambda view: isinstance(view, OperationView) and not view.permitted,
}
"""Statements whose premise already holds part of what would be wrong: a legal access that is carried out was judged
too."""


class Tally:
    """Counts judgements by invariant, and sharing."""

    def __init__(self, judge: Judge) -> None:
        self.counts: Counter[str] = Counter()
        self.shared = 0  # judgements of frames that more than one page mapped, with nothing in flight
        self._premises: dict[type[View], list[tuple[str, Callable[[View], bool]]]] = {}
        for invariant in judge.invariants:
            for statement in invariant.statements:
                premises = self._premises.setdefault(statement.view, [])
                premise = IN_EARNEST.get((invariant.name, statement.view)) or _premise(statement, invariant.name)
                premises.append((invariant.name, premise))

    def add(self, judged: Iterable[tuple[View, int]]) -> None:
        """Views, and how often each was judged."""
        for view, count in judged:
            for name in {name for name, holds in self._premises.get(type(view), ()) if holds(view)}:
                self.counts[name] += count
            if isinstance(view, FrameView) and view.quiescent and view.mappings > 1:
                self.shared += count


def _premise(statement: Statement, name: str) -> Callable[[View], bool]:
    if not z3.is_implies(statement.holds):
        return lambda view: True
    return compile_predicate(statement.holds.arg(0), symbolic(statement.view), name)
