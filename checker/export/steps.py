"""The instructions of a program as Promela statements: each what ``model/codegen.py`` makes of it in Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cowcheck.checker.export.binding import Binding
from cowcheck.checker.export.known import is_good
from cowcheck.checker.export.primitives import Primitives
from cowcheck.checker.export.terms import Terms, comment
from cowcheck.model import codegen
from cowcheck.model.ir import (
    PAGE_DATA,
    PAGE_WORD,
    Acquire,
    Branch,
    Cell,
    Instruction,
    Jump,
    Load,
    Panic,
    Primitive,
    Release,
    Set,
    Sleep,
    Space,
    Store,
)
from cowcheck.model.language import SLEEPING
from cowcheck.model.layout import FREE_LIST


class Steps:
    """Writes the blocks of one ``d_step``. ``suffix`` keeps its labels apart from another's."""

    def __init__(self, binding: Binding, terms: Terms, suffix: str) -> None:
        self.binding = binding
        self.terms = terms
        self.primitives = Primitives(binding, self.terms)
        self.suffix = suffix

    # --- labels ---

    def begin(self, index: int) -> str:
        """The label of the block that begins at an instruction."""
        return f"L{index}{self.suffix}"

    def arrive(self, index: int) -> str:
        """The label of the end of a step that leads to an instruction, or of the block that goes on there."""
        return f"at_{self.binding.steps[index]}{self.suffix}" if self.is_end(index) else self.begin(index)

    def is_end(self, index: int) -> bool:
        """A step ends before the instruction."""
        return self.binding.boundary[index] is not None

    @property
    def left(self) -> str:
        """The label of the end of a step after which the process is in user mode, or the kernel has stopped."""
        return f"left{self.suffix}"

    # --- blocks ---

    def blocks(self, entries: Iterable[int]) -> Iterator[str]:
        """Every block that a step from ``entries`` may run, and the ends that it may come to."""
        binding = self.binding
        begun = set(entries)
        indices = binding.closure(begun)
        followers = {index: binding.followers(index) for index in indices}
        leaders = begun | {
            follower for index, after in followers.items() for follower in after if follower != index + 1
        }
        leaders |= {follower for index, after in followers.items() for follower in after if len(after) > 1}
        shown = ""
        for place, index in enumerate(indices):
            instruction = binding.program.instructions[index]
            if index in leaders:
                yield f"{self.begin(index)}:"
            source = self._source(instruction)
            if source != shown:
                yield f"    {source}"
                shown = source
            for line in self._statement(index, instruction):
                yield f"    {line}"
            following = indices[place + 1] if place + 1 < len(indices) else -1
            if len(followers[index]) == 1 and (self.is_end(followers[index][0]) or followers[index][0] != following):
                yield f"    goto {self.arrive(followers[index][0])};"
        for index in sorted({follower for after in followers.values() for follower in after if self.is_end(follower)}):
            yield from self._end(index)

    def _end(self, index: int) -> Iterator[str]:
        binding = self.binding
        kept = {binding.slots[kept.var]: kept.var for kept in binding.kept(index)}
        yield f"{self.arrive(index)}: {self._source(binding.program.instructions[index])}"
        told = ", ".join(f"{slot.name} = {var.name}" for slot, var in sorted(kept.items(), key=lambda it: it[0].name))
        if told:
            yield f"    {comment(f'keeps {told}')}"
        yield f"    pc[self] = {binding.steps[index]};"
        instruction = binding.program.instructions[index]
        if isinstance(instruction, Acquire):
            number, bad = self.terms.lock(instruction.lock)
            yield f"    proc[self].wants = {f'({bad} -> 0 : {number})' if bad else number};"
        yield f"    goto done{self.suffix};"

    def _source(self, instruction: Instruction) -> str:
        line = self.binding.design.linked.source_line(instruction.place)
        return comment(f"{instruction.place} {instruction.function}: {line}")

    # --- instructions ---

    def panic(self, message: str) -> str:
        number = 1 + self.binding.model.interpreter.code.messages.index(message)
        return f"panic = {number}; goto {self.left}"

    def _guard(self, bad: str, message: str) -> list[str]:
        return [f"if :: {bad} -> {self.panic(message)} :: else fi;"] if bad else []

    def _cell(self, index: int, cell: Cell) -> tuple[str, list[str]]:
        text, bad = self.terms.cell(cell)
        return text, self._null_guard(index, cell, bad)

    def _lock(self, index: int, cell: Cell) -> tuple[str, list[str]]:
        number, bad = self.terms.lock(cell)
        return f"LOCK({number})", self._null_guard(index, cell, bad)

    def _null_guard(self, index: int, cell: Cell, bad: str) -> list[str]:
        if not bad or is_good(self.binding.known[index], cell):
            return []
        return self._guard(bad, codegen.NULL_MESSAGES[cell.space])

    def _statement(self, index: int, instruction: Instruction) -> list[str]:
        terms = self.terms
        match instruction:
            case Set(target, value):
                return [f"{terms.var(target)} = {terms.expr(value)};"]
            case Load(target, cell):
                text, lines = self._cell(index, cell)
                if cell.name == PAGE_DATA and cell.index is not None:
                    lines.append(f"touched_frame = {terms.expr(cell.index)};")
                lines.append(f"{terms.var(target)} = {text};")
                if cell.name == FREE_LIST and self.binding.tests(target, instruction.function):
                    lines.append(f"if :: {terms.var(target)} == 0 -> proc[self].oom = 1 :: else fi;")
                return lines
            case Store(cell, value):
                text, lines = self._cell(index, cell)
                if cell.name in (PAGE_DATA, PAGE_WORD) and cell.index is not None:
                    frame = terms.expr(cell.index)
                    lines.append(f"touched_frame = {frame};")
                    lines.append(f"run_next[{frame} - 1] = 0;")
                if cell.name == PAGE_WORD:
                    return [*lines, f"{text} = WITH_WORD({text}, {terms.expr(value)});"]
                return [*lines, f"{text} = {terms.expr(value)};"]
            case Acquire(lock):
                text, lines = self._lock(index, lock)
                free = lock.space is Space.GLOBAL and lock.name not in self.binding.known[index].may_hold
                held = [] if free else self._guard(text, codegen.HELD)
                return [*lines, *held, f"{text} = me; proc[self].noff++;"]
            case Release(lock):
                return self._release(index, lock)
            case Sleep(lock):
                locked = self._guard("proc[self].noff", codegen.SLEEP_LOCKED)
                return [*self._release(index, lock), *locked, f"state[self] = {SLEEPING};"]
            case Branch(test=test):
                after = self.binding.followers(index)
                if len(after) == 1:
                    return []
                return [
                    f"if :: {terms.expr(test)} -> goto {self.arrive(after[0])}",
                    f":: else -> goto {self.arrive(after[1])} fi;",
                ]
            case Jump():
                return []
            case Panic(message):
                return [f"{self.panic(message)};"]
            case Primitive():
                return self._primitive(instruction)
        raise AssertionError(instruction)

    def _release(self, index: int, lock: Cell) -> list[str]:
        text, lines = self._lock(index, lock)
        held = lock.space is Space.GLOBAL and lock.name in self.binding.known[index].must_hold
        wrong = [] if held else self._guard(f"{text} != me", codegen.NOT_HELD)
        return [*lines, *wrong, f"{text} = 0; proc[self].noff--;"]

    def _primitive(self, instruction: Primitive) -> list[str]:
        match instruction.name:
            case "sched":
                return [*self._guard("proc[self].noff", codegen.EXIT_LOCKED), f"goto {self.left};"]
            case "booted":
                return [f"goto {self.left};"]
            case "sret":
                return [*self.primitives.lines(instruction), f"goto {self.left};"]
            case "intr_on":
                return [*self._guard("proc[self].noff", codegen.INTR_LOCKED), *self.primitives.lines(instruction)]
        return self.primitives.lines(instruction)
