"""The program that a design compiles to: instructions, each at most one access to shared memory.

A *step* of a process is one shared instruction and the private ones after it, up to the next shared one: private
instructions touch only what no other process can reach (registers, the process's own page table, see ``Cell.shared``),
so running them at once hides nothing. The program knows nothing of sizes (frames, pages, processes, harts); an engine
binds it to a layout.

Expressions are pure: registers, constants and operators. Values are integers; a type says what one stands for, for a
frame's number is a name that symmetry may change, a count is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cowcheck.model.errors import Place


class Type(StrEnum):
    """What a value stands for."""

    INT = "int"
    FRAME = "Frame"
    PTE = "pte"  # a PTE's value: a frame's name and flags in one integer
    PTE_REF = "PteRef"
    PAGE_TABLE = "PageTable"
    PROC = "Proc"
    BUFFER = "Buffer"
    NULL = "NULL"
    NONE = "None"

    @property
    def pointer(self) -> bool:
        """Compared with ``==`` only, and NULL is one of its values."""
        return self in (Type.FRAME, Type.PTE_REF, Type.PAGE_TABLE, Type.PROC, Type.NULL)


@dataclass(frozen=True, slots=True, eq=False)
class Var:
    """A local variable of one inlined call; ``name`` is as the source has it."""

    index: int
    name: str
    type: Type


# --- expressions ---


@dataclass(frozen=True, slots=True)
class Const:
    value: int


@dataclass(frozen=True, slots=True)
class Local:
    var: Var


@dataclass(frozen=True, slots=True)
class Self:
    """The process that runs this (``myproc()``)."""


@dataclass(frozen=True, slots=True)
class Unary:
    op: str  # "~", "-", "not", or "PTE2PA", "PA2PTE", "PTE_FLAGS", "in_ram"
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary:
    op: str  # Python's spelling: + - & | ^ << >> == != < <= > >=
    left: Expr
    right: Expr


Expr = Const | Local | Self | Unary | Binary


def variables(expr: Expr) -> tuple[Var, ...]:
    """The variables that an expression reads."""
    match expr:
        case Local(var):
            return (var,)
        case Unary(_, operand):
            return variables(operand)
        case Binary(_, left, right):
            return variables(left) + variables(right)
        case _:
            return ()


# --- memory ---


class Space(StrEnum):
    """The kinds of memory; the index of a cell is a value of the type named here."""

    GLOBAL = "global"  # no index
    PER_FRAME = "frame"  # a frame
    PROC = "proc"  # a process
    TABLE = "table"  # a page table
    PTE = "pte"  # a reference to a PTE


PAGE_DATA = "page.data"
PAGE_WORD = "page.word"  # its first word: what a system call copies out is no whole page
RUN_NEXT = "run.next"
"""Per frame: a page's contents, and the link of the free list that stands in it."""

PRIVATE_PROC_FIELDS = frozenset({"pagetable", "sz", "scause", "stval"})
"""xv6 kernel/proc.h: "these are private to the process, so p->lock need not be held"."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One word of memory: ``name`` within its space, at ``index``."""

    space: Space
    name: str
    index: Expr | None
    type: Type

    @property
    def shared(self) -> bool:
        """Another process may touch it. A page table is private to its process (xv6 kernel/proc.h), which is in the
        kernel while it changes it; its parent reaches it only before it first runs and after it has ended."""
        if self.space in (Space.TABLE, Space.PTE):
            return False
        return not (self.space is Space.PROC and self.name in PRIVATE_PROC_FIELDS)


# --- instructions ---


@dataclass(frozen=True, slots=True)
class Instruction:
    """``place`` and ``function`` are where the design's source says it."""

    place: Place = field(kw_only=True)
    function: str = field(kw_only=True)

    def reads(self) -> tuple[Var, ...]:
        return ()

    def writes(self) -> Var | None:
        return None


@dataclass(frozen=True, slots=True)
class Set(Instruction):
    target: Var
    value: Expr

    def reads(self) -> tuple[Var, ...]:
        return variables(self.value)

    def writes(self) -> Var | None:
        return self.target


