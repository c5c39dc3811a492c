"""The Python text of a program's basic blocks: what each instruction does to a state, written out.

A block is ``def block(s, b, pid, t)``: the state, the base slot of the process that runs, its pid, and the scratch
registers; it returns the index of the next block. The text is meant to be read: an instruction is a line or three.
"""

from __future__ import annotations

from cowcheck.model.contents import REST_BITS, REST_MASK
from cowcheck.model.ir import (
    PAGE_DATA,
    PAGE_WORD,
    RUN_NEXT,
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
from cowcheck.model.language import SLEEPING
from cowcheck.model.layout import (
    FIXED,
    FREE_LIST,
    KILLED,
    LOCK,
    NOFF,
    OOM,
    PANIC,
    PARENT,
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
_TABLE_SLOTS = {"root": 0}
NULL_MESSAGES = {
    Space.PER_FRAME: "kernel page fault: an address that is no frame of RAM",
    Space.PROC: "kernel page fault: a null struct proc is dereferenced",
    Space.TABLE: "kernel page fault: a null page table is dereferenced",
    Space.PTE: "kernel page fault: a null pte is dereferenced",
}
HELD = "acquire: this hart holds the lock already"
NOT_HELD = "release: this hart does not hold the lock"
SLEEP_LOCKED = "sched locks: sleep with a lock held"
INTR_LOCKED = "sched locks: interrupts turned on with a lock held, and a timer interrupt comes"
EXIT_LOCKED = "sched locks: exit with a lock held"


def panic_messages(program: Program) -> tuple[str, ...]:
    """Every message that the kernel can stop with, in a fixed order: a state holds 1 + the message's index."""
    own = [instruction.message for instruction in program.instructions if isinstance(instruction, Panic)]
    return tuple(dict.fromkeys((*NULL_MESSAGES.values(), HELD, NOT_HELD, SLEEP_LOCKED, INTR_LOCKED, EXIT_LOCKED, *own)))


def _tested(program: Program) -> set[tuple[Var, str]]:
    """The variables that a branch of the same function depends on, if only by way of copies; with that function.

    A kernel that *tests* a null free list knows that memory is out; ``r->next = kmem.freelist`` tells it nothing.
    """
    tested = {
        (var, instruction.function)
        for instruction in program.instructions
        if isinstance(instruction, Branch)
        for var in instruction.reads()
    }
    copies = [instruction for instruction in program.instructions if isinstance(instruction, Set)]
    grown = True
    while grown:
        found = {
            (var, copy.function) for copy in copies if (copy.target, copy.function) in tested for var in copy.reads()
        }
        grown = not found <= tested
        tested |= found
    return tested


class CodeGenerator:
    """Writes the blocks of a program for a layout. ``leaders`` are the instructions that begin one."""

    def __init__(self, program: Program, allocation: Allocation, layout: Layout, every_instruction: bool) -> None:
        self.program = program
        self.allocation = allocation
        self.layout = layout
        self.messages = panic_messages(program)
        self.tested = _tested(program)
        self.tests_free_list = any(
            isinstance(one, Load) and one.cell.name == FREE_LIST and (one.target, one.function) in self.tested
            for one in program.instructions
        )
        self.leaders = set(range(len(program.instructions))) if every_instruction else self._find_leaders()

    def _find_leaders(self) -> set[int]:
        leaders = {self.program.boot, self.program.trap}
        for index, instruction in enumerate(self.program.instructions):
            follows = successors(index, instruction)
            if not falls_through(instruction):
                leaders.update(follows)
            leaders.update(follow for follow in follows if self.allocation.boundary[follow] is not None)
        return leaders

    def block(self, leader: int) -> str:
        """The function of the block that begins at an instruction."""
        lines = ["def block(s, b, pid, t):", f"    run[{leader}] = 1"]
        index = leader
        while True:
            instruction = self.program.instructions[index]
            lines += [f"    {line}" for line in self._statement(instruction)]
            if not falls_through(instruction):
                break
            index += 1
            if index in self.leaders:
                lines.append(f"    return {index}")
                break
        return "\n".join(lines)

    def lock(self, index: int) -> str:
        """The function that finds the lock which an instruction acquires: its slot, 0 where there is none."""
        instruction = self.program.instructions[index]
        where = self._lock_slot(instruction.lock) if isinstance(instruction, Acquire) else "0"
        return f"def lock(s, b, pid):\n    return {where}"

    def panic(self, message: str) -> str:
        """Statements that stop the kernel with a message."""
        return f"s[{PANIC}] = {1 + self.messages.index(message)}; return {LEFT}"

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

    def slot(self, cell: Cell) -> tuple[str, str]:
        """The slot of a cell, and a test that is true where there is no such memory ("" where there always is)."""
        index = self.expr(cell.index) if cell.index is not None else ""
        layout = self.layout
        match cell.space:
            case Space.GLOBAL:
                return str(layout.globals[cell.name]), ""
            case Space.PER_FRAME:
                array = layout.arrays[PAGE_DATA if cell.name == PAGE_WORD else cell.name]
                return f"{array - 1} + {index}", f"not 0 < {index} <= {layout.frames}"
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
        slot, bad = self.slot(lock)
        return f"0 if {bad} else {slot}" if bad else slot

    def _guard(self, cell: Cell) -> tuple[str, list[str]]:
        slot, bad = self.slot(cell)
        if not bad:
            return slot, []
        return slot, [f"if {bad}: {self.panic(NULL_MESSAGES[cell.space])}"]

    def _statement(self, instruction: Instruction) -> list[str]:
        match instruction:
            case Set(target, value):
                return [f"{self._var(target)} = {self.expr(value)}"]
            case Load(target, cell):
                slot, lines = self._guard(cell)
                if cell.name == PAGE_DATA and cell.index is not None:
                    lines.append(f"k.touch(s, {self.expr(cell.index)})")
                lines.append(f"{self._var(target)} = s[{slot}]")
                if cell.name == FREE_LIST and (target, instruction.function) in self.tested:
                    lines.append(f"if {self._var(target)} == 0: s[b + {OOM}] = 1")
                return lines
            case Store(cell, value):
                slot, lines = self._guard(cell)
                if cell.name in (PAGE_DATA, PAGE_WORD) and cell.index is not None:
                    frame = self.expr(cell.index)
                    lines.append(f"k.touch(s, {frame})")
                    lines.append(f"s[{self.layout.arrays[RUN_NEXT] - 1} + {frame}] = 0")
                if cell.name == PAGE_WORD:
                    return [*lines, f"s[{slot}] = {self.expr(value)} << {REST_BITS} | s[{slot}] & {REST_MASK}"]
                return [*lines, f"s[{slot}] = {self.expr(value)}"]
            case Acquire(lock):
                slot, lines = self._guard(lock)
                return [
                    *lines,
                    f"if s[{slot}]: {self.panic(HELD)}",
                    f"s[{slot}] = pid",
                    f"s[b + {NOFF}] += 1",
                ]
            case Release(lock):
                return self._release(lock)
            case Sleep(lock):
                return [
                    *self._release(lock),
                    f"if s[b + {NOFF}]: {self.panic(SLEEP_LOCKED)}",
                    f"s[b + {STATE}] = {SLEEPING}",
                ]
            case Branch(test, then, otherwise):
                return [f"return {then} if {self.expr(test)} else {otherwise}"]
            case Jump(to):
                return [f"return {to}"]
            case Panic(message):
                return [self.panic(message)]
            case Primitive():
                return self._primitive(instruction)
        raise AssertionError(instruction)

    def _release(self, lock: Cell) -> list[str]:
        slot, lines = self._guard(lock)
        return [
            *lines,
            f"if s[{slot}] != pid: {self.panic(NOT_HELD)}",
            f"s[{slot}] = 0",
            f"s[b + {NOFF}] -= 1",
        ]

    def _primitive(self, instruction: Primitive) -> list[str]:
        name = instruction.name
        if name == "sched":
            return [
                f"if s[b + {NOFF}]: {self.panic(EXIT_LOCKED)}",
                f"return {LEFT}",
            ]
        if name == "booted":
            return [f"return {LEFT}"]
        arguments = ", ".join(("s", "pid", *(self.expr(argument) for argument in instruction.arguments)))
        call = f"k.{name}({arguments})"
        if name == "sret":
            return [call, f"return {LEFT}"]
        if name == "intr_on":
            return [f"if s[b + {NOFF}]: {self.panic(INTR_LOCKED)}", call]
        return [f"{self._var(instruction.target)} = {call}" if instruction.target is not None else call]
