"""The words of an export's state, and the inlines that set many of them at once."""

from __future__ import annotations

from collections.abc import Iterator

from cowcheck.checker.export.binding import Binding
from cowcheck.checker.export.terms import Terms, promela_type
from cowcheck.model.contents import filled
from cowcheck.model.kernel import IMAGE_TOKEN

MOST_BYTE = 255

_BITS = ("intr", "oom", "kill_asked")
_BYTES = ("table", "parent", "killed", "noff", "wants", "scause")
_SHORTS = ("sz", "stval", "returned", "fault_pte")


class Words:
    """The state: what ``model/layout.py`` says, in Promela's types."""

    def __init__(self, binding: Binding, terms: Terms) -> None:
        self.binding = binding
        self.layout = binding.layout
        self.registers = [(promela_type(slot.type), slot.name) for slot in binding.registers]
        self.upc = "byte" if len(binding.operations) <= MOST_BYTE else "short"
        self.globals = [
            (promela_type(declared.type), terms.name_of(declared.name), declared)
            for declared in binding.program.globals
            if not declared.lock
        ]

    @property
    def boot(self) -> int:
        """The step that init begins with."""
        return self.binding.steps[self.binding.program.boot]

    def declarations(self) -> Iterator[str]:
        """The state vector."""
        yield "/* --- the state --- */"
        yield "typedef Proc { /* struct proc, its trapframe, and what the kernel's code keeps between two steps */"
        yield from (f"  bit {name};" for name in _BITS)
        yield f"  {self.upc} upc; /* its place in the scenario */"
        yield from (f"  byte {name};" for name in _BYTES)
        yield from (f"  {kind} {name};" for kind, name in self.registers if kind == "byte")
        yield from (f"  short {name};" for name in _SHORTS)
        yield from (f"  {kind} {name};" for kind, name in self.registers if kind == "short")
        yield "  short due[PAGES] /* what each page is due to hold */"
        yield "};"
        yield "Proc proc[PROCESSES]; /* element pid - 1; the same holds of pc and state */"
        others = ", 0" * (self.layout.processes - 1)
        wide = "byte" if len(self.binding.steps) <= MOST_BYTE else "short"
        yield f"{wide} pc[PROCESSES] = {{ {self.boot}{others} }}; /* 0 in user mode, else the step that comes next */"
        yield f"byte state[PROCESSES] = {{ RUNNABLE{others} }};"
        yield "byte panic; /* 0, or the number of the message */"
        yield "bit phase; /* 0 while one process runs at a time (boot, setup) */"
        yield "bit bad; /* this state breaks an invariant */"
        yield f"byte lock[{self.binding.lock_count}]; /* the pid that holds it */"
        yield "byte run_next[FRAMES]; /* r->next; element frame - 1; the same holds of what follows */"
        yield "short page_data[FRAMES];"
        for kind, name, declared in self.globals:
            size = "[FRAMES]" if declared.per_frame else ""
            yield f"{kind} {name}{size}; /* {declared.name} */"
        yield "byte root[TABLES]; /* of each page table the page of the upper levels; its leaf pages; its PTEs */"
        yield "byte leaf[TABLES * LEAVES];"
        yield "short pte[TABLES * PAGES];"
        yield "byte hart[HARTS]; /* the pid that it runs, and its TLB */"
        yield "short tlb[HARTS * PAGES];"

    def inlines(self) -> Iterator[tuple[str, str]]:
        """By name: what sets a process, or all, to a beginning."""
        yield "reset_proc", "\n".join(self._reset_proc())
        yield "start_proc", "\n".join(self._start_proc())
        yield "start_again", "\n".join(self._start_again())

    def _reset_proc(self) -> Iterator[str]:
        fields = ["upc", *_BITS, *_BYTES, *_SHORTS, *(name for _, name in self.registers)]
        yield "inline reset_proc(which) {"
        for at in range(0, len(fields), 4):
            yield f"  {' '.join(f'proc[which - 1].{name} = 0;' for name in fields[at : at + 4])}"
        yield "  pc[which - 1] = 0; state[which - 1] = UNUSED;"
        yield "  page = 0;"
        yield "  do"
        yield "  :: page < PAGES -> proc[which - 1].due[page] = 0; page++"
        yield "  :: else -> break"
        yield "  od"
        yield "}"

    def _start_proc(self) -> Iterator[str]:
        scenario = self.binding.scenario
        yield "inline start_proc(started) {"
        yield "  if"
        yield "  :: self == 0 -> /* init starts the scenario's first process */"
        yield f"     proc[started - 1].upc = {scenario.starts[scenario.first]};"
        for page in range(len(scenario.pages)):
            yield f"     proc[started - 1].due[{page}] = {filled(IMAGE_TOKEN)};"
        yield "     skip"
        yield "  :: else -> proc[started - 1].upc = op_start[proc[self].upc]"
        yield "  fi;"
        yield "  state[started - 1] = RUNNABLE; pc[started - 1] = 0;"
        yield "  proc[started - 1].wants = 0; proc[started - 1].intr = 1"
        yield "}"

    def _start_again(self) -> Iterator[str]:
        layout = self.layout
        arrays = {
            "lock": self.binding.lock_count,
            "run_next": layout.frames,
            "page_data": layout.frames,
            "root": layout.tables,
            "leaf": layout.tables * layout.leaves,
            "pte": layout.tables * layout.pages,
            "hart": layout.harts,
            "tlb": layout.harts * layout.pages,
        } | {name: layout.frames for _, name, declared in self.globals if declared.per_frame}
        yield "inline start_again() {"
        yield "  /* the initial state */"
        scalars = ["panic", "phase", "bad", *(name for _, name, declared in self.globals if not declared.per_frame)]
        yield f"  {' '.join(f'{name} = 0;' for name in scalars)}"
        yield "  other = 0;"
        yield "  do"
        yield f"  :: other < {max(layout.processes, *arrays.values())} ->"
        yield "     reset_proc(other % PROCESSES + 1);"
        for name, size in arrays.items():
            yield f"     {name}[other % {size}] = 0;"
        yield "     other++"
        yield "  :: else -> break"
        yield "  od;"
        yield f"  state[0] = RUNNABLE; pc[0] = {self.boot}"
        yield "}"