def _cell_variables(cell: Cell) -> tuple[Var, ...]:
    return variables(cell.index) if cell.index is not None else ()


@dataclass(frozen=True, slots=True)
class Load(Instruction):
    target: Var
    cell: Cell

    def reads(self) -> tuple[Var, ...]:
        return _cell_variables(self.cell)

    def writes(self) -> Var | None:
        return self.target


@dataclass(frozen=True, slots=True)
class Store(Instruction):
    cell: Cell
    value: Expr

    def reads(self) -> tuple[Var, ...]:
        return _cell_variables(self.cell) + variables(self.value)


@dataclass(frozen=True, slots=True)
class Acquire(Instruction):
    lock: Cell

    def reads(self) -> tuple[Var, ...]:
        return _cell_variables(self.lock)


@dataclass(frozen=True, slots=True)
class Release(Instruction):
    lock: Cell

    def reads(self) -> tuple[Var, ...]:
        return _cell_variables(self.lock)


@dataclass(frozen=True, slots=True)
class Sleep(Instruction):
    """Releases the lock and sleeps; the Acquire after it runs once the process has been woken."""

    lock: Cell


@dataclass(frozen=True, slots=True)
class Branch(Instruction):
    test: Expr
    then: int  # instruction index
    otherwise: int

    def reads(self) -> tuple[Var, ...]:
        return variables(self.test)


@dataclass(frozen=True, slots=True)
class Jump(Instruction):
    to: int


@dataclass(frozen=True, slots=True)
class Panic(Instruction):
    message: str


@dataclass(frozen=True, slots=True)
class Primitive(Instruction):
    """A built-in of ``model/language.py`` that the engine carries out."""

    name: str
    arguments: tuple[Expr, ...]
    target: Var | None

    def reads(self) -> tuple[Var, ...]:
        return tuple(var for argument in self.arguments for var in variables(argument))

    def writes(self) -> Var | None:
        return self.target


SHARED_PRIMITIVES = frozenset(
    {"unused_proc", "reset_proc", "zombify", "zombie_child", "has_child", "kill_target", "start_proc"}
)
ENDING_PRIMITIVES = frozenset({"sret", "sched", "booted"})
"""Control does not come back: to user mode, or never."""


def is_shared(instruction: Instruction, pte_steps: bool = False) -> bool:
    """The instruction begins a step. With ``pte_steps`` page-table accesses count as shared too: more preemption
    points, which must not change a verdict (a test holds that)."""
    match instruction:
        case Load(cell=cell) | Store(cell=cell):
            return cell.shared or (pte_steps and cell.space in (Space.TABLE, Space.PTE))
        case Acquire() | Release() | Sleep():
            return True
        case Primitive(name=name):
            return name in SHARED_PRIMITIVES
        case _:
            return False


def successors(index: int, instruction: Instruction) -> tuple[int, ...]:
    """Where control goes from the instruction at ``index``."""
    match instruction:
        case Branch(then=then, otherwise=otherwise):
            return (then, otherwise)
        case Jump(to=to):
            return (to,)
        case Panic():
            return ()
        case Primitive(name=name) if name in ENDING_PRIMITIVES:
            return ()
        case _:
            return (index + 1,)


def falls_through(instruction: Instruction) -> bool:
    """Control goes on to the next instruction, and only there."""
    if isinstance(instruction, Primitive):
        return instruction.name not in ENDING_PRIMITIVES
    return not isinstance(instruction, Branch | Jump | Panic)


# --- the whole ---


@dataclass(frozen=True, slots=True)
class Global:
    """A shared name that a design or the base kernel declares: ``struct.field``."""

    name: str
    type: Type
    lock: bool
    per_frame: bool
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A linked design, equal to itself alone. ``boot`` and ``trap`` are the entry points; ``count`` names the per-frame
    reference count."""

    instructions: tuple[Instruction, ...]
    boot: int
    trap: int
    variables: tuple[Var, ...]
    globals: tuple[Global, ...]
    count: str | None
    count_offset: int
