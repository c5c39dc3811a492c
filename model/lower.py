"""From a linked design to its program: every function inlined, every shared access an instruction of its own.

Statements are here, expressions in ``expressions.py``, calls in ``calls.py``. A call is inlined with fresh variables,
so the program counter alone says where in which call a process is. Arguments that are constants are folded into the
callee (``walk``'s ``alloc``), and a branch on a constant keeps one side.

What the language does not have ends in a :class:`SourceError` with the place and a remedy: recursion, unbounded loops,
undeclared names, arithmetic on frames.
"""

from __future__ import annotations

import ast

from cowcheck.model.calls import CallLowering
from cowcheck.model.emitter import Call
from cowcheck.model.errors import SourceError
from cowcheck.model.expressions import BINARY
from cowcheck.model.flow import resolve
from cowcheck.model.ir import (
    Binary,
    Branch,
    Const,
    Expr,
    Instruction,
    Load,
    Local,
    Primitive,
    Program,
    Set,
    Store,
    Type,
    Var,
)
from cowcheck.model.link import Linked
from cowcheck.model.liveness import live_in, members
from cowcheck.model.signatures import NAMED_TYPES
from cowcheck.model.source import Function
from cowcheck.model.sv39 import FLAG_MASK

CALL_LIMIT = 5_000


