"""The reference interpreter: every basic block of a program becomes a small Python function, and a step runs them.

The code of a block is its instructions, written out with the slots of the layout (``model/codegen.py``). This is the
semantics that every other engine is tested against, so it does nothing clever: no step looks ahead, no result is kept,
a state is a list of integers. A block is compiled when it first runs, for most scenarios run few of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any

from cowcheck.model.codegen import CodeGenerator
from cowcheck.model.errors import SourceError
from cowcheck.model.hardware import StateLike
from cowcheck.model.ir import Acquire, Cell, Expr, Program
from cowcheck.model.kernel import Kernel
from cowcheck.model.layout import FIXED, PANIC, PC, Layout
from cowcheck.model.liveness import Allocation

STEP_LIMIT = 100_000  # blocks in one step: a private loop that never ends

Block = Callable[[list[int], int, int, list[int]], int]
LockSlot = Callable[[StateLike, int, int], int]


@lru_cache(maxsize=1 << 14)
def _code(text: str) -> CodeType:
    """The text, compiled: much of it is the same in every scenario."""
    return compile(text, "<program>", "exec")


@lru_cache(maxsize=64)
def _dead(allocation: Allocation, first: int) -> list[tuple[int, ...] | None]:
    """By instruction that begins a step, the registers that do not matter there; ``first`` is where registers begin."""
    every = set(range(allocation.kept_count))
    return [
        None if kept is None else tuple(first + register for register in sorted(every - {k.register for k in kept}))
        for kept in allocation.boundary
    ]


class Interpreter:
    """Runs steps of a program on states of a layout.

    ``blocks_run`` holds a 1 for each instruction that began a block which ran: the coverage.
    """

    def __init__(
        self,
        program: Program,
        allocation: Allocation,
        layout: Layout,
        kernel: Kernel,
        watch: Callable[[int, list[int]], None] | None = None,
    ) -> None:
        """``watch`` is called before each instruction with its index and the state, so that a trace can tell which
        line changed what."""
        self.program = program
        self.watch = watch
        self.allocation = allocation
        self.layout = layout
        self.kernel = kernel
        self.code = CodeGenerator(program, allocation, layout, every_instruction=watch is not None)
        self.blocks_run = bytearray(len(program.instructions))
        self._scope = {"k": kernel, "run": self.blocks_run}
        self._blocks: list[Block | None] = [None] * len(program.instructions)
        self._locks: list[LockSlot | None] = [None] * len(program.instructions)
        first = FIXED + layout.pages
        self._clear = _dead(allocation, first)
        self._all_registers = tuple(first + register for register in range(layout.kept_registers))

    def step(self, state: list[int], pid: int, start: int) -> None:
        """Runs process ``pid`` from instruction ``start`` to its next step boundary; changes ``state`` in place."""
        base = self.layout.process(pid)
        scratch = [0] * self.allocation.scratch_count
        index = start
        for _ in range(STEP_LIMIT):
            block = self._blocks[index]
            if block is None:
                block = self._blocks[index] = self._compiled(self.code.block(index))
            if self.watch is not None:
                self.watch(index, state)
            index = block(state, base, pid, scratch)
            if index < 0:
                for register in self._all_registers:
                    state[base + register] = 0
                if not state[PANIC]:
                    state[base + PC] = 0
                return
            dead = self._clear[index]
            if dead is not None:
                for register in dead:
                    state[base + register] = 0
                state[base + PC] = index + 1
                return
        instruction = self.program.instructions[start]
        raise SourceError(
            instruction.place,
            f"what follows this line in '{instruction.function}' runs {STEP_LIMIT} blocks and touches no shared memory",
            "give the loop a smaller range()",
        )

    def wanted_lock(self, state: StateLike, pid: int, index: int) -> int:
        """The slot of the lock that instruction ``index`` acquires; 0 where it acquires none (or none that exists)."""
        if not isinstance(self.program.instructions[index], Acquire):
            return 0
        lock = self._locks[index]
        if lock is None:
            lock = self._locks[index] = self._compiled(self.code.lock(index))
        return lock(state, self.layout.process(pid), pid)

    def _compiled(self, text: str) -> Any:
        scope: dict[str, Any] = dict(self._scope)
        exec(_code(text), scope)
        return scope["block"] if "block" in scope else scope["lock"]

    def value_of(self, expr: Expr, state: StateLike, pid: int) -> int:
        """The value of an expression at a step boundary (for traces)."""
        value: int = eval(self.code.expr(expr), self._names(state, pid))
        return value

    def _names(self, state: StateLike, pid: int) -> dict[str, Any]:
        return {"s": state, "b": self.layout.process(pid), "pid": pid, "t": [0] * self.allocation.scratch_count}

    def slot_of(self, cell: Cell, state: StateLike, pid: int) -> int | None:
        """The slot of a cell at a step boundary (for traces); None where there is no such memory."""
        slot, bad = self.code.slot(cell)
        scope = self._names(state, pid)
        return None if bad and eval(bad, scope) else eval(slot, scope)
