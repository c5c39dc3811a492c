"""The C text of a design's program: what each instruction does to a state, written out as the reference's Python is.

One function runs a step: a switch to the instruction that the process stands at, then the instructions in their order,
with labels where control comes from elsewhere. At an instruction that begins a step the function returns. The text
knows no sizes, so one compiled program serves every scenario; it says the source line of what it does.
"""

from __future__ import annotations

from collections.abc import Iterator

from cowcheck.model.codegen import CodeGenerator
from cowcheck.model.interpreter import STEP_LIMIT
from cowcheck.model.ir import (
    PAGE_DATA,
    RUN_NEXT,
    Acquire,
    Branch,
    Instruction,
    Jump,
    Load,
    Program,
    Space,
    Store,
    Type,
    falls_through,
    successors,
)
from cowcheck.model.layout import FREE_LIST, Layout
from cowcheck.model.liveness import FRAME_TYPES, Allocation
from cowcheck.model.native.statements import StatementWriter, Unsupported, comment

MOST_REGISTERS = 64  # what a step keeps is a set of bits

_REFERENCES = {
    Type.PAGE_TABLE: "REFERENCE_TABLE",
    Type.PROC: "REFERENCE_PROC",
    Type.FRAME: "REFERENCE_FRAME",
    Type.PTE: "REFERENCE_PTE",
    Type.PTE_REF: "REFERENCE_PTE_REF",
}


