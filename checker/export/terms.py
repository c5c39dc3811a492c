"""Expressions and memory cells of a program as Promela text, with the names of the design's variables."""

from __future__ import annotations

import re

from cowcheck.checker.export.binding import Binding
from cowcheck.model.ir import (
    PAGE_DATA,
    PAGE_WORD,
    RUN_NEXT,
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
)
from cowcheck.model.layout import FREE_LIST
from cowcheck.model.sv39 import FLAG_BITS, FLAG_MASK
from cowcheck.specs.invariants import INVARIANTS


def identifier(text: str) -> str:
    """A text as a name: letters, digits and single underscores."""
    return re.sub(r"_+", "_", re.sub(r"\W", "_", text, flags=re.ASCII)).strip("_") or "value"


PROC_FIELDS = {
    "killed": "killed",
    "parent": "parent",
    "pagetable": "table",
    "sz": "sz",
    "scause": "scause",
    "stval": "stval",
}
"""Fields of a process in the language, and in the export."""

_OF_PAGES = {PAGE_DATA: "page_data", PAGE_WORD: "page_data", RUN_NEXT: "run_next"}

_RESERVED = frozenset(
    (
        "page_data", "run_next", "at_hart", "touched_frame", "wrong_step", "found_pte", "is_fault", "on_list",
        "table_seen", "table_busy", "region_is_data", "region_flags", "op_syscall", "op_argument0", "op_argument1",
        "op_page", "op_needs", "op_least_sz", "op_judged", "op_start", "op_program", "op_target", "op_first", "op_past",
        *(identifier(invariant.name) for invariant in INVARIANTS),
    )
)  # fmt: skip
"""Names of an export that a design's ``struct.field`` could have too."""


def comment(text: str) -> str:
    """A comment that no text can end early."""
    return f"/* {text.replace('*/', '* /').replace('/*', '/ *')} */"


class Terms:
    """The texts of a binding's expressions; which process runs is ``self``, its pid ``me``."""

    def __init__(self, binding: Binding) -> None:
        self.binding = binding
        self.layout = binding.layout

    def var(self, var: Var) -> str:
        """A variable: a name of its own, which says what the source calls it."""
        return f"{identifier(var.name)}_{var.index}"

    def name_of(self, declared: str) -> str:
        """A shared variable of the design: ``kmem.freelist`` is ``kmem_freelist``."""
        name = identifier(declared)
        return f"{name}_" if name in _RESERVED else name

    @property
    def free_list(self) -> str:
        return self.name_of(FREE_LIST)

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
                return self.name_of(cell.name), ""
            case Space.PER_FRAME:
                name = _OF_PAGES.get(cell.name) or self.name_of(cell.name)
                return f"{name}[{index} - 1]", f"!IN_RAM({index})"
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


def promela_type(kind: Type) -> str:
    """The type of a word that holds values of a kind."""
    return "byte" if kind in (Type.FRAME, Type.PAGE_TABLE, Type.PROC, Type.PTE_REF) else "short"
