"""A z3 predicate over a view, as a Promela expression over what stands for the view's fields.

Derived operator by operator, as ``compile_z3`` derives Python: an operator without an exact meaning is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

import z3

from cowcheck.model.errors import CowcheckError

_INFIX = {
    z3.Z3_OP_AND: "&&",
    z3.Z3_OP_OR: "||",
    z3.Z3_OP_EQ: "==",
    z3.Z3_OP_LE: "<=",
    z3.Z3_OP_GE: ">=",
    z3.Z3_OP_LT: "<",
    z3.Z3_OP_GT: ">",
    z3.Z3_OP_ADD: "+",
    z3.Z3_OP_SUB: "-",
    z3.Z3_OP_MUL: "*",
}
_EMPTY = {z3.Z3_OP_AND: "1", z3.Z3_OP_OR: "0"}


def promela_text(term: z3.ExprRef, fields: Mapping[str, str], name: str) -> str:
    """The term, every operation in parentheses; ``fields`` has a text for each field of the view (a truth value is 0
    or 1 there). Raises :class:`CowcheckError` where the invariant ``name`` uses what has no form here."""
    if z3.is_true(term) or z3.is_false(term):
        return str(int(z3.is_true(term)))
    if z3.is_int_value(term):
        return f"({term.as_long()})"
    if z3.is_const(term) and term.decl().kind() == z3.Z3_OP_UNINTERPRETED:
        return fields[str(term)]
    kind = term.decl().kind() if z3.is_app(term) else None
    parts = [promela_text(child, fields, name) for child in term.children()] if kind is not None else []
    match kind:
        case z3.Z3_OP_AND | z3.Z3_OP_OR if not parts:
            return _EMPTY[kind]
        case z3.Z3_OP_NOT:
            return f"(!{parts[0]})"
        case z3.Z3_OP_IMPLIES:
            return f"(!{parts[0]} || {parts[1]})"
        case z3.Z3_OP_ITE:
            return f"({parts[0]} -> {parts[1]} : {parts[2]})"
        case z3.Z3_OP_UMINUS:
            return f"(-{parts[0]})"
        case z3.Z3_OP_DISTINCT:
            pairs = [f"{a} != {b}" for index, a in enumerate(parts) for b in parts[index + 1 :]]
            return f"({' && '.join(pairs) or '1'})"
        case _ if kind in _INFIX:
            return f"({f' {_INFIX[kind]} '.join(parts)})"
    raise CowcheckError(f"invariant {name}: the z3 operator in {term} has no Promela form here")
