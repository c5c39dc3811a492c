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

from cowcheck.model.errors import CowcheckError
from cowcheck.model.views import View

INFIX = {
    z3.Z3_OP_AND: "and",
    z3.Z3_OP_OR: "or",
    z3.Z3_OP_EQ: "==",
    z3.Z3_OP_LE: "<=",
    z3.Z3_OP_GE: ">=",
    z3.Z3_OP_LT: "<",
    z3.Z3_OP_GT: ">",
    z3.Z3_OP_ADD: "+",
    z3.Z3_OP_SUB: "-",
    z3.Z3_OP_MUL: "*",
}
"""Operators that stand between their operands, of which z3 gives more than two to ``and or + - *`` only."""

EMPTY = {z3.Z3_OP_AND: "True", z3.Z3_OP_OR: "False"}  # And() and Or() of nothing

SUPPORTED = "And, Or, Not, Implies, If, Distinct, ==, !=, <=, >=, <, >, +, -, *, and Int and Bool constants"


def compile_predicate(predicate: z3.BoolRef, variables: View, name: str) -> Callable[[View], bool]:
    """The function that is true of a view exactly where ``predicate`` is.

    ``variables`` is the view of z3 variables that the predicate is over, ``name`` the invariant's. Raises
    :class:`CowcheckError` where the predicate uses an operator or a variable that the compiler does not know.
    """
    code = compile(f"lambda view: {python_source(predicate, variables, name)}", f"<{name}>", "eval")
    return cast(Callable[[View], bool], eval(code, {"__builtins__": {}}))


def python_source(term: z3.ExprRef, variables: View, name: str) -> str:
    """The term as a Python expression over ``view``, with every operation in parentheses."""
    if z3.is_true(term):
        return "True"
    if z3.is_false(term):
        return "False"
    if z3.is_int_value(term):
        return f"({term.as_long()})"
    if z3.is_const(term):
        for field, variable in zip(variables._fields, variables, strict=True):
            if term.eq(variable):
                return f"view.{field}"
        if term.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            fields = ", ".join(f"{it} ({it.sort()})" for it in cast(tuple[z3.ExprRef, ...], variables))
            raise CowcheckError(
                f"invariant {name}: {term} ({term.sort()}) is no field of its view; its fields: {fields}"
            )
    kind = term.decl().kind() if z3.is_app(term) else None
    parts = [python_source(child, variables, name) for child in term.children()] if kind is not None else []
    match kind:
        case z3.Z3_OP_AND | z3.Z3_OP_OR if not parts:
            return EMPTY[kind]
        case z3.Z3_OP_NOT:
            return f"(not {parts[0]})"
        case z3.Z3_OP_IMPLIES:
            return f"((not {parts[0]}) or {parts[1]})"
        case z3.Z3_OP_ITE:
            return f"({parts[1]} if {parts[0]} else {parts[2]})"
        case z3.Z3_OP_UMINUS:
            return f"(-{parts[0]})"
        case z3.Z3_OP_DISTINCT:
            pairs = [f"{a} != {b}" for index, a in enumerate(parts) for b in parts[index + 1 :]]
            return f"({' and '.join(pairs) or 'True'})"
        case _ if kind in INFIX:
            return f"({f' {INFIX[kind]} '.join(parts)})"
    operator = term.decl().name() if kind is not None else "a quantifier"
    raise CowcheckError(
        f"invariant {name}: the z3 operator {operator} (in {term}) has no Python form here; use {SUPPORTED}"
    )