class ProgramWriter:
    """Writes a program. ``layout`` may be of any scenario: only what all of them share is used."""

    def __init__(self, program: Program, allocation: Allocation, layout: Layout) -> None:
        if allocation.kept_count > MOST_REGISTERS:
            raise Unsupported(f"{allocation.kept_count} registers that live between steps")
        self.program = program
        self.allocation = allocation
        self.code = CodeGenerator(program, allocation, layout, every_instruction=False)
        self.statements = StatementWriter(program, allocation, self.code.messages, self.code.tested)
        self.names = self.statements.names
        self.scalars = [one for one in program.globals if not one.per_frame]
        self.arrays = [RUN_NEXT, PAGE_DATA, *(one.name for one in program.globals if one.per_frame)]

    def text(self) -> str:
        """The whole C text."""
        return "\n".join(
            (*self._names(), *self._boundaries(), *self._locks(), *self._frames(), *self._step(), *self._whole(), "")
        )

    # --- what the program declares ---

    def _names(self) -> Iterator[str]:
        """The variables of the kernel: where they stand in a state."""
        yield '#include "state.h"\n'
        yield '#include "kernel.h"\n'
        yield "/* The kernel's variables: slots of a state, and numbers of arrays with an element for each frame. */"
        for slot, declared in enumerate(self.scalars, start=2):
            yield f"#define {self.names[declared.name]} {slot} /* {comment(declared.name)} */"
        for number, name in enumerate(self.arrays):
            yield f"#define {self.names[name]} {number} /* {comment(name)} */"
        yield f"#define KEPT_REGISTERS {self.allocation.kept_count}"
        yield f"static unsigned char blocks_run[{len(self.program.instructions)}];"
        yield "#define BLOCK(index) blocks_run[index] = 1; if (blocks++ == STEP_LIMIT) { fault = FAULT_STEP; return; }"
        yield f"enum {{ STEP_LIMIT = {STEP_LIMIT} }};"

    def _boundaries(self) -> Iterator[str]:
        """For each instruction that begins a step: the registers that matter there."""
        references = [(0, "REFERENCE_END")]
        known: dict[tuple[tuple[int, str], ...], int] = {(): 0}

        def place_of(entries: tuple[tuple[int, str], ...]) -> int:
            if entries not in known:
                known[entries] = len(references)
                references.extend((*entries, (0, "REFERENCE_END")))
            return known[entries]

        yield ""
        yield f"static const Boundary boundaries[{len(self.program.instructions)}] = {{"
        for index, kept in enumerate(self.allocation.boundary):
            if kept is not None:
                names = tuple((it.register, _REFERENCES[it.var.type]) for it in kept if it.var.type in FRAME_TYPES)
                used = tuple(
                    (it.register, _REFERENCES[it.var.type])
                    for it in kept
                    if it.reference and it.var.type in _REFERENCES
                )
                mask = sum(1 << register for register in {it.register for it in kept})
                yield f"    [{index}] = {{{mask:#x}u, {place_of(names)}, {place_of(used)}}},"
        yield "};"
        yield "static const Reference references[] = {"
        yield from (f"    {{{register}, {kind}}}," for register, kind in references)
        yield "};"

    def _whole(self) -> Iterator[str]:
        """The program as the engine knows it."""
        program = self.program
        frames = [one for one in program.globals if one.type is Type.FRAME]
        names = {one.name for one in frames} | {RUN_NEXT}
        kept = [
            -self.arrays.index(one.name) if one.per_frame else 2 + self.scalars.index(one)
            for one in frames
            if one.name != FREE_LIST
        ]
        slots = [slot for slot, one in enumerate(self.scalars, start=2) if one in frames]
        yield ""
        yield _array("char", "array_of_frames", [int(name in names) for name in self.arrays])
        yield _array("short", "frame_scalar", slots)
        yield _array("short", "kept_frame", kept)
        yield "const Program program = {"
        yield f"    .free_list = {self.names[FREE_LIST]},"
        yield f"    .first_array = {2 + len(self.scalars)},"
        yield f"    .arrays = {len(self.arrays)},"
        yield f"    .count_array = {self.names[program.count] if program.count else 0},"
        yield f"    .count_offset = {program.count_offset},"
        yield f"    .trap = {program.trap},"
        yield f"    .instructions = {len(program.instructions)},"
        yield f"    .tests_free_list = {int(self.code.tests_free_list)},"
        yield f"    .frame_scalars = {len(slots)},"
        yield f"    .kept_frames = {len(kept)},"
        for name in ("array_of_frames", "frame_scalar", "kept_frame", "boundaries", "references", "blocks_run"):
            yield f"    .{name} = {name},"
        yield "};"

    def _locks(self) -> Iterator[str]:
        """The slot of the lock that an instruction acquires."""
        yield ""
        yield "int wanted_lock(const word *s, int pid, int index)"
        yield "{"
        yield "    const int b = PROCESS(pid), r = b + FIXED + L->pages;"
        yield "    (void)s, (void)r;"
        yield "    switch (index) {"
        slots = {}
        for index, instruction in enumerate(self.program.instructions):
            if isinstance(instruction, Acquire):
                slot, bad = self.statements.slot(instruction.lock)
                slots[index] = f"({bad}) ? 0 : {slot}" if bad else slot
        yield from _cases(slots)

    def _frames(self) -> Iterator[str]:
        """The frame of the page that an instruction reads or writes."""
        yield ""
        yield "int wanted_frame(const word *s, int pid, int index)"
        yield "{"
        yield "    const int r = PROCESS(pid) + FIXED + L->pages;"
        yield "    (void)s, (void)r;"
        yield "    switch (index) {"
        frames = {}
        for index, instruction in enumerate(self.program.instructions):
            if isinstance(instruction, Load | Store) and self.allocation.boundary[index] is not None:
                cell = instruction.cell
                if cell.space is Space.PER_FRAME and cell.index is not None:
                    frames[index] = self.statements.expr(cell.index)
        yield from _cases(frames)

    # --- steps ---

    def _step(self) -> Iterator[str]:
        starts = {self.program.trap, self.program.boot}
        starts |= {index for index, kept in enumerate(self.allocation.boundary) if kept is not None}
        yield ""
        yield "void run_step(word *s, int pid, int start)"
        yield "{"
        yield "    const int b = PROCESS(pid), r = b + FIXED + L->pages; /* its fields, its kept registers */"
        yield f"    int64_t t[{max(self.allocation.scratch_count, 1)}] = {{0}};"
        yield "    int blocks = 0, next;"
        yield "    uint64_t kept;"
        yield "    (void)t;"
        yield "    switch (start) {"
        yield from (f"    case {index}: goto I{index};" for index in sorted(starts))
        yield "    default: fault = FAULT_INDEX; return;"
        yield "    }"
        targets = {
            target
            for index, instruction in enumerate(self.program.instructions)
            if not falls_through(instruction)
            for target in successors(index, instruction)
        }
        place = None
        for index, instruction in enumerate(self.program.instructions):
            if (instruction.place, instruction.function) != place:
                place = (instruction.place, instruction.function)
                yield f"    /* {comment(f'{instruction.function} {instruction.place}')} */"
            if self.allocation.boundary[index] is not None:
                yield f"{f'B{index}: ' if index in targets else '    '}next = {index}; goto boundary;"
            if index in starts or index in targets:
                yield f"I{index}: BLOCK({index})"
            yield from (f"    {line}" for line in self._lines(instruction))
        yield "boundary:"
        yield "    kept = boundaries[next].kept;"
        yield "    for (int reg = 0; reg < KEPT_REGISTERS; reg++)"
        yield "        if (!(kept >> reg & 1))"
        yield "            s[r + reg] = 0;"
        yield "    s[b + PC] = next + 1;"
        yield "    return;"
        yield "left: /* back to user mode, ended, or stopped for good */"
        yield "    memset(&s[r], 0, KEPT_REGISTERS * sizeof(word));"
        yield "    if (!s[PANIC])"
        yield "        s[b + PC] = 0;"
        yield "}"

    def _goto(self, index: int) -> str:
        return f"goto {'B' if self.allocation.boundary[index] is not None else 'I'}{index};"

    def _lines(self, instruction: Instruction) -> list[str]:
        match instruction:
            case Branch(test, then, otherwise):
                return [f"if ({self.statements.expr(test)}) {self._goto(then)}", self._goto(otherwise)]
            case Jump(to):
                return [self._goto(to)]
        return self.statements.lines(instruction)


def _cases(values: dict[int, str]) -> Iterator[str]:
    """The cases of a function that gives a value for each instruction, 0 for others."""
    indices: dict[str, list[int]] = {}
    for index, value in values.items():
        indices.setdefault(value, []).append(index)
    for value, same in indices.items():
        yield from (f"    case {index}:" for index in same)
        yield f"        return {value};"
    yield "    }"
    yield "    return 0;"
    yield "}"


def _array(kind: str, name: str, values: list[int]) -> str:
    return f"static const {kind} {name}[] = {{{', '.join(map(str, values or [0]))}}};"
