"""Lowering of calls: of a design's functions, which are inlined, and of the language's built-ins."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod

from cowcheck.model.contents import REST_BITS, REST_MASK, filled
from cowcheck.model.expressions import ExpressionLowering, fold
from cowcheck.model.ir import (
    PAGE_DATA,
    PAGE_WORD,
    Acquire,
    Binary,
    Cell,
    Const,
    Expr,
    Load,
    Local,
    Panic,
    Primitive,
    Release,
    Self,
    Sleep,
    Space,
    Store,
    Type,
    Var,
)
from cowcheck.model.signatures import BUILTINS, Signature
from cowcheck.model.source import Function

_PURE = {"PTE2PA": Type.FRAME, "PA2PTE": Type.PTE, "PTE_FLAGS": Type.INT, "in_ram": Type.INT}
_TRAP_FIELDS = {"r_scause": "scause", "r_stval": "stval"}


class CallLowering(ExpressionLowering, ABC):
    """The part of the compiler that lowers calls."""

    def call_statement(self, node: ast.Call) -> bool:
        """Whether control can come back from the call."""
        _, _, never = self.call(node)
        return not never

    def call(self, node: ast.Call) -> tuple[Expr | None, Type, bool]:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise self.fail(
                node,
                f"unsupported call: {ast.unparse(node)[:60]}",
                "call a function by its name, without keywords",
            )
        name = node.func.id
        if name in BUILTINS:
            return self._builtin(node, BUILTINS[name])
        function = self.linked.functions.get(name)
        if function is None:
            raise self.fail(node, f"undeclared function '{name}'", "define it in the design, or import it")
        parameters = function.node.args.args
        if len(parameters) != len(node.args):
            raise self.fail(
                node,
                f"'{name}' takes {len(parameters)} arguments, and is given {len(node.args)}",
                "give each its value",
            )
        arguments = []
        for parameter, argument in zip(parameters, node.args, strict=True):
            expr, kind = self.expression(argument)
            wanted = self.annotation(parameter.annotation, f"parameter '{parameter.arg}'", function)
            self.check(argument, kind, wanted, f"argument '{parameter.arg}' of '{name}'")
            arguments.append(expr)
        result = self.inline(function, arguments)
        return (None, Type.NONE, False) if result is None else (Local(result), result.type, False)

    @abstractmethod
    def inline(self, function: Function, arguments: list[Expr]) -> Var | None:
        """Lowers a function's body in place; the variable that holds its result, where it has one."""

    @abstractmethod
    def annotation(self, node: ast.expr | None, what: str, function: Function) -> Type: ...

    def _builtin(self, node: ast.Call, signature: Signature) -> tuple[Expr | None, Type, bool]:
        name = signature.name
        if len(node.args) != len(signature.parameters):
            raise self.fail(
                node,
                f"'{name}' takes {len(signature.parameters)} arguments, and is given {len(node.args)}",
                "see model/language.py",
            )
        where = self.where(node)
        match name, node.args:
            case "acquire", [lock]:
                self.emit(Acquire(self.lock_cell(lock), **where))
                return None, Type.NONE, False
            case "release", [lock]:
                self.emit(Release(self.lock_cell(lock), **where))
                return None, Type.NONE, False
            case "sleep", [lock]:
                cell = self.lock_cell(lock)
                self.emit(Sleep(cell, **where))
                self.emit(Acquire(cell, **where))
                return None, Type.NONE, False
            case "panic", [message]:
                if not (isinstance(message, ast.Constant) and isinstance(message.value, str)):
                    raise self.fail(node, "panic() without a message", 'write panic("why")')
                self.emit(Panic(message.value, **where))
                return None, Type.NONE, True
        pairs = [self.expression(argument) for argument in node.args]
        for argument, (_, kind), (parameter, wanted) in zip(node.args, pairs, signature.parameters, strict=True):
            fits = kind in wanted or (kind is Type.NULL and any(one.pointer or one is Type.INT for one in wanted))
            if not fits and name == "PTE2PA" and kind is Type.INT:
                raise self.fail(argument, "PTE2PA() of an int", "an entry's value is annotated Pte")
            if not fits:
                self.check(argument, kind, max(wanted), f"argument '{parameter}' of '{name}'")
        values = tuple(expr for expr, _ in pairs)
        match name:
            case "memmove":
                if pairs[1][1] is Type.BUFFER:
                    self.emit(Store(Cell(Space.PER_FRAME, PAGE_WORD, values[0], Type.INT), values[1], **where))
                    return None, Type.NONE, False
                page = self.variable("page contents", Type.INT)
                self.emit(Load(page, Cell(Space.PER_FRAME, PAGE_DATA, values[1], Type.INT), **where))
                self.emit(Store(Cell(Space.PER_FRAME, PAGE_DATA, values[0], Type.INT), Local(page), **where))
                return None, Type.NONE, False
            case "memset":
                fill: Expr = Binary(
                    "|", Binary("<<", values[1], Const(REST_BITS)), Binary("&", values[1], Const(REST_MASK))
                )
                if isinstance(values[1], Const):
                    fill = Const(filled(values[1].value))
                self.emit(Store(Cell(Space.PER_FRAME, PAGE_DATA, values[0], Type.INT), fill, **where))
                return None, Type.NONE, False
            case "myproc":
                return Self(), Type.PROC, False
            case _ if name in _PURE:
                return fold(name, values), _PURE[name], False
            case _ if name in _TRAP_FIELDS:
                target = self.variable(name, Type.INT)
                self.emit(Load(target, Cell(Space.PROC, _TRAP_FIELDS[name], Self(), Type.INT), **where))
                return Local(target), Type.INT, False
        result = None if signature.result is Type.NONE else self.variable(f"{name}()", signature.result)
        self.emit(Primitive(name, values, result, **where))
        return (Local(result) if result is not None else None), signature.result, signature.never
