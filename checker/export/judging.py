"""The invariants of an export: the views of ``model/observe.py``, and the statements over them, from their z3 terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import z3

from cowcheck.checker.export.binding import Binding
from cowcheck.checker.export.terms import Terms, identifier
from cowcheck.checker.z3_text import Notation, term_text
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

PROMELA = Notation("Promela", "1", "0", "&&", "||", "!", "{test} -> {then} : {otherwise}")


def promela_text(term: z3.ExprRef, fields: Mapping[str, str], name: str) -> str:
    """The term of invariant ``name``; ``fields`` has a text for each field of the view (a truth value is 0 or 1)."""
    return term_text(term, PROMELA, lambda constant: fields.get(str(constant)), name)


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

    def __init__(self, binding: Binding, terms: Terms) -> None:
        self.binding = binding
        self.terms = terms

    def names(self) -> list[str]:
        """The variables that say which invariants hold."""
        return [holds(invariant.name) for invariant in INVARIANTS]

    def statements(self, view: type[View], fields: Mapping[str, str]) -> Iterator[str]:
        """Judges one view."""
        for invariant in INVARIANTS:
            for statement in invariant.statements:
                if statement.view is view:
                    text = promela_text(statement.holds, fields, invariant.name)
                    yield f"{holds(invariant.name)} = {holds(invariant.name)} && {text};"

    def inlines_of_events(self) -> Iterator[tuple[str, str]]:
        """By name: what judges a user's load, and the end of an operation."""
        yield "judge_load", "\n".join(self._load())
        yield "operation", "\n".join(self._operation())

    def inlines(self) -> Iterator[tuple[str, str]]:
        """By name: what judges a step and the state after it."""
        yield "walk_free_list", "\n".join(self._free_list())
        yield "observe", "\n".join(self._observe())
        yield "judge", "\n".join(self._judge())

    # --- events of a step ---

    def _load(self) -> Iterator[str]:
        yield "inline judge_load(value_seen, value_due) {"
        yield from _indented(self.statements(LoadView, {"seen": "value_seen", "due": "value_due"}))
        yield "  skip"
        yield "}"

    def _operation(self) -> Iterator[str]:
        yield "inline operation(is_killed) {"
        yield "  /* how the operation that brought the process into the kernel ends */"
        yield "  is_fault = IS_FAULT(proc[self].scause); found_pte = 0;"
        yield "  if"
        yield "  :: is_fault || is_killed || op_judged[proc[self].upc] ->"
        yield "     leaf_pte(op_page[proc[self].upc]); found_pte = (is_fault -> found_pte : 0);"
        grants = "(found_pte & op_needs[proc[self].upc]) == op_needs[proc[self].upc]"
        yield f"     succeeded = (is_fault -> {grants} && IN_RAM(found_pte >> {FLAG_BITS}) : proc[self].returned >= 0);"
        yield "     succeeded = succeeded && !(is_killed);"
        fields = {
            "fault": "is_fault",
            "permitted": "(proc[self].sz >= op_least_sz[proc[self].upc])",
            "succeeded": "succeeded",
            "killed": "(is_killed)",
            "kill_asked": "proc[self].kill_asked",
            "out_of_memory": f"(proc[self].oom || {self.terms.free_list} == 0)",
            "changed": "(is_fault && found_pte != proc[self].fault_pte)",
        }
        yield from _indented(self.statements(OperationView, fields), 5)
        yield "     skip"
        yield "  :: else"
        yield "  fi"
        yield "}"

    def _free_list(self) -> Iterator[str]:
        yield "inline walk_free_list() {"
        yield "  /* how often each frame stands on the free list; 2 where the list comes back to it */"
        yield from _indented(_loop("frame", 0, "FRAMES + 1", iter(["on_list[frame] = 0;"])))
        yield f"  frame = {self.terms.free_list};"
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
                name = self.terms.name_of(declared.name)
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
        seen = f"state[other] == {SLEEPING} || (state[other] == {RUNNABLE} && pc[other] == 0)"
        yield f"table_seen[proc[other].table] = {seen};"
        yield "if"
        yield ":: inside ->"
        yield "   table_busy[proc[other].table] = 1;"
        yield "   matters = refers[pc[other]];"
        for bit, slot in enumerate(self.binding.registers):
            if slot in self.binding.references:
                yield from (f"   {line}" for line in self._reference(1 << bit, f"proc[other].{slot.name}", slot.type))
        yield "   skip"
        yield ":: else"
        yield "fi;"

    def _reference(self, bit: int, value: str, kind: Type) -> Iterator[str]:
        given = f"(matters & {bit} -> {value} : 0)"
        in_ram = "frame = (IN_RAM(frame) -> frame : 0);"
        match kind:
            case Type.PAGE_TABLE:
                yield f"table_busy[{given}] = 1;"
            case Type.PROC:
                yield f"if :: matters & {bit} && {value} != 0 && {value} != other + 1 ->"
                yield f"   table_busy[proc[{value} - 1].table] = 1 :: else fi;"
            case Type.FRAME | Type.PTE:
                yield f"frame = {given}{'' if kind is Type.FRAME else f' >> {FLAG_BITS}'}; {in_ram}"
                yield "held[frame]++; touched[frame] = 1;"
            case Type.PTE_REF:
                yield f"frame = {given}; frame = (frame -> pte[frame - 1] >> {FLAG_BITS} : 0); {in_ram}"
                yield "touched[frame] = 1;"

    def _table(self) -> Iterator[str]:
        yield "inside = table_busy[table];"
        for frame in ("root[table - 1]", "leaf[(table - 1) * LEAVES + page]"):
            use = [
                f"frame = {frame};",
                "touched[frame] = touched[frame] || inside; owned[frame] = owned[frame] + !inside;",
            ]
            yield from use if frame.startswith("root") else _loop("page", 0, "LEAVES", iter(use))
        yield from _loop("page", 0, "PAGES", self._pte())

    def _pte(self) -> Iterator[str]:
        yield "found_pte = pte[(table - 1) * PAGES + page];"
        yield "if"
        yield f":: found_pte & {PTE_V} ->"
        fields = {
            "in_ram": f"IN_RAM(found_pte >> {FLAG_BITS})",
            "visible": "table_seen[table]",
            "user": f"((found_pte & {PTE_U}) != 0)",
            "writable": f"((found_pte & {PTE_W}) != 0)",
            "cow": f"((found_pte & {PTE_COW}) != 0)",
            "may_write": "region_is_data[page]",
        }
        yield from _indented(self.statements(MappingView, fields), 3)
        yield f"   frame = (IN_RAM(found_pte >> {FLAG_BITS}) -> found_pte >> {FLAG_BITS} : 0);"
        yield "   mappings[frame]++; visible[frame] = visible[frame] + table_seen[table];"
        writable = f"(found_pte & {PTE_W | PTE_U}) == {PTE_W | PTE_U}"
        yield f"   writers[frame] = writers[frame] + (table_seen[table] && {writable});"
        yield "   touched[frame] = touched[frame] || inside"
        yield ":: else"
        yield "fi;"

    def _hart(self) -> Iterator[str]:
        yield "if"
        yield ":: hart[other] != 0 ->"
        yield "   if"
        yield "   :: pc[hart[other] - 1] == 0 -> /* in user mode: what it has cached can be used */"
        yield "      table = proc[hart[other] - 1].table;"
        yield from _indented(_loop("page", 0, "PAGES", self._cached()), 6)
        yield "      skip"
        yield "   :: else"
        yield "   fi"
        yield ":: else"
        yield "fi;"

    def _cached(self) -> Iterator[str]:
        yield "cached = tlb[other * PAGES + page];"
        yield "if"
        yield ":: cached != 0 ->"
        walked = "leaf[(table - 1) * LEAVES + page / LEAF_PAGES] != 0 -> pte[(table - 1) * PAGES + page] : 0"
        yield f"   found_pte = (table != 0 -> ({walked}) : 0);"
        yield f"   valid = (found_pte & {PTE_V | PTE_U}) == {PTE_V | PTE_U};"
        yield f"   frame = cached >> {FLAG_BITS};"
        yield f"   same = valid && (found_pte >> {FLAG_BITS}) == frame;"
        yield "   visible[frame] = visible[frame] + !same;"
        yield f"   writers[frame] = writers[frame] + ((cached & {PTE_W}) && !(same && (found_pte & {PTE_W})));"
        fields = {
            "grants_write": f"((cached & {PTE_W}) != 0)",
            "pte_valid": "valid",
            "pte_writable": f"(valid && (found_pte & {PTE_W}) != 0)",
            "same_frame": "same",
        }
        yield from _indented(self.statements(TranslationView, fields), 3)
        yield "   skip"
        yield ":: else"
        yield "fi;"

    def _frame(self) -> Iterator[str]:
        program = self.binding.program
        counted = program.count is not None
        fields = {
            "counted": str(int(counted)),
            "refs": f"({self.terms.name_of(program.count)}[frame - 1] - ({program.count_offset}))"
            if program.count
            else "0",
            "free": "on_list[frame]",
            "quiescent": "(!touched[frame])",
        } | {name: f"{name}[frame]" for name in ("mappings", "visible", "writers", "held", "owned")}
        yield from self.statements(FrameView, fields)

    # --- the verdict ---

    def _judge(self) -> Iterator[str]:
        every = " && ".join(self.names())
        yield "inline judge() {"
        yield "  walk_free_list();"
        yield "  if"
        yield "  :: touched_frame != 0 ->"
        yield from _indented(self.statements(TouchView, {"free": "(on_list[touched_frame] > 0)"}), 5)
        yield "     skip"
        yield "  :: else"
        yield "  fi;"
        yield f"  wrong_step = !({every});"
        yield "  if"
        yield "  :: wrong_step == 0 && panic == 0 -> observe()"
        yield "  :: else"
        yield "  fi;"
        system = {"panicked": "(wrong_step == 0 && panic != 0)", "end_reachable": "1"}
        yield from _indented(self.statements(SystemView, system))
        yield "  if"
        yield f"  :: {every}"
        yield "  :: else ->"
        for name in self.names():
            yield f"     assert({name}); {name} = 1;"
        yield "     if"
        yield "     :: wrong_step -> start_again() /* the state after it is none of the graph's */"
        yield "     :: else -> bad = 1 /* a state of the graph that is not expanded */"
        yield "     fi"
        yield "  fi"
        yield "}"


def _indented(lines: Iterator[str], by: int = 2) -> Iterator[str]:
    return (" " * by + line for line in lines)