class Lowering(CallLowering):
    """Lowers the functions of one linked design; use :func:`lower`."""

    inlined = 0

    # --- functions ---

    def annotation(self, node: ast.expr | None, what: str, function: Function) -> Type:
        name = node.id if isinstance(node, ast.Name) else "None" if isinstance(node, ast.Constant) else ""
        if name not in NAMED_TYPES:
            raise SourceError(
                function.unit.place(function.node),
                f"{what} of '{function.name}' has no type that the language knows",
                f"annotate it with one of {', '.join(NAMED_TYPES)}",
            )
        return NAMED_TYPES[name]

    def inline(self, function: Function, arguments: list[Expr]) -> Var | None:
        """Lowers the body of a function in place; the variable that holds its result, where it has one."""
        node = function.node
        self.inlined += 1
        if self.inlined > CALL_LIMIT:
            chain = " -> ".join(call.function.name for call in self.calls)
            raise SourceError(
                function.unit.place(node), f"more than {CALL_LIMIT} calls are inlined: {chain}", "call less deeply"
            )
        if any(call.function.node is node for call in self.calls):
            chain = " -> ".join(call.function.name for call in self.calls)
            raise SourceError(
                function.unit.place(node),
                f"recursion: {chain} -> {function.name}",
                "a design is inlined: use a loop",
            )
        if node.args.vararg or node.args.kwarg or node.args.kwonlyargs or node.args.defaults or node.decorator_list:
            raise SourceError(
                function.unit.place(node),
                f"'{function.name}' has a default, a * parameter or a decorator",
                "give plain parameters",
            )
        result_type = self.annotation(node.returns, "the result", function)
        result = None if result_type is Type.NONE else self.variable(f"{function.name}()", result_type)
        names: dict[str, Expr | Var] = {}
        types: dict[str, Type] = {}
        assigned = {
            name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        end = self.label()
        in_boot = function.name == "boot" or (bool(self.calls) and self.current.in_boot)
        call = Call(function, names, types, result, end, in_boot=in_boot)
        for parameter, argument in zip(node.args.args, arguments, strict=True):
            kind = self.annotation(parameter.annotation, f"parameter '{parameter.arg}'", function)
            types[parameter.arg] = kind
            if isinstance(argument, Const | Local) and parameter.arg not in assigned:
                names[parameter.arg] = argument
            else:
                var = self.variable(parameter.arg, kind)
                self.emit(Set(var, argument, place=function.unit.place(node), function=function.name))
                names[parameter.arg] = var
        self.calls.append(call)
        falls_through = self.block(node.body)
        if falls_through and result is not None:
            raise self.fail(
                node, f"'{function.name}' can end without a return", f"return a {result_type} on every path"
            )
        self.mark(end)
        self.calls.pop()
        return result

    # --- statements: each returns whether control can go past it ---

    def block(self, statements: list[ast.stmt]) -> bool:
        return all(self.statement(statement) for statement in statements)

    def statement(self, node: ast.stmt) -> bool:
        match node:
            case ast.Expr(value=ast.Constant(value=str())) | ast.Pass():
                return True
            case ast.Expr(value=ast.Call() as call):
                return self.call_statement(call)
            case ast.Assign(targets=[target], value=value):
                self.assign(target, value, node)
                return True
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value) if value is not None:
                self.current.types[name] = self.annotation(annotation, f"'{name}'", self.current.function)
                self.assign(node.target, value, node)
                return True
            case ast.AugAssign(target=ast.Name() as target, op=op, value=value):
                read = ast.copy_location(ast.Name(target.id, ast.Load()), node)
                self.assign(target, ast.copy_location(ast.BinOp(read, op, value), node), node)
                return True
            case ast.AugAssign(target=target, op=op, value=value):
                self.change(target, op, value, node)
                return True
            case ast.If(test=test, body=body, orelse=orelse):
                return self.if_statement(test, body, orelse)
            case ast.For():
                self.for_statement(node)
                return True
            case ast.While():
                return self.while_statement(node)
            case ast.Return(value=value):
                self.return_statement(node, value)
                return False
            case ast.Break() | ast.Continue():
                loops = self.current.loops
                if not loops:
                    raise self.fail(node, "break or continue outside a loop", "remove it")
                self.jump(loops[-1][0 if isinstance(node, ast.Break) else 1], node)
                return False
            case _:
                raise self.fail(
                    node,
                    f"unsupported statement: {_statement_name(node)}",
                    "a design has assignments, if, for over range(), return, break, continue, pass and calls",
                )

    def assign(self, target: ast.expr, value: ast.expr, node: ast.stmt) -> None:
        where = self.where(node)
        expr, kind = self.expression(value)
        if isinstance(target, ast.Name):
            call = self.current
            wanted = call.types.get(target.id)
            if wanted is None:
                if kind in (Type.NULL, Type.NONE):
                    raise self.fail(
                        node,
                        f"'{target.id}' starts with a value that has no type of its own",
                        f"annotate it, as `{target.id}: int = 0` or `{target.id}: Frame = NULL`",
                    )
                wanted = call.types[target.id] = kind
            self.check(node, kind, wanted, f"'{target.id}'")
            var = call.names.get(target.id)
            if not isinstance(var, Var):
                var = call.names[target.id] = self.variable(target.id, wanted)
            self.emit(Set(var, expr, **where))
            return
        cell, lock = self.cell(target)
        if lock:
            raise self.fail(node, "a lock is assigned to", "use acquire() and release()")
        self.check(node, kind, cell.type, "the memory assigned to")
        if cell.type is Type.PTE and isinstance(expr, Const) and not 0 <= expr.value <= FLAG_MASK:
            raise self.fail(node, f"{expr.value} names a frame", "a frame's number is not known: use PA2PTE(pa)")
        self.emit(Store(cell, expr, **where))

    def change(self, target: ast.expr, op: ast.operator, value: ast.expr, node: ast.stmt) -> None:
        """``memory op= value``: which memory is decided once, as in C."""
        where = self.where(node)
        cell, lock = self.cell(target)
        if lock:
            raise self.fail(node, "a lock is read", "use acquire() and release()")
        if type(op) not in BINARY:
            raise self.fail(node, f"unsupported: {ast.unparse(node)[:60]}", "a design has += -= &= |= ^= <<= >>=")
        memory = self.variable("memory", cell.type)
        self.emit(Load(memory, cell, **where))
        before = Local(memory), cell.type
        expr, kind = self.combined(node, target, before, BINARY[type(op)], value, self.expression(value))
        self.check(node, kind, cell.type, "the memory assigned to")
        self.emit(Store(cell, expr, **where))

    def if_statement(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> bool:
        then, otherwise, end = self.label(), self.label(), self.label()
        known = self.test(test, then, otherwise)
        falls = False
        if known is not False:
            self.mark(then)
            falls = self.block(body)
            if falls and known is None:
                self.jump(end, body[-1])
        if known is not True:
            self.mark(otherwise)
            falls = self.block(orelse) or falls
        for label in (then, otherwise):
            if self.labels[label] < 0:
                self.mark(label)
        self.mark(end)
        return falls

    def for_statement(self, node: ast.For) -> None:
        match node:
            case ast.For(
                target=ast.Name(id=name),
                iter=ast.Call(func=ast.Name(id="range" | "all_frames" as kind), args=bounds, keywords=[]),
                orelse=[],
            ):
                pass
            case _:
                raise self.fail(
                    node,
                    "a loop over something else than range()",
                    "write `for i in range(first, past_the_last):`",
                )
        where = self.where(node)
        call = self.current
        if kind == "all_frames":
            if not call.in_boot:
                raise self.fail(
                    node,
                    "all_frames() in code that runs after boot",
                    "frames have no order there; use it in kinit and freerange only",
                )
            var = self.variable(name, Type.FRAME)
            limit = self.variable("past the last frame", Type.INT)
            self.emit(Set(var, Const(1), **where))
            self.emit(Primitive("frame_limit", (), limit, **where))
        else:
            if not 1 <= len(bounds) <= 2:
                raise self.fail(node, f"range() with {len(bounds)} arguments", "write range(first, past_the_last)")
            pairs = [self.expression(bound) for bound in bounds]
            for bound, (_, bound_type) in zip(bounds, pairs, strict=True):
                self.check(bound, bound_type, Type.INT, "a bound of range()")
            var = self.variable(name, Type.INT)
            limit = self.variable(f"past the last {name}", Type.INT)
            self.emit(Set(limit, pairs[-1][0], **where))
            self.emit(Set(var, pairs[0][0] if len(pairs) == 2 else Const(0), **where))
        call.names[name] = var
        call.types[name] = var.type
        head, body, step, end = (self.label() for _ in range(4))
        self.mark(head)
        self.emit(Branch(Binary("<", Local(var), Local(limit)), body, end, **where))
        self.mark(body)
        call.loops.append((end, step))
        self.block(node.body)
        call.loops.pop()
        self.mark(step)
        self.emit(Set(var, Binary("+", Local(var), Const(1)), **where))
        self.jump(head, node)
        self.mark(end)

    def while_statement(self, node: ast.While) -> bool:
        sleeps = any(
            isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "sleep"
            for inner in ast.walk(node)
        )
        forever = isinstance(node.test, ast.Constant) and node.test.value is True and not node.orelse
        if not (sleeps and forever):
            raise self.fail(
                node,
                "an unbounded loop",
                "write `for i in range(first, past_the_last):`; `while True:` is for a loop that sleeps",
            )
        head, end = self.label(), self.label()
        self.mark(head)
        self.current.loops.append((end, head))
        if self.block(node.body):
            self.jump(head, node)
        self.current.loops.pop()
        self.mark(end)
        return any(isinstance(inner, ast.Break) for inner in ast.walk(node))

    def return_statement(self, node: ast.Return, value: ast.expr | None) -> None:
        call = self.current
        where = self.where(node)
        if value is not None:
            expr, kind = self.expression(value)
            wanted = call.result.type if call.result is not None else Type.NONE
            self.check(node, kind, wanted, f"the result of '{call.function.name}'")
            if call.result is not None:
                self.emit(Set(call.result, expr, **where))
        elif call.result is not None:
            raise self.fail(node, "return without a value", f"return a {call.result.type}")
        self.jump(call.end, node)


def _statement_name(node: ast.stmt) -> str:
    return {"FunctionDef": "def inside a function", "Delete": "del"}.get(
        type(node).__name__, type(node).__name__.lower()
    )


def lower(linked: Linked) -> Program:
    """The program of a linked design. Raises :class:`SourceError`."""
    lowering = Lowering(linked)
    entries = []
    for entry in ("boot", "uservec"):
        function = linked.functions.get(entry)
        assert function is not None, f"the base kernel defines {entry}"
        entries.append(len(lowering.code))
        lowering.inline(function, [])
        ending = "booted" if entry == "boot" else "sched"
        lowering.emit(Primitive(ending, (), None, place=function.unit.place(function.node), function=entry))
    instructions, (boot, trap) = resolve(lowering.code, lowering.labels, entries)
    _check_assigned(instructions, (boot, trap))
    info = linked.info
    return Program(
        instructions=instructions,
        boot=boot,
        trap=trap,
        variables=tuple(lowering.variables),
        globals=tuple(linked.globals.values()),
        count=info.count or None,
        count_offset=info.count_offset,
    )


def _check_assigned(instructions: tuple[Instruction, ...], entries: tuple[int, ...]) -> None:
    """No variable may be live where a program begins: some path would read it before it has a value."""
    live = live_in(instructions)
    unset = {index for entry in entries for index in members(live[entry])}
    for instruction in instructions:
        for var in instruction.reads():
            if var.index in unset:
                raise SourceError(
                    instruction.place,
                    f"'{var.name}' may be read before it has a value",
                    "give it one on every path to here",
                )
