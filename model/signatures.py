"""The built-in functions of the language with their types, read off their declarations in ``model/language.py``."""

from __future__ import annotations

import inspect
import typing
from dataclasses import dataclass

from cowcheck.model import language
from cowcheck.model.ir import Type


@dataclass(frozen=True, slots=True)
class Signature:
    """``never`` is true of a function that does not return (panic, sched, sret)."""

    name: str
    parameters: tuple[tuple[str, frozenset[Type]], ...]
    result: Type
    never: bool


_TYPES: dict[object, Type] = {
    int: Type.INT,
    language.Frame: Type.FRAME,
    language.PteRef: Type.PTE_REF,
    language.PageTable: Type.PAGE_TABLE,
    language.Proc: Type.PROC,
    language.Buffer: Type.BUFFER,
    type(None): Type.NONE,
}

_PTE_PARAMETERS = {"PTE2PA": frozenset({Type.PTE}), "PTE_FLAGS": frozenset({Type.PTE, Type.INT})}
"""Python knows no difference between Pte and int."""

NAMED_TYPES: dict[str, Type] = {
    "int": Type.INT,
    "Frame": Type.FRAME,
    "Pte": Type.PTE,
    "PteRef": Type.PTE_REF,
    "PageTable": Type.PAGE_TABLE,
    "Proc": Type.PROC,
    "Buffer": Type.BUFFER,
    "None": Type.NONE,
}
"""The annotations that a design may write."""


def _signature(name: str) -> Signature | None:
    declared = getattr(language, name)
    if not inspect.isfunction(declared) or name.startswith("_"):
        return None
    hints = typing.get_type_hints(declared)
    result = hints.pop("return")
    parameters = []
    for parameter, hint in hints.items():
        choices = typing.get_args(hint) or (hint,)
        if not all(choice in _TYPES for choice in choices):
            return None if name in ("all_frames",) else _special(name, len(hints), result)
        parameters.append((parameter, _PTE_PARAMETERS.get(name) or frozenset(_TYPES[choice] for choice in choices)))
    never = result is typing.NoReturn
    if not never and result not in _TYPES:
        return None
    return Signature(name, tuple(parameters), Type.NONE if never else _TYPES[result], never)


def _special(name: str, count: int, result: object) -> Signature:
    """Functions that take a lock or a message: the compiler looks at those arguments itself."""
    return Signature(name, (("argument", frozenset()),) * count, Type.NONE, result is typing.NoReturn)


BUILTINS: dict[str, Signature] = {
    name: signature for name in vars(language) if (signature := _signature(name)) is not None
}

CONSTANTS: dict[str, int] = {
    name: value for name, value in vars(language).items() if name.isupper() and isinstance(value, int)
} | {
    name: value
    for name, value in vars(language).items()
    if name.startswith(("SYS_", "PTE_")) and isinstance(value, int)
}
