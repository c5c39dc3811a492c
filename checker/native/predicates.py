"""The invariants as C: a function that says which statements a view breaks, derived from their z3 terms.

The counterpart of ``checker/compile_z3.py``, with the same operators. z3's integers have no bound and C's have, so a
term is refused whose value could leave 62 bits for any view of 16-bit numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import z3

from cowcheck.checker.compile_z3 import EMPTY, INFIX, SUPPORTED
from cowcheck.model.errors import CowcheckError
from cowcheck.model.native.constants import VIEWS, view_name
from cowcheck.model.native.statements import Unsupported, comment
from cowcheck.model.views import View
from cowcheck.specs.statement import Invariant, Statement, symbolic

MOST_STATEMENTS = 64  # what a view breaks is a set of bits
_FIELD_MOST = 1 << 16  # of a field of a view of a state of 16-bit words; counts of them are far smaller
_MOST = 1 << 62
_C_INFIX = {**INFIX, z3.Z3_OP_AND: "&&", z3.Z3_OP_OR: "||"}
_C_EMPTY = {kind: str(int(text == "True")) for kind, text in EMPTY.items()}


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
                test, _ = _c_source(statement.holds, symbolic(kind), name)
                lines += [f"        /* {comment(name)} */", f"        broken |= (uint64_t)!{test} << {number};"]
        lines.append("        break;")
    return "\n".join([*lines, "    }", "    return broken;", "}", ""])


def _row(name: str, values: list[int], what: str) -> str:
    return f"static const int {name}[] = {{{', '.join(map(str, values or [0]))}}}; /* {what} */"


def _c_source(term: z3.ExprRef, variables: View, name: str) -> tuple[str, int]:
    """The term as a C expression over ``v``, in parentheses, and a bound of its value."""
    if z3.is_true(term) or z3.is_false(term):
        return str(int(z3.is_true(term))), 1
    if z3.is_int_value(term):
        value = cast(z3.IntNumRef, term).as_long()
        return f"((int64_t){value})", _bounded(abs(value), name)
    if z3.is_const(term):
        for index, variable in enumerate(variables):
            if term.eq(variable):
                return f"v[{index}]", _FIELD_MOST
    kind = term.decl().kind() if z3.is_app(term) else None
    pairs = [_c_source(child, variables, name) for child in term.children()] if kind is not None else []
    parts, most = [part for part, _ in pairs], [bound for _, bound in pairs]
    match kind:
        case z3.Z3_OP_AND | z3.Z3_OP_OR if not parts:
            return _C_EMPTY[kind], 1
        case z3.Z3_OP_NOT:
            return f"(!{parts[0]})", 1
        case z3.Z3_OP_IMPLIES:
            return f"(!{parts[0]} || {parts[1]})", 1
        case z3.Z3_OP_ITE:
            return f"({parts[0]} ? {parts[1]} : {parts[2]})", max(most)
        case z3.Z3_OP_UMINUS:
            return f"(-{parts[0]})", most[0]
        case z3.Z3_OP_DISTINCT:
            unlike = [f"{a} != {b}" for index, a in enumerate(parts) for b in parts[index + 1 :]]
            return f"({' && '.join(unlike) or '1'})", 1
        case z3.Z3_OP_ADD | z3.Z3_OP_SUB:
            return f"({f' {_C_INFIX[kind]} '.join(parts)})", _bounded(sum(most), name)
        case z3.Z3_OP_MUL:
            product = 1
            for bound in most:
                product *= max(bound, 1)
            return f"({' * '.join(parts)})", _bounded(product, name)
        case _ if kind in _C_INFIX:
            return f"({f' {_C_INFIX[kind]} '.join(parts)})", 1
    raise CowcheckError(f"invariant {name}: {term} has no C form here; use {SUPPORTED}")


def _bounded(value: int, name: str) -> int:
    if value >= _MOST:
        raise Unsupported(f"numbers as large as those of invariant {name}")
    return value
