"""The invariants of an export: the views of ``model/observe.py``, and the statements over them, from their z3 terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cowcheck.checker.export.binding import Binding
from cowcheck.checker.export.terms import identifier
from cowcheck.checker.export.z3_text import promela_text
from cowcheck.model.ir import Type
from cowcheck.model.language import RUNNABLE, SLEEPING
from cowcheck.model.layout import FREE_LIST
from cowcheck.model.sv39 import FLAG_BITS, PTE_COW, PTE_U, PTE_V, PTE_W
from cowcheck.model.views import (
    FrameView,
    LoadView,
    MappingView,
    OperationView,
    SystemView,
    TouchView,
    TranslationView,
    View,
)
from cowcheck.specs.invariants import INVARIANTS


def holds(name: str) -> str:
    """The variable that says whether an invariant holds of what was judged."""
    return identifier(name)


def _loop(variable: str, first: int, limit: str, body: Iterator[str]) -> Iterator[str]:
    yield f"{variable} = {first};"
    yield "do"
    yield f":: {variable} < {limit} ->"
    for line in body:
        yield f"   {line}"
    yield f"   {variable}++"
    yield ":: else -> break"
    yield "od;"


class Judging:
    """Writes the inlines that judge a step and the state after it."""

    def __init__(self, binding: Binding) -> None:
        self.binding = binding

    def names(self) -> list[str]:
        """The variables that say which invariants hold."""
        return [holds(invariant.name) for invariant in INVARIANTS]

    def statements(self, view: type[View], fields: Mapping[str, str], of: str) -> Iterator[str]:
        """Judges one view; ``of`` is ``step`` or ``state``: what is wrong where it breaks something."""
        for invariant in INVARIANTS:
            for statement in invariant.statements:
                if statement.view is view:
                    text = promela_text(statement.holds, fields, invariant.name)
                    yield f"if :: {text} :: else -> {holds(invariant.name)} = 0; wrong_{of} = 1 fi;"

    def inlines(self) -> Iterator[str]:
        """What judges a step and the state after it; the kernel's own code calls :meth:`inlines_of_events`."""
        yield from self._free_list()
        yield from self._observe()
        yield from self._judge()

    # --- events of a step ---

    def inlines_of_events(self) -> Iterator[str]:
        """What judges a user's load, and the end of an operation."""
        yield "inline judge_load(value_seen, value_due) {"
        yield from _indented(self.statements(LoadView, {"seen": "value_seen", "due": "value_due"}, "step"))
        yield "  skip"
        yield "}"
        yield "inline operation(is_killed) {"
        yield "  /* how the operation that brought the process into the kernel ends */"
        yield "  is_fault = IS_FAULT(proc[self].scause); found_pte = 0;"
        yield "  if"
        yield "  :: is_fault || is_killed || op_judged[proc[self].upc] ->"
        yield "     if :: is_fault -> leaf_pte(op_page[proc[self].upc]) :: else fi;"
        grants = "(found_pte & op_needs[proc[self].upc]) == op_needs[proc[self].upc]"
        yield f"     succeeded = !(is_killed) && (is_fault -> ({grants} && IN_RAM(found_pte >> {FLAG_BITS})) : proc[self].returned >= 0);"
        fields = {
            "fault": "is_fault",
            "permitted": "(proc[self].sz >= op_least_sz[proc[self].upc])",
            "succeeded": "succeeded",
            "killed": "(is_killed)",
            "kill_asked": "proc[self].kill_asked",
            "out_of_memory": f"(proc[self].oom || {identifier(FREE_LIST)} == 0)",
            "changed": "(is_fault && found_pte != proc[self].fault_pte)",
        }
        yield from _indented(self.statements(OperationView, fields, "step"), 5)
        yield "     skip"
        yield "  :: else"
        yield "  fi"
        yield "}"

    def _free_list(self) -> Iterator[str]:
        yield "inline walk_free_list() {"
        yield "  /* how often each frame stands on the free list; 2 where the list comes back to it */"
        yield from _indented(_loop("frame", 0, "FRAMES + 1", iter(["on_list[frame] = 0;"])))
        yield f"  frame = {identifier(FREE_LIST)};"
        yield "  do"
        yield "  :: IN_RAM(frame) ->"
        yield "     on_list[frame]++;"
        yield "     if :: on_list[frame] == 2 -> break :: else fi;"
        yield "     frame = run_next[frame - 1]"
        yield "  :: else -> break"
        yield "  od"
        yield "}"

    # --- the state after it ---

    def _observe(self) -> Iterator[str]:
        yield "inline observe() {"
        yield "  /* the views of the state: who uses each frame, and what user code can reach */"
        clear = "mappings[frame] = 0; visible[frame] = 0; writers[frame] = 0; held[frame] = 0; owned[frame] = 0;"
        booting = "phase == 0 && pc[0] != 0"
        yield f"  booting = {booting}; /* kinit has not freed every frame yet */"
        yield from _indented(_loop("frame", 0, "FRAMES + 1", iter([clear, "touched[frame] = booting;"])))
        yield from _indented(_loop("table", 0, "TABLES + 1", iter(["table_seen[table] = 0; table_busy[table] = 0;"])))
        yield from _indented(_loop("other", 0, "PROCESSES", self._process()))
        for declared in self.binding.program.globals:
            if declared.type is Type.FRAME and declared.name != FREE_LIST:
                name = identifier(declared.name)
                if declared.per_frame:
                    yield from _indented(_loop("frame", 0, "FRAMES", iter([f"held[{name}[frame]]++;"])))
                else:
                    yield f"  held[{name}]++;"
        yield from _indented(_loop("table", 1, "TABLES + 1", self._table()))
        yield from _indented(_loop("other", 0, "HARTS", self._hart()))
        yield from _indented(_loop("frame", 1, "FRAMES + 1", self._frame()))
        yield "  skip"
        yield "}"

    def _process(self) -> Iterator[str]:
        yield f"inside = pc[other] != 0 && state[other] != {SLEEPING};"
        yield "if"
        yield ":: proc[other].table != 0 ->"
        seen = f"state[other] == {SLEEPING} || (state[other] == {RUNNABLE} && pc[other] == 0)"
        yield f"   table_seen[proc[other].table] = {seen}"
        yield ":: else"
        yield "fi;"
        yield "if"
        yield ":: inside ->"
        yield "   table_busy[proc[other].table] = 1;"
        yield "   matters = refers[pc[other]];"
        for bit, slot in enumerate(self.binding.registers):
            for line in self._reference(f"proc[other].{slot.name}", slot.type):
                yield f"   if :: matters & {1 << bit} -> {line} :: else fi;"
        yield "   skip"
        yield ":: else"
        yield "fi;"

    def _reference(self, value: str, kind: Type) -> Iterator[str]:
        match kind:
            case Type.PAGE_TABLE:
                yield f"table_busy[{value}] = 1"
            case Type.PROC:
                yield f"if :: {value} != 0 && {value} != other + 1 -> table_busy[proc[{value} - 1].table] = 1 :: else fi"
            case Type.FRAME | Type.PTE:
                yield (
                    f"frame = {value if kind is Type.FRAME else f'{value} >> {FLAG_BITS}'}; "
                    "if :: IN_RAM(frame) -> held[frame]++; touched[frame] = 1 :: else fi"
                )
            case Type.PTE_REF:
                yield (
                    f"if :: {value} != 0 -> frame = pte[{value} - 1] >> {FLAG_BITS}; "
                    "if :: IN_RAM(frame) -> touched[frame] = 1 :: else fi :: else fi"
                )

    def _table(self) -> Iterator[str]:
        yield "inside = table_busy[table];"
        yield "if :: inside -> touched[root[table - 1]] = 1 :: else -> owned[root[table - 1]]++ fi;"
        leaf = "leaf[(table - 1) * LEAVES + page]"
        yield from _loop("page", 0, "LEAVES", iter([f"if :: inside -> touched[{leaf}] = 1 :: else -> owned[{leaf}]++ fi;"]))
        yield from _loop("page", 0, "PAGES", self._pte())

    def _pte(self) -> Iterator[str]:
        yield "found_pte = pte[(table - 1) * PAGES + page];"
        yield "if"
        yield f":: found_pte & {PTE_V} ->"
        yield f"   frame = found_pte >> {FLAG_BITS};"
        fields = {
            "in_ram": "IN_RAM(frame)",
            "visible": "table_seen[table]",
            "user": f"((found_pte & {PTE_U}) != 0)",
            "writable": f"((found_pte & {PTE_W}) != 0)",
            "cow": f"((found_pte & {PTE_COW}) != 0)",
            "may_write": "region_is_data[page]",
        }
        yield "   if"
        yield "   :: IN_RAM(frame) ->"
        yield "      mappings[frame]++;"
        yield "      if"
        yield "      :: table_seen[table] ->"
        yield f"         visible[frame]++; if :: (found_pte & {PTE_W | PTE_U}) == {PTE_W | PTE_U} -> writers[frame]++ :: else fi"
        yield "      :: else"
        yield "      fi;"
        yield "      if :: inside -> touched[frame] = 1 :: else fi"
        yield "   :: else"
        yield "   fi;"
        yield from _indented(self.statements(MappingView, fields, "state"), 3)
        yield "   skip"
        yield ":: else"
        yield "fi;"

    def _hart(self) -> Iterator[str]:
        yield "if"
        yield ":: hart[other] != 0 ->"
        yield "   if"
        yield "   :: pc[hart[other] - 1] == 0 -> /* in user mode: what it has cached can be used */"
        yield from _indented(_loop("page", 0, "PAGES", self._cached()), 6)
        yield "      skip"
        yield "   :: else"
        yield "   fi"
        yield ":: else"
        yield "fi;"

    def _cached(self) -> Iterator[str]:
        table = "proc[hart[other] - 1].table"
        yield "cached = tlb[other * PAGES + page];"
        yield "if"
        yield ":: cached != 0 ->"
        yield "   found_pte = 0;"
        yield "   if"
        yield f"   :: {table} != 0 ->"
        yield "      if"
        yield f"      :: leaf[({table} - 1) * LEAVES + page / LEAF_PAGES] != 0 -> found_pte = pte[({table} - 1) * PAGES + page]"
        yield "      :: else"
        yield "      fi"
        yield "   :: else"
        yield "   fi;"
        yield f"   valid = (found_pte & {PTE_V | PTE_U}) == {PTE_V | PTE_U};"
        yield f"   frame = cached >> {FLAG_BITS};"
        yield f"   same = valid && (found_pte >> {FLAG_BITS}) == frame;"
        yield "   if :: !same -> visible[frame]++ :: else fi;"
        yield f"   if :: (cached & {PTE_W}) && !(same && (found_pte & {PTE_W})) -> writers[frame]++ :: else fi;"
        fields = {
            "grants_write": f"((cached & {PTE_W}) != 0)",
            "pte_valid": "valid",
            "pte_writable": f"(valid && (found_pte & {PTE_W}) != 0)",
            "same_frame": "same",
        }
        yield from _indented(self.statements(TranslationView, fields, "state"), 3)
        yield "   skip"
        yield ":: else"
        yield "fi;"

    def _frame(self) -> Iterator[str]:
        program = self.binding.program
        counted = program.count is not None
        fields = {
            "counted": str(int(counted)),
            "refs": f"({identifier(program.count)}[frame - 1] - ({program.count_offset}))" if program.count else "0",
            "free": "on_list[frame]",
            "quiescent": "(!touched[frame])",
        } | {name: f"{name}[frame]" for name in ("mappings", "visible", "writers", "held", "owned")}
        yield from self.statements(FrameView, fields, "state")

    # --- the verdict ---

    def _judge(self) -> Iterator[str]:
        yield "inline judge() {"
        yield "  if"
        yield "  :: panic == 0 || touched_frame != 0 -> walk_free_list()"
        yield "  :: else"
        yield "  fi;"
        yield "  if"
        yield "  :: touched_frame != 0 ->"
        touched = self.statements(TouchView, {"free": "(on_list[touched_frame] > 0)"}, "step")
        yield from _indented(touched, 5)
        yield "     skip"
        yield "  :: else"
        yield "  fi;"
        yield "  if"
        yield "  :: wrong_step == 0 ->"
        yield "     if :: panic == 0 -> observe() :: else fi;"
        system = self.statements(SystemView, {"panicked": "(panic != 0)", "end_reachable": "1"}, "state")
        yield from _indented(system, 5)
        yield "     skip"
        yield "  :: else"
        yield "  fi;"
        yield "  if"
        yield "  :: wrong_step || wrong_state ->"
        for name in self.names():
            yield f"     assert({name}); {name} = 1;"
        yield "     if"
        yield "     :: wrong_step -> start_again() /* the state after it is none of the graph's */"
        yield "     :: else -> bad = 1 /* a state of the graph that is not expanded */"
        yield "     fi;"
        yield "     wrong_step = 0; wrong_state = 0"
        yield "  :: else"
        yield "  fi"
        yield "}"


def _indented(lines: Iterator[str], by: int = 2) -> Iterator[str]:
    return (" " * by + line for line in lines)
