"""What both halves of the compiler stand on: the instructions so far, labels, variables and the calls being inlined."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TypedDict

from cowcheck.model.errors import Place, SourceError
from cowcheck.model.ir import Expr, Instruction, Jump, Type, Var
from cowcheck.model.link import Linked
from cowcheck.model.source import Function

INSTRUCTION_LIMIT = 20_000  # a pc fits 15 bits of a packed state


class Where(TypedDict):
    """Where an instruction comes from."""

    place: Place
    function: str


@dataclass(eq=False, slots=True)
class Call:
    """One inlined call: its names, where ``return`` goes, and the loops that ``break`` and ``continue`` leave."""

    function: Function
    names: dict[str, Expr | Var]
    types: dict[str, Type]
    result: Var | None
    end: int  # a label
    loops: list[tuple[int, int]] = field(default_factory=list)  # labels: past the loop, its next round
    in_boot: bool = False


class Emitter:
    """Instructions are appended; a label is an index into ``labels``, resolved when all is lowered."""

    def __init__(self, linked: Linked) -> None:
        self.linked = linked
        self.code: list[Instruction] = []
        self.labels: list[int] = []
        self.variables: list[Var] = []
        self.calls: list[Call] = []

    @property
    def current(self) -> Call:
        return self.calls[-1]

    def label(self) -> int:
        self.labels.append(-1)
        return len(self.labels) - 1

    def mark(self, label: int) -> None:
        self.labels[label] = len(self.code)

    def emit(self, instruction: Instruction) -> None:
        if len(self.code) >= INSTRUCTION_LIMIT:
            raise SourceError(
                instruction.place, f"the program exceeds {INSTRUCTION_LIMIT} instructions", "call less deeply"
            )
        self.code.append(instruction)

    def jump(self, label: int, node: ast.AST) -> None:
        self.emit(Jump(label, **self.where(node)))

    def variable(self, name: str, kind: Type) -> Var:
        var = Var(len(self.variables), name, kind)
        self.variables.append(var)
        return var

    def where(self, node: ast.AST) -> Where:
        return {"place": self.current.function.unit.place(node), "function": self.current.function.name}

    def fail(self, node: ast.AST, problem: str, remedy: str) -> SourceError:
        return SourceError(self.current.function.unit.place(node), problem, remedy)

    def check(self, node: ast.AST, kind: Type, wanted: Type, what: str) -> None:
        """A value of type ``kind`` may stand where ``wanted`` is due."""
        if kind is wanted or (kind is Type.NULL and (wanted.pointer or wanted in (Type.INT, Type.PTE))):
            return
        if kind is Type.INT and wanted is Type.PTE:
            return  # flags alone: they carry no frame's name
        if kind is Type.PTE and wanted is Type.INT:
            raise self.fail(
                node,
                f"{what} is an int, and is given a PTE, which carries a frame's name",
                "annotate it Pte, or take PTE_FLAGS() or PTE2PA() of it",
            )
        raise self.fail(node, f"{what} is a {wanted}, and is given a {kind}", f"give a {wanted}")
