"""A design in a scenario as a Promela model, step for step: what SPIN counts is what the reference interpreter counts.

One process of SPIN is one process of the model, and one ``d_step`` is one action, so no state lies between. The state
vector holds the words of the model's state (``model/layout.py``) and one more a process, ``wants``, which the others
follow from. What is needed within a step only is ``hidden``: it is no part of a state.

A state that breaks an invariant is not expanded (``bad``, which follows from the other words). A step that breaks one by
itself leads to no state of the graph, in the reference and here: it leads back to the initial one, which SPIN knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cowcheck.checker.catalogue import Design
from cowcheck.checker.export import machine, primitives
from cowcheck.checker.export.binding import Binding
from cowcheck.checker.export.judging import Judging
from cowcheck.checker.export.machine import Machine
from cowcheck.checker.export.primitives import BIAS
from cowcheck.checker.export.steps import Steps
from cowcheck.checker.export.terms import Terms, identifier, promela_type
from cowcheck.model import language
from cowcheck.model.contents import FIRST_STORE_TOKEN, filled
from cowcheck.model.hardware import FAULTS
from cowcheck.model.kernel import IMAGE_TOKEN
from cowcheck.model.scenario import OpKind, Scenario

MOST_STATEMENTS = 1950
"""A ``d_step`` of SPIN may hold some 2000, those of its inlines among them."""

_CALLS = (
    "flush", "leaf_pte", "trap",
    "new_pagetable", "drop_pagetable", "has_mappings", "unused_proc", "child", "kill_target",
    "zombify", "ghost_inherit", "sret",
)  # fmt: skip

_BYTES = ("upc", "table", "parent", "killed", "noff", "wants", "scause")
_SHORTS = ("sz", "stval", "returned", "fault_pte")
_BITS = ("intr", "oom", "kill_asked")


class Promela:
    """Writes one model; :meth:`text` is the whole of it."""

    def __init__(self, design: Design, scenario: Scenario) -> None:
        self.binding = Binding(design, scenario)
        self.layout = self.binding.layout
        self.terms = Terms(self.binding)
        self.machine = Machine(self.binding)
        self.judging = Judging(self.binding)

    def text(self) -> str:
        """The model."""
        parts = (
            self._head(),
            self._constants(),
            self._state(),
            self._tables(),
            self._scratch(),
            self.machine.macros(),
            self._inlines(),
            self._process(),
        )
        return "\n\n".join("\n".join(part) for part in parts) + "\n"

    # --- declarations ---

    def _head(self) -> Iterator[str]:
        binding, scenario = self.binding, self.binding.scenario
        yield f"/* The design '{binding.design.name}' in the scenario '{scenario.name}': written by cowcheck export."
        yield f"   Harts: {scenario.harts}; frames: {scenario.frames}; pages: {', '.join(scenario.pages)}."
        yield ""
        yield "   spin -a FILE && gcc -O2 -DSAFETY -DNOREDUCE -DNOBOUNDCHECK -o pan pan.c && ./pan -m1000000"
        yield ""
        yield "   An error is an invariant that does not hold (its name is in the assertion), or a deadlock (an invalid end"
        yield "   state). With -c0 SPIN does not stop there: it counts every state that cowcheck's reference interpreter does. */"

    def _constants(self) -> Iterator[str]:
        layout = self.layout
        sizes = {
            "PROCESSES": layout.processes,
            "HARTS": layout.harts,
            "FRAMES": layout.frames,
            "PAGES": layout.pages,
            "TABLES": layout.tables,
            "LEAVES": layout.leaves,
            "LEAF_PAGES": layout.leaf_pages,
            "OPERATIONS": len(self.binding.operations),
            "REAP": 0,
            "BIAS": BIAS,
            "PROC_LOCKS": self.binding.lock_numbers["proc.lock"],
        }
        named = ("UNUSED", "EMBRYO", "SLEEPING", "RUNNABLE", "ZOMBIE", "PTE_V", "SCAUSE_SYSCALL", "SCAUSE_TIMER", "SYS_exit")
        for name, value in (sizes | {name: getattr(language, name) for name in named}).items():
            yield f"#define {name} {value}"
        yield ""
        yield "#define IN_RAM(f) ((f) > 0 && (f) <= FRAMES)"
        yield f"#define IS_FAULT(c) ({' || '.join(f'(c) == {cause}' for cause in sorted(FAULTS))})"
        yield "#define LOCK(n) lock[(n) - 1]"
        yield "/* what the operation of the running process stores: a value of its own */"
        yield f"#define TOKEN ({FIRST_STORE_TOKEN} + me * OPERATIONS + proc[self].upc)"
        for name, number in self.binding.lock_numbers.items():
            if name:
                yield f"/* lock {number if name in self._single_locks() else f'{number + 1} on'}: {name} */"
        yield "/* variables of the design that a state keeps: the register of the running process that each stands in */"
        for var, slot in sorted(self.binding.slots.items(), key=lambda item: item[0].index):
            yield f"#define {self.terms.var(var)} proc[self].{slot.name}"

    def _single_locks(self) -> set[str]:
        return {declared.name for declared in self.binding.program.globals if declared.lock and not declared.per_frame}

    def _state(self) -> Iterator[str]:
        layout, binding = self.layout, self.binding
        yield "/* --- the state --- */"
        yield "typedef Proc {"
        yield from (f"  bit {name};" for name in _BITS)
        narrow = [slot for slot in binding.registers if promela_type(slot.type) == "byte"]
        yield from (f"  byte {name};" for name in (*_BYTES, *(slot.name for slot in narrow)))
        wide = [slot for slot in binding.registers if slot not in narrow]
        yield from (f"  short {name};" for name in (*_SHORTS, *(slot.name for slot in wide)))
        yield "  short due[PAGES] /* what each page is due to hold */"
        yield "};"
        yield "Proc proc[PROCESSES];"
        others = ", 0" * (layout.processes - 1)
        yield f"{'byte' if len(binding.steps) < 256 else 'short'} pc[PROCESSES] = {{ {binding.steps[binding.program.boot]}{others} }}; /* 0 in user mode, else the next step */"
        yield f"byte state[PROCESSES] = {{ RUNNABLE{others} }};"
        yield "byte panic; /* 0, or the number of the message */"
        yield "bit phase; /* 0 while one process runs at a time (boot, setup) */"
        yield "bit bad; /* the state breaks an invariant */"
        yield f"byte lock[{binding.lock_count}]; /* the pid that holds it */"
        yield "byte run_next[FRAMES]; /* r->next; element f - 1 is of frame f, here and in what follows */"
        yield "short page_data[FRAMES];"
        for declared in binding.program.globals:
            if not declared.lock:
                size = "[FRAMES]" if declared.per_frame else ""
                yield f"{promela_type(declared.type)} {identifier(declared.name)}{size}; /* {declared.name}, {declared.place} */"
        yield "byte root[TABLES];"
        yield f"byte leaf[{layout.tables * layout.leaves}];"
        yield f"short pte[{layout.tables * layout.pages}];"
        yield "byte hart[HARTS]; /* the pid that it runs */"
        yield f"short tlb[{layout.harts * layout.pages}];"

    def _tables(self) -> Iterator[str]:
        binding = self.binding
        operations = binding.operations
        programs = list(dict.fromkeys(one.op.program for one in operations))
        number = {name: place for place, name in enumerate(programs)}
        spans = [
            (one.op.page, one.op.page + one.op.pages)
            if one.op.kind is OpKind.READ or (one.op.kind is OpKind.WAIT and one.op.page >= 0)
            else (0, 0)
            for one in operations
        ]
        yield "/* --- what the scenario and the program fix: no part of the state --- */"
        yield "/* operations, by the place of a process in the scenario (upc):"
        for place, one in enumerate(operations):
            yield f"   {place}: {one.op.program}: {one.op}"
        yield "*/"
        yield self._table("byte", "op_syscall", [one.syscall for one in operations])
        for n in (0, 1):
            yield self._table("short", f"op_argument{n}", [one.arguments[n] + BIAS for one in operations])
        yield self._table("short", "op_page", [max(one.op.page, 0) for one in operations])
        yield self._table("short", "op_needs", [one.needs for one in operations])
        yield self._table("short", "op_least_sz", [one.least_sz for one in operations])
        yield self._table("byte", "op_judged", [int(one.judged) for one in operations])
        yield self._table("byte", "op_start", [one.start for one in operations])
        yield self._table("byte", "op_program", [number[one.op.program] for one in operations])
        yield self._table("byte", "op_target", [number.get(one.op.target, 0) for one in operations])
        yield self._table("short", "op_first", [first for first, _ in spans])
        yield self._table("short", "op_past", [past for _, past in spans])
        kernel, pages = binding.kernel, range(self.layout.pages)
        yield self._table("byte", "region_is_data", [int(kernel.region(page) == "data") for page in pages])
        yield self._table("byte", "region_flags", [kernel.region_flags([], 0, page) for page in pages])
        keeps, refers = [0] * (len(binding.steps) + 1), [0] * (len(binding.steps) + 1)
        bits = {slot: 1 << place for place, slot in enumerate(binding.registers)}
        for index, step in binding.steps.items():
            keeps[step] = sum(bits[binding.slots[kept.var]] for kept in binding.kept(index))
            refers[step] = sum(bits[binding.slots[kept.var]] for kept in binding.kept(index) if kept.reference)
        yield "/* by step: the registers that matter before it, a bit each; those that refer to a frame, a page table, a process */"
        yield self._table("int", "keeps", keeps)
        yield self._table("int", "refers", refers)

    @staticmethod
    def _table(kind: str, name: str, values: Sequence[int]) -> str:
        return f"hidden {kind} {name}[{len(values)}] = {{ {', '.join(map(str, values))} }};"

    def _scratch(self) -> Iterator[str]:
        yield "/* --- what is used within a step only: no part of the state --- */"
        yield "hidden byte self, me, at_hart, touched_frame, wrong_step;"
        yield "hidden int other, page, frame, table, count, found_pte, cached, matters;"
        yield "hidden int is_fault, succeeded, inside, booting, valid, same;"
        yield f"hidden byte {', '.join(f'{name} = 1' for name in self.judging.names())};"
        for name in ("mappings", "visible", "writers", "held", "owned", "touched", "on_list"):
            yield f"hidden byte {name}[FRAMES + 1];"
        yield "hidden byte table_seen[TABLES + 1], table_busy[TABLES + 1];"
        used = set()
        for index in self.binding.instructions:
            instruction = self.binding.program.instructions[index]
            used.update(instruction.reads())
            if (var := instruction.writes()) is not None:
                used.add(var)
        names = [self.terms.var(var) for var in sorted(used - set(self.binding.slots), key=lambda var: var.index)]
        for at in range(0, len(names), 8):
            yield f"hidden int {', '.join(names[at : at + 8])};"

    # --- code ---

    def _inlines(self) -> Iterator[str]:
        texts = machine.INLINES | primitives.INLINES
        for name in _CALLS:
            if name == "zombify":
                yield from self.judging.inlines_of_events()
                yield primitives.SETTLE_COPYOUT
            yield texts[name]
        yield from self._start_proc()
        yield from self._reset()
        yield from self.machine.settle()
        yield from self.judging.inlines()

    def _start_proc(self) -> Iterator[str]:
        scenario = self.binding.scenario
        yield "inline start_proc(started) {"
        yield "  if"
        yield f"  :: self == 0 -> proc[started - 1].upc = {scenario.starts[scenario.first]};"
        for page in range(len(scenario.pages)):
            yield f"     proc[started - 1].due[{page}] = {filled(IMAGE_TOKEN)};"
        yield "     skip"
        yield "  :: else -> proc[started - 1].upc = op_start[proc[self].upc]"
        yield "  fi;"
        yield "  state[started - 1] = RUNNABLE; pc[started - 1] = 0; proc[started - 1].wants = 0; proc[started - 1].intr = 1"
        yield "}"

    def _reset(self) -> Iterator[str]:
        fields = [*_BITS, *_BYTES, *_SHORTS, *(slot.name for slot in self.binding.registers)]
        yield "inline reset_proc(which) {"
        yield f"  {' '.join(f'proc[which - 1].{name} = 0;' for name in fields)}"
        yield "  pc[which - 1] = 0; state[which - 1] = UNUSED;"
        yield "  page = 0;"
        yield "  do :: page < PAGES -> proc[which - 1].due[page] = 0; page++ :: else -> break od"
        yield "}"
        arrays = {
            "lock": self.binding.lock_count,
            "run_next": self.layout.frames,
            "page_data": self.layout.frames,
            "root": self.layout.tables,
            "leaf": self.layout.tables * self.layout.leaves,
            "pte": self.layout.tables * self.layout.pages,
            "hart": self.layout.harts,
            "tlb": self.layout.harts * self.layout.pages,
        }
        scalars = ["panic", "phase", "bad"]
        for declared in self.binding.program.globals:
            if declared.per_frame and not declared.lock:
                arrays[identifier(declared.name)] = self.layout.frames
            elif not declared.lock:
                scalars.append(identifier(declared.name))
        yield "inline start_again() {"
        yield "  /* the initial state */"
        yield f"  {' '.join(f'{name} = 0;' for name in scalars)}"
        yield "  other = 0;"
        yield "  do"
        yield f"  :: other < {max(self.layout.processes, *arrays.values())} ->"
        yield "     reset_proc(other % PROCESSES + 1);"
        yield f"     {' '.join(f'{name}[other % {size}] = 0;' for name, size in arrays.items())}"
        yield "     other++"
        yield "  :: else -> break"
        yield "  od;"
        yield f"  state[0] = RUNNABLE; pc[0] = {self.binding.steps[self.binding.program.boot]}"
        yield "}"

    def _process(self) -> Iterator[str]:
        yield "active [PROCESSES] proctype process() {"
        yield "  do"
        sizes = sizes_of_inlines("\n".join(self._inlines()))
        first, last = 0, len(self.binding.steps)
        part = 0
        while first <= last:
            low, high = first, last  # the most steps that one d_step can hold
            while low < high:
                middle = (low + high + 1) // 2
                low, high = (middle, high) if statements(self._part(first, middle, part), sizes) <= MOST_STATEMENTS else (low, middle - 1)
            yield from self._part(first, low, part)
            first = low + 1
            part += 1
        yield "  :: d_step { /* the timer interrupt that a killed process dies at */"
        yield "    TIMER_COMES ->"
        yield from self._prologue()
        timer = Steps(self.binding, "_t")
        yield f"    {self.machine.timer_step(timer.begin(self.binding.program.trap))}"
        yield from timer.blocks((self.binding.program.trap,))
        yield from self._epilogue("_t")
        yield "    }"
        yield "  :: d_step { _pid == 0 && (bad || FINISHED) -> skip } /* an end that is no deadlock */"
        yield "  od"
        yield "}"

    def _part(self, first: int, last: int, part: int) -> list[str]:
        """One ``d_step``, for the steps with numbers from ``first`` to ``last``; 0 is user mode."""
        return list(self._part_lines(first, last, f"_{part}" if part else ""))

    def _part_lines(self, first: int, last: int, suffix: str) -> Iterator[str]:
        names = Steps(self.binding, suffix)
        numbers = [(number, index) for index, number in self.binding.steps.items() if first <= number <= last]
        trap = self.binding.program.trap
        entries = {index for _, index in numbers} | ({trap} if first == 0 else set())
        yield "  :: d_step { /* one action: a step of the process */"
        guards = [f"pc[_pid] >= {first}"] * (first > 0) + [f"pc[_pid] <= {last}"] * (last < len(self.binding.steps))
        yield f"    {' && '.join([*guards, 'ENABLED'])} ->"
        yield from self._prologue()
        if not self.binding.tests_free_list:
            yield "    if :: pc[self] != 0 && kmem_freelist == 0 -> proc[self].oom = 1 :: else fi; /* this kernel never asks the list */"
        if first == 0:
            yield "    if"
            yield f"    :: pc[self] == 0 -> goto user{suffix}"
            yield "    :: else"
            yield "    fi;"
        if numbers:
            yield from self._dispatch(sorted(numbers), names)
        if first == 0:
            yield from self.machine.user_step(suffix, names.begin(trap))
        yield from names.blocks(entries)
        yield from self._epilogue(suffix)
        yield "    }"

    def _prologue(self) -> Iterator[str]:
        yield "    self = _pid; me = _pid + 1; touched_frame = 0; proc[self].wants = 0;"
        for line in self.machine.place():
            yield f"    {line}"

    def _dispatch(self, steps: Sequence[tuple[int, int]], names: Steps) -> Iterator[str]:
        yield "    if"
        for number, index in steps:
            yield f"    :: pc[self] == {number} -> goto {names.begin(index)}"
        yield "    fi;"

    def _epilogue(self, suffix: str) -> Iterator[str]:
        yield f"left{suffix}: /* to user mode, or for good; or the kernel has stopped */"
        yield "    matters = 0;"
        yield "    if :: panic == 0 -> pc[self] = 0 :: else fi;"
        yield "    goto forget{suffix};".replace("{suffix}", suffix)
        yield f"done{suffix}:"
        yield "    matters = keeps[pc[self]];"
        yield f"forget{suffix}: /* what will not be read again */"
        for bit, slot in enumerate(self.binding.registers):
            yield f"    proc[self].{slot.name} = (matters & {1 << bit} -> proc[self].{slot.name} : 0);"
        yield "    if :: panic == 0 -> settle() :: else fi;"
        yield "    judge()"


def statements(lines: Iterable[str], inlines: Mapping[str, int]) -> int:
    """About how many statements SPIN makes of lines; ``inlines`` has the number for each inline."""
    text = re.sub(r"/\*.*?\*/", "", "\n".join(lines), flags=re.DOTALL)
    called = sum(inlines.get(name, 0) for name in re.findall(r"\b(\w+)\(", text))
    return len(re.findall(r";|->|::|\b(?:if|do)\b", text)) + called


def sizes_of_inlines(text: str) -> dict[str, int]:
    """The number of statements of each inline, in the order of their definitions."""
    sizes: dict[str, int] = {}
    for name, body in re.findall(r"^inline (\w+)\([^)]*\) \{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE):
        sizes[name] = statements([body], sizes)
    return sizes


def promela(design: Design, scenario: Scenario) -> str:
    """The Promela model of a design in a scenario. Raises :class:`CowcheckError` where an invariant has no form in it."""
    return Promela(design, scenario).text()


