"""What an invariant is made of: z3 predicates over views, each with its message.

A statement's variables are its view's fields, so it reads like the sentence that it stands for.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TypeVar, get_type_hints

import z3
from z3 import z3util

from cowcheck.model.errors import CowcheckError
from cowcheck.model.views import View

V = TypeVar("V", bound=View)

SUBJECT = "subject"  # the one name in a message that is no field: what the view is of, such as "frame 3"


def symbolic(view: type[V]) -> V:
    """The view whose every field is the z3 variable of its name: an ``Int`` or a ``Bool``, as annotated.

    Typed as the view itself, so that type checkers find a misspelt field.
    """
    sorts = {int: z3.Int, bool: z3.Bool}
    return view(*(sorts[kind](name) for name, kind in get_type_hints(view).items()))


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One thing that must hold of every view of a kind, and what to tell a person where it does not.

    ``says`` is a ``str.format`` template over the view's fields and ``subject``: what is wrong, with its
    numbers. ``matters`` follows it: why that is a fault, and where to look. Raises :class:`CowcheckError`
    where ``holds`` or ``says`` names what is no field of the view.
    """

    view: type[View]
    holds: z3.BoolRef
    says: str
    matters: str

    def __post_init__(self) -> None:
        if not z3.is_bool(self.holds):
            raise CowcheckError(
                f"a statement over {self.view.__name__} is no z3 condition ({self.says!r}); "
                "write it with And, Or, Not, Implies and comparisons"
            )
        known = self.view._fields
        used = [str(variable) for variable in z3util.get_vars(self.holds)]
        told = [name for _, name, _, _ in string.Formatter().parse(self.says) if name is not None]
        strangers = [name for name in used if name not in known]
        strangers += [name for name in told if name not in known and name != SUBJECT]
        if strangers:
            raise CowcheckError(
                f"a statement over {self.view.__name__} names {', '.join(strangers)} ({self.says!r}); "
                f"its fields: {', '.join(known)}"
            )
        if SUBJECT not in told:
            raise CowcheckError(f"the message {self.says!r} never names its {{{SUBJECT}}}; add it")

    def at(self, view: View) -> z3.BoolRef:
        """``holds`` of one view, whose fields may be values or (in the prover) z3 terms of the same sorts."""
        variables = symbolic(self.view)
        terms = (
            value if z3.is_expr(value) else z3.BoolVal(value) if z3.is_bool(variable) else z3.IntVal(value)
            for variable, value in zip(variables, view, strict=True)
        )
        return z3.substitute(self.holds, *zip(variables, terms, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Invariant:
    """A named claim: all of its statements hold, of every view of their kinds, in every state and step."""

    name: str  # as options, results and counterexamples write it
    summary: str  # one line for lists
    reason: str  # why it must hold, and which states of right kernels it is careful not to accuse
    source: str  # where it comes from
    statements: tuple[Statement, ...]

    def __post_init__(self) -> None:
        if not self.statements:
            raise CowcheckError(f"invariant '{self.name}' has no statement: it could not fail; add one")
