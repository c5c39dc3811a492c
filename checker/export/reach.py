"""Which instructions of a program a scenario can reach: the rest is left out of an export.

Each variable has a set of values that it may have anywhere (constants of the scenario, what is computed of them), or
any value at all. A branch whose test comes out one way only keeps one side. So a scenario without ``exec`` is exported
without the code of ``exec``. What is left out can never run; what is kept is not changed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from itertools import product

from cowcheck.checker.export.operations import Operation
from cowcheck.model.ir import (
    Binary,
    Branch,
    Const,
    Expr,
    Load,
    Local,
    Primitive,
    Program,
    Set,
    Space,
    Unary,
    successors,
)
from cowcheck.model.kernel import Kernel
from cowcheck.model.language import SCAUSE_SYSCALL, SCAUSE_TIMER
from cowcheck.model.layout import FIRST

Values = frozenset[int] | None
"""The values that a variable may have; None is any."""

MOST_VALUES = 24

_BINARY: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_UNARY: dict[str, Callable[[int], int]] = {"~": operator.inv, "-": operator.neg, "not": operator.not_}


class Reach:
    """``instructions`` can be reached; ``taken`` says of some branches which side alone can be."""

    def __init__(self, program: Program, kernel: Kernel, operations: Sequence[Operation]) -> None:
        self._program = program
        self._given = _given(kernel, operations)
        self._values: dict[int, Values] = {}  # by the variable's index; absent: it has none yet
        self.instructions: set[int] = {program.boot, program.trap}
        self.taken: dict[int, int] = {}
        changed = True
        while changed:
            changed = False
            for index in sorted(self.instructions):
                changed |= self._assign(index)
                for follower in self._followers(index):
                    if follower not in self.instructions:
                        self.instructions.add(follower)
                        changed = True
        for index in self.instructions:
            if isinstance(program.instructions[index], Branch) and len(sides := self._followers(index)) == 1:
                self.taken[index] = sides[0]

    def followers(self, index: int) -> tuple[int, ...]:
        """Where control can go from an instruction."""
        side = self.taken.get(index)
        return successors(index, self._program.instructions[index]) if side is None else (side,)

    def _followers(self, index: int) -> tuple[int, ...]:
        instruction = self._program.instructions[index]
        if isinstance(instruction, Branch):
            values = self._of(instruction.test)
            if values is not None:
                sides = {bool(value) for value in values}
                return tuple(instruction.then if side else instruction.otherwise for side in sorted(sides))
        return successors(index, instruction)

    def _assign(self, index: int) -> bool:
        instruction = self._program.instructions[index]
        target = instruction.writes()
        if target is None:
            return False
        match instruction:
            case Set(value=value):
                new = self._of(value)
            case Load(cell=cell) if cell.space is Space.PROC:
                new = self._given.get(cell.name)
            case Primitive(name=name):
                new = self._given.get(name)
            case _:
                new = None
        before = self._values.get(target.index, frozenset())
        after = None if before is None or new is None else before | new
        if after is not None and len(after) > MOST_VALUES:
            after = None
        self._values[target.index] = after
        return after != before

    def _of(self, expr: Expr) -> Values:
        match expr:
            case Const(value):
                return frozenset({value})
            case Local(var):
                return self._values.get(var.index, frozenset())
            case Unary(op, operand) if op in _UNARY:
                values = self._of(operand)
                return None if values is None else frozenset(int(_UNARY[op](value)) for value in values)
            case Binary(op, left, right):
                a, b = self._of(left), self._of(right)
                if a is None or b is None or len(a) * len(b) > MOST_VALUES**2:
                    return None
                return frozenset(int(_BINARY[op](x, y)) for x, y in product(a, b))
        return None


def _given(kernel: Kernel, operations: Sequence[Operation]) -> Mapping[str, Values]:
    """What the scenario says of built-ins and of the trap's cause."""
    causes = {cause for operation in operations for cause in (operation.fault, operation.bad_address) if cause}
    return {
        "syscall_number": frozenset(operation.syscall for operation in operations if operation.syscall),
        "scause": frozenset({SCAUSE_SYSCALL, SCAUSE_TIMER, *causes}),
        "image_pages": frozenset({kernel.image_pages([], 0)}),
        "stack_page": frozenset({kernel.stack_page([], 0)}),
        "leaf_count": frozenset({kernel.leaf_count([], 0)}),
        "frame_limit": frozenset({kernel.frame_limit([], 0)}),
        "image_token": frozenset({kernel.image_token([], 0)}),
        "first_proc": frozenset({FIRST}),
    }
