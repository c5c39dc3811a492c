"""A z3 predicate over a view, as a Python function of that view, derived operator by operator.

z3 takes some thousand times as long to judge a view as the derived function does, and an explorer meets
millions of states. The function is derived, never written beside the term, so the two cannot drift apart; an
operator without an exact Python meaning is refused, not approximated (z3's ``div`` and ``mod`` round
otherwise than ``//`` and ``%``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import z3

from cowcheck.checker.z3_text import Notation, term_text
from cowcheck.model.errors import CowcheckError
from cowcheck.model.views import View

PYTHON = Notation("Python", "True", "False", "and", "or", "not ", "{then} if {test} else {otherwise}")


def compile_predicate(predicate: z3.BoolRef, variables: View, name: str) -> Callable[[View], bool]:
    """The function that is true of a view exactly where ``predicate`` is.

    ``variables`` is the view of z3 variables that the predicate is over, ``name`` the invariant's. Raises
    :class:`CowcheckError` where the predicate uses an operator or a variable that the compiler does not know.
    """
    code = compile(f"lambda view: {python_source(predicate, variables, name)}", f"<{name}>", "eval")
    return cast(Callable[[View], bool], eval(code, {"__builtins__": {}}))


def python_source(term: z3.ExprRef, variables: View, name: str) -> str:
    """The term as a Python expression over ``view``, with every operation in parentheses."""

    def field_text(constant: z3.ExprRef) -> str | None:
        for field, variable in zip(variables._fields, variables, strict=True):
            if constant.eq(variable):
                return f"view.{field}"
        if constant.decl().kind() != z3.Z3_OP_UNINTERPRETED:
            return None
        fields = ", ".join(f"{it} ({it.sort()})" for it in cast(tuple[z3.ExprRef, ...], variables))
        raise CowcheckError(
            f"invariant {name}: {constant} ({constant.sort()}) is no field of its view; its fields: {fields}"
        )

    return term_text(term, PYTHON, field_text, name)
