"""Expressions and memory cells of a program as Promela text, with the names of the design's variables."""

from __future__ import annotations

import re

from cowcheck.checker.export.binding import Binding
from cowcheck.model.ir import (
    PAGE_DATA,
    PAGE_WORD,
    Binary,
    Cell,
    Const,
    Expr,
    Local,
    Self,
    Space,
    Type,
    Unary,
    Var,
    variables,
)
from cowcheck.model.sv39 import FLAG_BITS, FLAG_MASK

PROC_FIELDS = {
    "killed": "killed",
    "parent": "parent",
    "pagetable": "table",
    "sz": "sz",
    "scause": "scause",
    "stval": "stval",
}
"""Fields of a process in the language, and in the export."""


def identifier(text: str) -> str:
    """A text as a name: letters, digits and single underscores."""
    return re.sub(r"_+", "_", re.sub(r"\W", "_", text, flags=re.ASCII)).strip("_") or "value"


class Terms:
    """The texts of a binding's expressions; which process runs is ``self``, its pid ``me``."""

    def __init__(self, binding: Binding) -> None:
        self.binding = binding
        self.layout = binding.layout

    def var(self, var: Var) -> str:
        """A variable: a name of its own, which says what the source calls it."""
        return f"{identifier(var.name)}_{var.index}"

    def expr(self, expr: Expr) -> str:
        match expr:
            case Const(value):
                return str(value) if value >= 0 else f"({value})"
            case Local(var):
                return self.var(var)
            case Self():
                return "me"
            case Unary("PTE2PA", operand):
                return f"({self.expr(operand)} >> {FLAG_BITS})"
            case Unary("PA2PTE", operand):
                return f"({self.expr(operand)} << {FLAG_BITS})"
            case Unary("PTE_FLAGS", operand):
                return f"({self.expr(operand)} & {FLAG_MASK})"
            case Unary("in_ram", operand):
                return f"IN_RAM({self.expr(operand)})"
            case Unary("not", operand):
                return f"(!{self.expr(operand)})"
            case Unary(op, operand):
                return f"({op}{self.expr(operand)})"
            case Binary(op, left, right):
                return f"({self.expr(left)} {op} {self.expr(right)})"
        raise AssertionError(expr)

    def cell(self, cell: Cell) -> tuple[str, str]:
        """The text of a cell that is no lock, and a test that is true where there is no such memory."""
        index = self.expr(cell.index) if cell.index is not None else ""
        match cell.space:
            case Space.GLOBAL:
                return identifier(cell.name), ""
            case Space.PER_FRAME:
                name = PAGE_DATA if cell.name == PAGE_WORD else cell.name
                return f"{identifier(name)}[{index} - 1]", f"!IN_RAM({index})"
            case Space.PROC:
                own = isinstance(cell.index, Self)
                which = "self" if own else f"{index} - 1"
                text = f"state[{which}]" if cell.name == "state" else f"proc[{which}].{PROC_FIELDS[cell.name]}"
                return text, "" if own else f"{index} == 0"
            case Space.TABLE:
                return f"root[{index} - 1]", f"{index} == 0"
            case Space.PTE:
                return f"pte[{index} - 1]", f"{index} == 0"
        raise AssertionError(cell)

    def lock(self, lock: Cell) -> tuple[str, str]:
        """The number of a lock, and a test that is true where there is none."""
        first = self.binding.lock_numbers["proc.lock" if lock.space is Space.PROC else lock.name]
        if lock.space is Space.GLOBAL:
            return str(first), ""
        index = self.expr(lock.index) if lock.index is not None else ""
        if isinstance(lock.index, Self):
            return f"{first} + me", ""
        bad = f"{index} == 0" if lock.space is Space.PROC else f"!IN_RAM({index})"
        return f"{first} + {index}", bad


def kept_in(binding: Binding, expr: Expr) -> list[str]:
    """The registers that an expression reads."""
    return [binding.slots[var].name for var in variables(expr) if var in binding.slots]


def promela_type(kind: Type) -> str:
    """The type of a word that holds values of a kind."""
    return "byte" if kind in (Type.FRAME, Type.PAGE_TABLE, Type.PROC, Type.PTE_REF) else "short"
