"""The reference interpreter: every basic block of a program becomes a small Python function, and a step runs them.

The code of a block is its instructions, one Python statement or two each, written out with the slots of the layout.
This is the semantics that every other engine is tested against, so it does nothing clever: no step looks ahead,
nothing is cached, a state is a list of integers. ``Interpreter.source`` is the generated text, to be read.

A block is ``def block_12(s, b, pid, t)``: the state, the base slot of the process that runs, its pid, and the scratch
registers; it returns the index of the next block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cowcheck.model.errors import SourceError
from cowcheck.model.expressions import PAGE_DATA, RUN_NEXT
from cowcheck.model.hardware import StateLike
from cowcheck.model.ir import (
    Acquire,
    Binary,
    Branch,
    Cell,
    Const,
    Expr,
    Instruction,
    Jump,
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
    falls_through,
    successors,
)
from cowcheck.model.kernel import Kernel
from cowcheck.model.language import SLEEPING
from cowcheck.model.layout import (
    FIXED,
    KILLED,
    LOCK,
    NOFF,
    OOM,
    PANIC,
    PARENT,
    PC,
    SCAUSE,
    STATE,
    STVAL,
    SZ,
    TABLE,
    Layout,
)
from cowcheck.model.liveness import Allocation
from cowcheck.model.sv39 import FLAG_BITS, FLAG_MASK

LEFT = -1  # the next "block" of a process that went back to user mode, ended, or panicked
STEP_LIMIT = 100_000  # blocks in one step: a private loop that never ends

_PROC_SLOTS = {
    "state": STATE,
    "killed": KILLED,
    "parent": PARENT,
    "pagetable": TABLE,
    "sz": SZ,
    "lock": LOCK,
    "scause": SCAUSE,
    "stval": STVAL,
}
_TABLE_SLOTS = {"root": 0, "leaf": 1}
_NULL_TALK = {
    Space.PER_FRAME: "kernel page fault: an address that is no frame of RAM",
    Space.PROC: "kernel page fault: a null struct proc is dereferenced",
    Space.TABLE: "kernel page fault: a null page table is dereferenced",
    Space.PTE: "kernel page fault: a null pte is dereferenced",
}

Block = Callable[[list[int], int, int, list[int]], int]
LockSlot = Callable[[StateLike, int, int], int]


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
        self.panics: list[str] = []
        self.panic_places: list[Instruction] = []
        self.blocks_run = bytearray(len(program.instructions))
        self._leaders = self._find_leaders()
        self.source, names = self._generate()
        scope: dict[str, Any] = {"k": kernel, "run": self.blocks_run}
        exec(compile(self.source, "<program>", "exec"), scope)
        self.blocks: list[Block | None] = [None] * len(program.instructions)
        self.lock_slots: list[LockSlot | None] = [None] * len(program.instructions)
        for index, block, lock in names:
            self.blocks[index] = scope[block]
            self.lock_slots[index] = scope[lock] if lock else None
        every = set(range(layout.kept_registers))
        first = FIXED + layout.pages
        self._clear: list[tuple[int, ...] | None] = [
            None if kept is None else tuple(first + register for register in sorted(every - {k.register for k in kept}))
            for kept in allocation.boundary
        ]
        self._all_registers = tuple(first + register for register in range(layout.kept_registers))

    def step(self, state: list[int], pid: int, start: int) -> None:
        """Runs process ``pid`` from instruction ``start`` to its next step boundary; changes ``state`` in place."""
        base = self.layout.process(pid)
        scratch = [0] * self.allocation.scratch_count
        index = start
        for _ in range(STEP_LIMIT):
            block = self.blocks[index]
            assert block is not None
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
        lock = self.lock_slots[index]
        return 0 if lock is None else lock(state, self.layout.process(pid), pid)

    def value_of(self, expr: Expr, state: StateLike, pid: int) -> int:
        """The value of an expression at a step boundary (for traces)."""
        value: int = eval(self.expr(expr), {"s": state, "b": self.layout.process(pid), "pid": pid, "t": [0] * 64})
        return value

    def slot_of(self, cell: Cell, state: StateLike, pid: int) -> int | None:
        """The slot of a cell at a step boundary (for traces); None where there is no such memory."""
        slot, bad = self._slot(cell)
        scope = {"s": state, "b": self.layout.process(pid), "pid": pid, "t": [0] * 64}
        return None if bad and eval(bad, scope) else eval(slot, scope)

    # --- generation ---

    def _find_leaders(self) -> set[int]:
        instructions = self.program.instructions
        if self.watch is not None:
            return set(range(len(instructions)))
        leaders = {self.program.boot, self.program.trap}
        for index, instruction in enumerate(instructions):
            follows = successors(index, instruction)
            if not falls_through(instruction):
                leaders.update(follows)
            leaders.update(follow for follow in follows if self.allocation.boundary[follow] is not None)
        return leaders

    def _generate(self) -> tuple[str, list[tuple[int, str, str]]]:
        lines: list[str] = []
        names = []
        for leader in sorted(self._leaders):
            lock = ""
            instruction = self.program.instructions[leader]
            if isinstance(instruction, Acquire):
                lock = f"lock_{leader}"
                lines += [f"def {lock}(s, b, pid):", f"    return {self._lock_slot(instruction.lock)}", ""]
            lines += [f"def block_{leader}(s, b, pid, t):", f"    run[{leader}] = 1"]
            index = leader
            while True:
                instruction = self.program.instructions[index]
                lines += [f"    {line}" for line in self._statement(index, instruction)]
                if not falls_through(instruction):
                    break
                index += 1
                if index in self._leaders:
                    lines.append(f"    return {index}")
                    break
            lines.append("")
            names.append((leader, f"block_{leader}", lock))
        return "\n".join(lines), names

    def panic(self, message: str, instruction: Instruction) -> str:
        """Statement that stops the kernel with a message."""
        self.panics.append(message)
        self.panic_places.append(instruction)
        return f"s[{PANIC}] = {len(self.panics)}; return {LEFT}"

    def _var(self, var: Var) -> str:
        register = self.allocation.registers[var.index]
        if register.kept:
            return f"s[b + {FIXED + self.layout.pages + register.index}]"
        return f"t[{register.index}]"

    def expr(self, expr: Expr) -> str:
        match expr:
            case Const(value):
                return str(value)
            case Local(var):
                return self._var(var)
            case Self():
                return "pid"
            case Unary("PTE2PA", operand):
                return f"({self.expr(operand)} >> {FLAG_BITS})"
            case Unary("PA2PTE", operand):
                return f"({self.expr(operand)} << {FLAG_BITS})"
            case Unary("PTE_FLAGS", operand):
                return f"({self.expr(operand)} & {FLAG_MASK})"
            case Unary("in_ram", operand):
                return f"(0 < {self.expr(operand)} <= {self.layout.frames})"
            case Unary("not", operand):
                return f"(not {self.expr(operand)})"
            case Unary(op, operand):
                return f"({op}{self.expr(operand)})"
            case Binary(op, left, right):
                return f"({self.expr(left)} {op} {self.expr(right)})"
        raise AssertionError(expr)

    def _slot(self, cell: Cell) -> tuple[str, str]:
        """The slot of a cell, and a test that is true where there is no such memory ("" where there always is)."""
        index = self.expr(cell.index) if cell.index is not None else ""
        layout = self.layout
        match cell.space:
            case Space.GLOBAL:
                return str(layout.globals[cell.name]), ""
            case Space.PER_FRAME:
                return f"{layout.arrays[cell.name] - 1} + {index}", f"not 0 < {index} <= {layout.frames}"
            case Space.PROC:
                offset = _PROC_SLOTS[cell.name]
                if isinstance(cell.index, Self):
                    return f"b + {offset}", ""
                first = layout.process(1) - layout.process_size + offset
                return f"{first} + {index} * {layout.process_size}", f"{index} == 0"
            case Space.TABLE:
                first = layout.table(1) - layout.table_size + _TABLE_SLOTS[cell.name]
                return f"{first} + {index} * {layout.table_size}", f"{index} == 0"
            case Space.PTE:
                return index, f"{index} == 0"
        raise AssertionError(cell)

    def _lock_slot(self, lock: Cell) -> str:
        slot, bad = self._slot(lock)
        return f"0 if {bad} else {slot}" if bad else slot

    def _guard(self, cell: Cell, instruction: Instruction) -> tuple[str, list[str]]:
        slot, bad = self._slot(cell)
        if not bad:
            return slot, []
        return slot, [f"if {bad}: {self.panic(_NULL_TALK[cell.space], instruction)}"]

    def _statement(self, index: int, instruction: Instruction) -> list[str]:
        match instruction:
            case Set(target, value):
                return [f"{self._var(target)} = {self.expr(value)}"]
            case Load(target, cell):
                slot, lines = self._guard(cell, instruction)
                if cell.name == PAGE_DATA and cell.index is not None:
                    lines.append(f"k.touch(s, {self.expr(cell.index)})")
                lines.append(f"{self._var(target)} = s[{slot}]")
                if cell.name == "kmem.freelist":
                    lines.append(f"if {self._var(target)} == 0: s[b + {OOM}] = 1")
                return lines
            case Store(cell, value):
                slot, lines = self._guard(cell, instruction)
                if cell.name == PAGE_DATA and cell.index is not None:
                    frame = self.expr(cell.index)
                    lines.append(f"k.touch(s, {frame})")
                    lines.append(f"s[{self.layout.arrays[RUN_NEXT] - 1} + {frame}] = 0")
                return [*lines, f"s[{slot}] = {self.expr(value)}"]
            case Acquire(lock):
                slot, lines = self._guard(lock, instruction)
                return [
                    *lines,
                    f"if s[{slot}]: {self.panic('acquire: this hart holds the lock already', instruction)}",
                    f"s[{slot}] = pid",
                    f"s[b + {NOFF}] += 1",
                ]
            case Release(lock):
                return self._release(lock, instruction)
            case Sleep(lock):
                return [
                    *self._release(lock, instruction),
                    f"if s[b + {NOFF}]: {self.panic('sched locks: sleep with a lock held', instruction)}",
                    f"s[b + {STATE}] = {SLEEPING}",
                ]
            case Branch(test, then, otherwise):
                return [f"return {then} if {self.expr(test)} else {otherwise}"]
            case Jump(to):
                return [f"return {to}"]
            case Panic(message):
                return [self.panic(message, instruction)]
            case Primitive():
                return self._primitive(instruction)
        raise AssertionError(instruction)

    def _release(self, lock: Cell, instruction: Instruction) -> list[str]:
        slot, lines = self._guard(lock, instruction)
        return [
            *lines,
            f"if s[{slot}] != pid: {self.panic('release: this hart does not hold the lock', instruction)}",
            f"s[{slot}] = 0",
            f"s[b + {NOFF}] -= 1",
        ]

    def _primitive(self, instruction: Primitive) -> list[str]:
        name = instruction.name
        if name == "sched":
            return [
                f"if s[b + {NOFF}]: {self.panic('sched locks: exit with a lock held', instruction)}",
                f"return {LEFT}",
            ]
        if name == "booted":
            return [f"return {LEFT}"]
        arguments = ", ".join(("s", "pid", *(self.expr(argument) for argument in instruction.arguments)))
        call = f"k.{name}({arguments})"
        if name == "sret":
            return [call, f"return {LEFT}"]
        return [f"{self._var(instruction.target)} = {call}" if instruction.target is not None else call]
