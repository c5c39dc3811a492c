"""The invariants as C: a function that says which statements a view breaks, derived from their z3 terms.

The counterpart of ``checker/compile_z3.py``, with the same operators. z3's integers have no bound and C's have, so a
term is refused whose value could leave 62 bits for any view of 16-bit numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import cast

import z3

from cowcheck.checker.z3_text import Notation, term_text
from cowcheck.model.native.constants import VIEWS, view_name
from cowcheck.model.native.statements import Unsupported, comment
from cowcheck.model.views import View
from cowcheck.specs.statement import Invariant, Statement, symbolic

MOST_STATEMENTS = 64  # what a view breaks is a set of bits
_FIELD_MOST = 1 << 16  # of a field of a view of a state of 16-bit words; counts of them are far smaller
_MOST = 1 << 62
C = Notation("C", "1", "0", "&&", "||", "!", "{test} ? {then} : {otherwise}", "((int64_t){})")


def numbered(invariants: Sequence[Invariant]) -> list[tuple[int, Statement]]:
    """Every statement with its invariant's index, by the engine's numbers."""
    return [(index, statement) for index, it in enumerate(invariants) for statement in it.statements]


def predicates_text(invariants: Sequence[Invariant]) -> str:
    """The C text. Raises :class:`Unsupported`, or :class:`CowcheckError` for an operator that has no form here."""
    statements = numbered(invariants)
    if len(statements) > MOST_STATEMENTS:
        raise Unsupported(f"{len(statements)} statements")
    lines = [
        f"#define STATEMENTS {len(statements) or 1}",
        _row("invariant_of", [index for index, _ in statements], "by statement"),
        _row("fields_of", [len(kind._fields) for kind in VIEWS], "by kind of view"),
        "",
        "/* The statements that a view breaks, a bit each. */",
        "static uint64_t broken_by(int kind, const int64_t *v)",
        "{",
        "    uint64_t broken = 0;",
        "    switch (kind) {",
    ]
    for kind in VIEWS:
        lines.append(
            f"    case {view_name(kind)}: /* {', '.join(f'v[{i}] {f}' for i, f in enumerate(kind._fields))} */"
        )
        for number, (index, statement) in enumerate(statements):
            if statement.view is kind:
                name = invariants[index].name
                test = _c_source(statement.holds, symbolic(kind), name)
                lines += [f"        /* {comment(name)} */", f"        broken |= (uint64_t)!{test} << {number};"]
        lines.append("        break;")
    return "\n".join([*lines, "    }", "    return broken;", "}", ""])


def _row(name: str, values: list[int], what: str) -> str:
    return f"static const int {name}[] = {{{', '.join(map(str, values or [0]))}}}; /* {what} */"


def _c_source(term: z3.ExprRef, variables: View, name: str) -> str:
    """The term as a C expression over ``v``, in parentheses."""
    names = {str(variable): f"v[{index}]" for index, variable in enumerate(variables)}
    text = term_text(term, C, lambda constant: names.get(str(constant)), name)
    _bound_of(term, name)
    return text


def _bound_of(term: z3.ExprRef, name: str) -> int:
    """What the term's value, and that of each part, stays below, whatever the view."""
    if z3.is_int_value(term):
        return _bounded(abs(cast(z3.IntNumRef, term).as_long()), name)
    bounds = [_bound_of(child, name) for child in term.children()]
    match term.decl().kind():
        case z3.Z3_OP_UNINTERPRETED:
            return _FIELD_MOST
        case z3.Z3_OP_ITE:
            return max(bounds)
        case z3.Z3_OP_UMINUS:
            return bounds[0]
        case z3.Z3_OP_ADD | z3.Z3_OP_SUB:
            return _bounded(sum(bounds), name)
        case z3.Z3_OP_MUL:
            return _bounded(prod(max(bound, 1) for bound in bounds), name)
    return 1


def _bounded(value: int, name: str) -> int:
    if value >= _MOST:
        raise Unsupported(f"numbers as large as those of invariant {name}")
    return value
