"""A z3 term as an expression of another language, operator by operator: the one walk behind Python, C and Promela.

An operator without an exact meaning here is refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import z3

from cowcheck.model.errors import CowcheckError

SUPPORTED = "And, Or, Not, Implies, If, Distinct, ==, !=, <=, >=, <, >, +, -, *, and Int and Bool constants"


@dataclass(frozen=True, slots=True)
class Notation:
    """How a language writes what terms are made of. The texts of operands are in parentheses where they need be."""

    language: str
    true: str
    false: str
    conjunction: str
    disjunction: str
    negation: str  # what stands before the operand
    choice: str  # of {test}, {then} and {otherwise}
    number: str = "({})"

    def infix(self, kind: int) -> str | None:
        """An operator that stands between its operands, of which z3 gives more than two to and, or, + - * only."""
        return {z3.Z3_OP_AND: self.conjunction, z3.Z3_OP_OR: self.disjunction, **_INFIX}.get(kind)


_INFIX = {
    z3.Z3_OP_EQ: "==",
    z3.Z3_OP_LE: "<=",
    z3.Z3_OP_GE: ">=",
    z3.Z3_OP_LT: "<",
    z3.Z3_OP_GT: ">",
    z3.Z3_OP_ADD: "+",
    z3.Z3_OP_SUB: "-",
    z3.Z3_OP_MUL: "*",
}


def term_text(term: z3.ExprRef, notation: Notation, field: Callable[[z3.ExprRef], str | None], name: str) -> str:
    """The term, with every operation in parentheses.

    ``field`` gives the text of a constant that is a field of the view, and None for one that is not. Raises
    :class:`CowcheckError` where the invariant ``name`` uses what has no form in the language.
    """
    if z3.is_true(term):
        return notation.true
    if z3.is_false(term):
        return notation.false
    if z3.is_int_value(term):
        return notation.number.format(term.as_long())
    if z3.is_const(term) and (text := field(term)) is not None:
        return text
    kind = term.decl().kind() if z3.is_app(term) else None
    parts = [term_text(child, notation, field, name) for child in term.children()] if kind is not None else []
    match kind:
        case z3.Z3_OP_AND | z3.Z3_OP_OR if not parts:  # And() and Or() of nothing
            return notation.true if kind == z3.Z3_OP_AND else notation.false
        case z3.Z3_OP_NOT:
            return f"({notation.negation}{parts[0]})"
        case z3.Z3_OP_IMPLIES:
            return f"(({notation.negation}{parts[0]}) {notation.disjunction} {parts[1]})"
        case z3.Z3_OP_ITE:
            return "(" + notation.choice.format(test=parts[0], then=parts[1], otherwise=parts[2]) + ")"
        case z3.Z3_OP_UMINUS:
            return f"(-{parts[0]})"
        case z3.Z3_OP_DISTINCT:
            pairs = [f"{a} != {b}" for index, a in enumerate(parts) for b in parts[index + 1 :]]
            return f"({f' {notation.conjunction} '.join(pairs) or notation.true})"
        case int() if (operator := notation.infix(kind)) is not None:
            return f"({f' {operator} '.join(parts)})"
    what = term.decl().name() if kind is not None else "a quantifier"
    raise CowcheckError(
        f"invariant {name}: the z3 operator {what} (in {term}) has no {notation.language} form here; use {SUPPORTED}"
    )
