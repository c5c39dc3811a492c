"""The C of one instruction: the counterpart of ``model/codegen.py``, statement for statement."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from cowcheck.model.codegen import (
    EXIT_LOCKED,
    HELD,
    INTR_LOCKED,
    NOT_HELD,
    NULL_MESSAGES,
    PROC_SLOTS,
    SLEEP_LOCKED,
)
from cowcheck.model.ir import (
    PAGE_DATA,
    PAGE_WORD,
    RUN_NEXT,
    Acquire,
    Binary,
    Cell,
    Const,
    Expr,
    Instruction,
    Load,
    Local,
    Panic,
    Primitive,
    Program,
    Release,
    Self,
    Set,
    Sleep,
    Space,
    Store,
    Unary,
    Var,
)
from cowcheck.model.layout import FREE_LIST
from cowcheck.model.liveness import Allocation

_FIELDS = {"state": "STATE", "killed": "KILLED", "parent": "PARENT", "pagetable": "TABLE", "sz": "SZ", "lock": "LOCK",
           "scause": "SCAUSE", "stval": "STVAL"}  # fmt: skip
assert _FIELDS.keys() == PROC_SLOTS.keys()


MOST_CONSTANT = 1 << 31
MOST_WORD = 1 << 15


class Unsupported(Exception):
    """A program that the native engine does not take: the reference interpreter runs it."""


def memory_names(program: Program) -> dict[str, str]:
    """The C names of the kernel's variables, ``SLOT2_kmem_lock``, and of the numbers of arrays that have an element for
    each frame, ``ARRAY2_kmem_refcnt``; in the order in which they stand in a state."""
    scalars = [one.name for one in program.globals if not one.per_frame]
    arrays = [one.name for one in program.globals if one.per_frame]
    names = {name: f"SLOT{number}_{_word(name)}" for number, name in enumerate(scalars)}
    names |= {RUN_NEXT: "ARRAY_NEXT", PAGE_DATA: "ARRAY_DATA"}
    return names | {name: f"ARRAY{number}_{_word(name)}" for number, name in enumerate(arrays)}


def comment(text: str) -> str:
    """A text as a comment can hold it: on one line, and not ending it."""
    return re.sub(r"[^ -~]", "?", text).replace("*/", "* /").replace("\\", "/")


def _word(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", name)


class StatementWriter:
    """``tested`` are the variables that a branch depends on, each with its function."""

    def __init__(
        self, program: Program, allocation: Allocation, messages: tuple[str, ...], tested: AbstractSet[tuple[Var, str]]
    ) -> None:
        self.names = memory_names(program)
        self.allocation = allocation
        self.messages = messages
        self.tested = tested

    def lines(self, instruction: Instruction) -> list[str]:
        """The statements of an instruction that is no branch and no jump."""
        match instruction:
            case Set(target, value):
                return [self._put(target, self.expr(value), self._fits(value))]
            case Load(target, cell):
                slot, lines = self._guard(cell)
                if cell.name == PAGE_DATA and cell.index is not None:
                    lines.append(f"touch(s, {self.expr(cell.index)});")
                lines.append(f"{self._var(target)} = s[{slot}];")
                if cell.name == FREE_LIST and (target, instruction.function) in self.tested:
                    lines.append(f"if ({self._var(target)} == 0) s[b + OOM] = 1;")
                return lines
            case Store(cell, value):
                return self._store(cell, value)
            case Acquire(lock):
                slot, lines = self._guard(lock)
                return [*lines, f"if (s[{slot}]) {self._panic(HELD)}", f"s[{slot}] = pid;", "s[b + NOFF] += 1;"]
            case Release(lock):
                return self._release(lock)
            case Sleep(lock):
                return [
                    *self._release(lock),
                    f"if (s[b + NOFF]) {self._panic(SLEEP_LOCKED)}",
                    "s[b + STATE] = SLEEPING;",
                ]
            case Panic(message):
                return [self._panic(message)]
            case Primitive():
                return self._primitive(instruction)
        raise AssertionError(instruction)

    def expr(self, expr: Expr) -> str:
        """An expression; every operation stands in parentheses."""
        match expr:
            case Const(value):
                if abs(value) >= MOST_CONSTANT:
                    raise Unsupported(f"the constant {value}")
                return str(value) if value >= 0 else f"({value})"
            case Local(var):
                return self._var(var)
            case Self():
                return "pid"
            case Unary("PTE2PA", operand):
                return f"({self.expr(operand)} >> FLAG_BITS)"
            case Unary("PA2PTE", operand):
                return f"shifted({self.expr(operand)}, FLAG_BITS)"
            case Unary("PTE_FLAGS", operand):
                return f"({self.expr(operand)} & FLAG_MASK)"
            case Unary("in_ram", operand):
                return f"in_ram({self.expr(operand)})"
            case Unary("not", operand):
                return f"(!{self.expr(operand)})"
            case Unary(op, operand):
                return f"({op}{self.expr(operand)})"
            case Binary("<<", left, Const(bits)):
                return f"shifted({self.expr(left)}, {bits})"
            case Binary(op, left, right):
                return f"({self.expr(left)} {op} {self.expr(right)})"
        raise AssertionError(expr)

    def slot(self, cell: Cell) -> tuple[str, str]:
        """The slot of a cell, and a test that is true where there is no such memory ("" where there always is)."""
        index = self.expr(cell.index) if cell.index is not None else ""
        match cell.space:
            case Space.GLOBAL:
                return self.names[cell.name], ""
            case Space.PER_FRAME:
                name = self.names[PAGE_DATA if cell.name == PAGE_WORD else cell.name]
                return f"ARRAY({name}) + {index}", f"!in_ram({index})"
            case Space.PROC:
                field = _FIELDS[cell.name]
                if isinstance(cell.index, Self):
                    return f"b + {field}", ""
                return f"PROCESS({index}) + {field}", f"{index} == 0"
            case Space.TABLE:
                return f"TABLE_OF({index})", f"{index} == 0"
            case Space.PTE:
                return index, f"{index} == 0"
        raise AssertionError(cell)

    def _var(self, var: Var) -> str:
        register = self.allocation.registers[var.index]
        return f"s[r + {register.index}]" if register.kept else f"t[{register.index}]"

    def _fits(self, expr: Expr) -> bool:
        """The value is one of 16 bits, whatever the state."""
        match expr:
            case Const(value):
                return -MOST_WORD <= value < MOST_WORD
            case Local(var):
                return self.allocation.registers[var.index].kept
            case Self() | Unary("not" | "in_ram" | "PTE_FLAGS"):
                return True
            case Unary("PTE2PA" | "~", operand):
                return self._fits(operand)
            case Binary("==" | "!=" | "<" | "<=" | ">" | ">="):
                return True
            case Binary("&" | "|" | "^", left, right):
                return self._fits(left) and self._fits(right)
            case Binary(">>", left, _):
                return self._fits(left)
        return False

    def _put(self, var: Var, value: str, fits: bool) -> str:
        if not fits:
            value = f"{'fit' if self.allocation.registers[var.index].kept else 'bound'}({value})"
        return f"{self._var(var)} = {value};"

    def _panic(self, message: str) -> str:
        return f"{{ s[PANIC] = {1 + self.messages.index(message)}; goto left; }} /* {comment(message)} */"

    def _guard(self, cell: Cell) -> tuple[str, list[str]]:
        slot, bad = self.slot(cell)
        return slot, [f"if ({bad}) {self._panic(NULL_MESSAGES[cell.space])}"] if bad else []

    def _store(self, cell: Cell, value: Expr) -> list[str]:
        slot, lines = self._guard(cell)
        if cell.name in (PAGE_DATA, PAGE_WORD) and cell.index is not None:
            frame = self.expr(cell.index)
            lines += [f"touch(s, {frame});", f"s[NEXT + {frame}] = 0;"]
        if cell.name == PAGE_WORD:
            return [*lines, f"s[{slot}] = fit(with_word(s[{slot}], {self.expr(value)}));"]
        text = self.expr(value)
        return [*lines, f"s[{slot}] = {text};" if self._fits(value) else f"s[{slot}] = fit({text});"]

    def _release(self, lock: Cell) -> list[str]:
        slot, lines = self._guard(lock)
        return [*lines, f"if (s[{slot}] != pid) {self._panic(NOT_HELD)}", f"s[{slot}] = 0;", "s[b + NOFF] -= 1;"]

    def _primitive(self, instruction: Primitive) -> list[str]:
        name = instruction.name
        if name == "sched":
            return [f"if (s[b + NOFF]) {self._panic(EXIT_LOCKED)}", "goto left;"]
        if name == "booted":
            return ["goto left;"]
        arguments = ", ".join(("s", "pid", *(self.expr(argument) for argument in instruction.arguments)))
        call = f"do_{name}({arguments})"
        if name == "sret":
            return [f"{call};", "goto left;"]
        if name == "intr_on":
            return [f"if (s[b + NOFF]) {self._panic(INTR_LOCKED)}", f"{call};"]
        return [f"{self._var(instruction.target)} = {call};" if instruction.target is not None else f"{call};"]
