"""Lowering of expressions and memory cells; types are checked here. Calls are in ``calls.py``.

A read of memory inside an expression becomes an instruction of its own, in the order in which Python evaluates, so
``refcnt[pa] += 1`` is a read and a write with a preemption point between them, as in C.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod

from cowcheck.model.emitter import Emitter
from cowcheck.model.ir import (
    RUN_NEXT,
    Binary,
    Branch,
    Cell,
    Const,
    Expr,
    Load,
    Local,
    Set,
    Space,
    Type,
    Unary,
    Var,
)
from cowcheck.model.signatures import CONSTANTS
from cowcheck.model.source import Function
from cowcheck.model.sv39 import FLAG_MASK

BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
}
MAX_SHIFT = 15  # a word of a packed state has 16 bits

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_UNARY: dict[type[ast.unaryop], str] = {ast.Invert: "~", ast.USub: "-", ast.Not: "not"}
_MEMBERS: dict[Type, tuple[Space, dict[str, Type]]] = {
    Type.PROC: (
        Space.PROC,
        {
            "state": Type.INT,
            "killed": Type.INT,
            "parent": Type.PROC,
            "pagetable": Type.PAGE_TABLE,
            "sz": Type.INT,
        },
    ),
    Type.PAGE_TABLE: (Space.TABLE, {"root": Type.FRAME}),
    Type.FRAME: (Space.PER_FRAME, {"next": Type.FRAME}),
}


def fold(op: str, operands: tuple[Expr, ...]) -> Expr:
    """The expression, computed where every operand is a constant."""
    if len(operands) == 1:
        (operand,) = operands
        if isinstance(operand, Const) and op in ("~", "-", "not"):
            return Const({"~": ~operand.value, "-": -operand.value, "not": int(not operand.value)}[op])
        return Unary(op, operand)
    left, right = operands
    if isinstance(left, Const) and isinstance(right, Const):
        a, b = left.value, right.value
        arithmetic = {"+": a + b, "-": a - b, "&": a & b, "|": a | b, "^": a ^ b}
        comparison = {"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}
        if op in arithmetic:
            return Const(arithmetic[op])
        if op in comparison:
            return Const(int(comparison[op]))
    return Binary(op, left, right)


class ExpressionLowering(Emitter, ABC):
    """The part of the compiler that lowers expressions."""

    # --- values ---

    def expression(self, node: ast.expr) -> tuple[Expr, Type]:
        """Emits what the value needs; the expression that stands for it, and its type."""
        match node:
            case ast.Constant(value=bool() as value):
                return Const(int(value)), Type.INT
            case ast.Constant(value=int() as value):
                return Const(value), Type.NULL if value == 0 else Type.INT
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.Attribute(value=owner, attr="pid"):
                expr, kind = self.expression(owner)
                self.check(node, kind, Type.PROC, "the owner of '.pid'")
                return expr, Type.INT
            case ast.Attribute() | ast.Subscript():
                cell, lock = self.cell(node)
                if lock:
                    raise self.fail(node, "a lock is read", "use acquire() and release()")
                target = self.variable("memory", cell.type)
                self.emit(Load(target, cell, **self.where(node)))
                return Local(target), cell.type
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
                expr, kind = self.expression(operand)
                if not isinstance(op, ast.Not):
                    self._number(operand, kind)
                    if kind is Type.PTE:
                        raise self.fail(node, f"'{_UNARY[type(op)]}' on a PTE", "change its flags with & and |")
                return fold(_UNARY[type(op)], (expr,)), Type.INT
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in BINARY:
                return self._binary(node, left, BINARY[type(operator)], right)
            case ast.Compare(left=left, ops=[comparison], comparators=[right]) if type(comparison) in _COMPARE:
                return self._compare(node, left, _COMPARE[type(comparison)], right)
            case ast.BoolOp():
                return self._boolean(node)
            case ast.Call():
                called, kind, _ = self.call(node)
                if called is None:
                    raise self.fail(node, "the value of a call that has none", "call it as a statement")
                return called, kind
        raise self.fail(
            node,
            f"unsupported expression: {ast.unparse(node)[:60]}",
            "a design has integers, names, + - & | ^ << >> ~, one comparison at a time, and, or, not, calls",
        )

    def _name(self, node: ast.expr, name: str) -> tuple[Expr, Type]:
        call = self.current
        if name in call.names:
            bound = call.names[name]
            return (Local(bound) if isinstance(bound, Var) else bound), call.types[name]
        if name == "NULL":
            return Const(0), Type.NULL
        for constants in (call.function.unit.constants, self.linked.unit.constants, CONSTANTS):
            if name in constants:
                return Const(constants[name]), Type.INT
        if name in call.types or any(name == other for other in _assigned_names(call.function)):
            raise self.fail(node, f"'{name}' may be read before it has a value", "assign it first")
        raise self.fail(
            node,
            f"undeclared name '{name}'",
            "declare shared memory in a class of the design, or assign the local variable first",
        )

    def _number(self, node: ast.expr, kind: Type) -> None:
        if kind not in (Type.INT, Type.PTE, Type.NULL):
            raise self.fail(
                node,
                f"arithmetic on a {kind}",
                "it is a name, not a number: compare it with == or use it as an index",
            )

    def _binary(self, node: ast.expr, left: ast.expr, op: str, right: ast.expr) -> tuple[Expr, Type]:
        return self.combined(node, left, self.expression(left), op, right, self.expression(right))

    def combined(
        self, node: ast.AST, left: ast.expr, a: tuple[Expr, Type], op: str, right: ast.expr, b: tuple[Expr, Type]
    ) -> tuple[Expr, Type]:
        """``a op b``, the values of ``left`` and ``right``."""
        (a_expr, a_type), (b_expr, b_type) = a, b
        self._number(left, a_type)
        self._number(right, b_type)
        if op in ("<<", ">>") and not (isinstance(b_expr, Const) and 0 <= b_expr.value <= MAX_SHIFT):
            raise self.fail(
                right, f"a shift by {ast.unparse(right)[:40]}", f"shift by a constant from 0 to {MAX_SHIFT}"
            )
        if Type.PTE not in (a_type, b_type):
            return fold(op, (a_expr, b_expr)), Type.INT
        if op not in ("&", "|"):
            raise self.fail(node, f"'{op}' on a PTE", "use PTE2PA, PA2PTE and PTE_FLAGS, and & | for its flags")
        for side, expr, kind in ((left, a_expr, a_type), (right, b_expr, b_type)):
            if kind is not Type.PTE and isinstance(expr, Const):
                if expr.value > FLAG_MASK or ~expr.value > FLAG_MASK:
                    raise self.fail(
                        side, f"{expr.value} names a frame", "a frame's number is not known: use PA2PTE(pa)"
                    )
                if op == "&" and expr.value >= 0:
                    return fold(op, (a_expr, b_expr)), Type.INT  # its flags
        return fold(op, (a_expr, b_expr)), Type.PTE

    def _compare(self, node: ast.expr, left: ast.expr, op: str, right: ast.expr) -> tuple[Expr, Type]:
        (a, a_type), (b, b_type) = self.expression(left), self.expression(right)
        pointers = [kind for kind in (a_type, b_type) if kind.pointer and kind is not Type.NULL]
        if pointers:
            if op not in ("==", "!="):
                raise self.fail(
                    node, f"'{op}' between values of type {pointers[0]}", "a frame has no order: use == or !="
                )
            self.check(left, a_type, pointers[0], "the left side")
            self.check(right, b_type, pointers[0], "the right side")
        elif Type.PTE in (a_type, b_type):
            if op not in ("==", "!="):
                raise self.fail(node, f"'{op}' on a PTE", "a frame has no order: use == or !=, or PTE_FLAGS() of it")
            for side, expr in ((left, a), (right, b)):
                if isinstance(expr, Const) and not 0 <= expr.value <= FLAG_MASK:
                    raise self.fail(side, f"{expr.value} names a frame", "a frame's number is not known")
        return fold(op, (a, b)), Type.INT

    def _boolean(self, node: ast.BoolOp) -> tuple[Expr, Type]:
        then, otherwise, end = self.label(), self.label(), self.label()
        result = self.variable("condition", Type.INT)
        self.test(node, then, otherwise, always=True)
        for label, value in ((then, 1), (otherwise, 0)):
            self.mark(label)
            self.emit(Set(result, Const(value), **self.where(node)))
            self.jump(end, node)
        self.mark(end)
        return Local(result), Type.INT

    # --- conditions ---

    def test(self, node: ast.expr, then: int, otherwise: int, always: bool = False) -> bool | None:
        """Emits a jump to one of two labels; with the answer where it is known while compiling and ``always`` is not
        set (then nothing need be emitted for the other side)."""
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                known = self.test(operand, otherwise, then, always)
                return None if known is None else not known
            case ast.BoolOp(op=op, values=values):
                for value in values[:-1]:
                    next_value = self.label()
                    if isinstance(op, ast.And):
                        self.test(value, next_value, otherwise, always=True)
                    else:
                        self.test(value, then, next_value, always=True)
                    self.mark(next_value)
                self.test(values[-1], then, otherwise, always=True)
                return None
        expr, _ = self.expression(node)
        if isinstance(expr, Const):
            self.jump(then if expr.value else otherwise, node)
            return None if always else bool(expr.value)
        self.emit(Branch(expr, then, otherwise, **self.where(node)))
        return None

    # --- memory ---

    def cell(self, node: ast.expr) -> tuple[Cell, bool]:
        """The memory that an attribute or subscript names, and whether it is a lock."""
        match node:
            case ast.Attribute(value=ast.Name(id=struct), attr=field) if (
                f"{struct}.{field}" in self.linked.globals and struct not in self.current.names
            ):
                declared = self.linked.globals[f"{struct}.{field}"]
                if declared.per_frame:
                    raise self.fail(node, f"'{declared.name}' is an array", f"index it: {declared.name}[pa]")
                return Cell(Space.GLOBAL, declared.name, None, declared.type), declared.lock
            case ast.Subscript(value=ast.Attribute(value=ast.Name(id=struct), attr=field), slice=index) if (
                f"{struct}.{field}" in self.linked.globals and struct not in self.current.names
            ):
                declared = self.linked.globals[f"{struct}.{field}"]
                if not declared.per_frame:
                    raise self.fail(node, f"'{declared.name}' is no array", "declare it as PerFrame[int]")
                expr, kind = self.expression(index)
                if kind is not Type.FRAME:
                    raise self.fail(index, f"an array of frames is indexed with a {kind}", "index it with a Frame")
                return Cell(Space.PER_FRAME, declared.name, expr, declared.type), declared.lock
            case ast.Subscript(value=pointer, slice=index):
                expr, kind = self.expression(pointer)
                self.check(node, kind, Type.PTE_REF, "what is indexed")
                if not (isinstance(index, ast.Constant) and index.value == 0):
                    raise self.fail(node, "a PTE is read through its own pointer", "write pte[0] for C's *pte")
                return Cell(Space.PTE, "pte", expr, Type.PTE), False
            case ast.Attribute(value=owner, attr=field):
                if isinstance(owner, ast.Name) and owner.id not in self.current.names:
                    fields = [name for name in self.linked.globals if name.startswith(f"{owner.id}.")]
                    raise self.fail(
                        node,
                        f"undeclared shared name '{owner.id}.{field}'",
                        f"declare it in `class {owner.id}`" + (f" (it has {', '.join(fields)})" if fields else ""),
                    )
                expr, kind = self.expression(owner)
                if kind is Type.PROC and field == "lock":
                    return Cell(Space.PROC, "lock", expr, Type.INT), True
                if kind not in _MEMBERS or field not in _MEMBERS[kind][1]:
                    known = ", ".join(_MEMBERS[kind][1]) if kind in _MEMBERS else "no fields"
                    raise self.fail(node, f"a {kind} has no field '{field}'", f"it has {known}")
                space, members = _MEMBERS[kind]
                name = RUN_NEXT if kind is Type.FRAME else field
                return Cell(space, name, expr, members[field]), False
        raise self.fail(node, f"cannot assign to {ast.unparse(node)[:60]}", "assign to a name, a field or an element")

    def lock_cell(self, node: ast.expr) -> Cell:
        cell, lock = self.cell(node)
        if not lock:
            raise self.fail(node, f"'{ast.unparse(node)}' is not a lock", "declare it as Spinlock")
        return cell

    @abstractmethod
    def call(self, node: ast.Call) -> tuple[Expr | None, Type, bool]:
        """Emits a call: its value (None where it has none), its type, and whether it never comes back."""


def _assigned_names(function: Function) -> set[str]:
    return {
        node.id for node in ast.walk(function.node) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
