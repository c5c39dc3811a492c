"""The built-ins of the language as Promela: what ``model/kernel.py`` does to a state, as statements.

The small ones stand in the step itself; the others are inlines, of which an export holds those that it uses.
"""

from __future__ import annotations

from collections.abc import Iterator

from cowcheck.checker.export.binding import Binding
from cowcheck.checker.export.terms import Terms
from cowcheck.model.contents import FIRST_STORE_TOKEN
from cowcheck.model.ir import Primitive
from cowcheck.model.scenario import MAX_PAGES

INLINES = {
    "new_pagetable": """\
inline new_pagetable(result, top_page) {
  other = 1;
  do
  :: other <= TABLES && root[other - 1] != 0 -> other++
  :: else -> break
  od;
  assert(other <= TABLES);
  root[other - 1] = top_page;
  result = other
}""",
    "drop_pagetable": """\
inline drop_pagetable(of_table) {
  root[of_table - 1] = 0;
  other = 0;
  do
  :: other < LEAVES -> leaf[(of_table - 1) * LEAVES + other] = 0; other++
  :: else -> break
  od;
  other = 0;
  do
  :: other < PAGES -> pte[(of_table - 1) * PAGES + other] = 0; other++
  :: else -> break
  od
}""",
    "has_mappings": """\
inline has_mappings(result, of_table) {
  other = 0;
  do
  :: other < PAGES && !(pte[(of_table - 1) * PAGES + other] & PTE_V) -> other++
  :: else -> break
  od;
  result = other < PAGES
}""",
    "unused_proc": """\
inline unused_proc(result) {
  other = 1;
  do
  :: other < PROCESSES && (state[other] != UNUSED || LOCK(PROC_LOCKS + other + 1)) -> other++
  :: else -> break
  od;
  if
  :: other < PROCESSES ->
     state[other] = EMBRYO; LOCK(PROC_LOCKS + other + 1) = me; proc[self].noff++;
     result = other + 1
  :: else -> result = 0
  fi
}""",
    "child": """\
inline child(result, parent_pid, counts) {
  /* the first child whose state is one of a set */
  other = 1;
  do
  :: other < PROCESSES && (proc[other].parent != parent_pid || !((counts >> state[other]) & 1)) -> other++
  :: else -> break
  od;
  if
  :: other < PROCESSES -> result = other + 1
  :: else -> result = 0
  fi
}""",
    "kill_target": """\
inline kill_target(result) {
  other = 1;
  do
  :: other < PROCESSES && ((state[other] != SLEEPING && state[other] != RUNNABLE) ||
                           op_program[proc[other].upc] != op_target[proc[self].upc]) -> other++
  :: else -> break
  od;
  if
  :: other < PROCESSES ->
     proc[other].killed = 1; proc[other].kill_asked = 1;
     if
     :: state[other] == SLEEPING -> state[other] = RUNNABLE
     :: else
     fi;
     result = 0
  :: else -> result = -1
  fi
}""",
    "settle_copyout": """\
inline settle_copyout() {
  /* what the pages that the call wrote to are due to hold; one that failed may have written the first of them */
  page = op_first[proc[self].upc];
  do
  :: page < op_past[proc[self].upc] ->
     if
     :: page < proc[self].sz && page < PAGES && region_is_data[page] ->
        leaf_pte(page);
        if
        :: proc[self].returned >= 0 || (found_pte & PTE_V && IN_RAM(found_pte >> 10) &&
                                        WORD_OF(page_data[(found_pte >> 10) - 1]) == TOKEN) ->
           proc[self].due[page] = WITH_WORD(proc[self].due[page], TOKEN)
        :: else
        fi
     :: else
     fi;
     page++
  :: else -> break
  od
}""",
    "zombify": """\
inline zombify() {
  if
  :: proc[self].killed || op_syscall[proc[self].upc] != SYS_exit -> operation(1)  /* it was to go on */
  :: else
  fi;
  other = 1;
  do
  :: other < PROCESSES ->
     if
     :: proc[other].parent == me -> proc[other].parent = 1
     :: else
     fi;
     other++
  :: else -> break
  od;
  if
  :: state[proc[self].parent - 1] == SLEEPING -> state[proc[self].parent - 1] = RUNNABLE
  :: else
  fi;
  state[self] = ZOMBIE;
  page = 0;
  do
  :: page < PAGES -> proc[self].due[page] = 0; page++
  :: else -> break
  od;
  proc[self].killed = 0; proc[self].scause = 0; proc[self].stval = 0; proc[self].returned = 0;
  proc[self].oom = 0; proc[self].kill_asked = 0; proc[self].fault_pte = 0
}""",
    "ghost_inherit": """\
inline ghost_inherit(heir) {
  page = 0;
  do
  :: page < PAGES -> proc[heir - 1].due[page] = proc[self].due[page]; page++
  :: else -> break
  od
}""",
    "sret": """\
inline sret() {
  if
  :: proc[self].scause != SCAUSE_TIMER -> operation(0)
  :: else
  fi;
  if
  :: proc[self].scause == SCAUSE_SYSCALL ->
     settle_copyout();
     if
     :: proc[self].upc != REAP -> proc[self].upc++  /* init waits for ever */
     :: else
     fi
  :: else
  fi;
  proc[self].intr = 1;
  proc[self].scause = 0; proc[self].stval = 0; proc[self].returned = 0; proc[self].oom = 0; proc[self].fault_pte = 0
}""",
}
"""By name; in the texts ``self`` is the process that runs, ``me`` its pid."""

BIAS = MAX_PAGES
"""A table of Promela has no negative numbers: system calls' arguments are kept with this added."""

_ZOMBIES = 1 << 4
_CHILDREN = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4


class Primitives:
    """Writes calls of built-ins."""

    def __init__(self, binding: Binding, terms: Terms) -> None:
        self.binding = binding
        self.terms = terms

    def lines(self, instruction: Primitive) -> list[str]:
        """The statements of a call."""
        arguments = [self.terms.expr(argument) for argument in instruction.arguments]
        target = self.terms.var(instruction.target) if instruction.target is not None else "other"
        return list(self._call(instruction.name, target, *arguments))

    def _call(self, name: str, target: str, *a: str) -> Iterator[str]:
        kernel = self.binding.kernel
        match name:
            case "pte_at":
                yield f"{target} = ({a[1]} < PAGES -> ({a[0]} - 1) * PAGES + {a[1]} + 1 : 0);"
            case "leaf_index":
                yield f"{target} = {a[0]} / LEAF_PAGES;"
            case "leaf_count" | "image_pages" | "stack_page" | "image_token" | "frame_limit":
                yield f"{target} = {getattr(kernel, name)([], 0)};"
            case "leaf_page":
                yield f"{target} = ({a[1]} < LEAVES -> leaf[({a[0]} - 1) * LEAVES + {a[1]}] : 0);"
            case "set_leaf_page":
                yield f"if :: {a[1]} < LEAVES -> leaf[({a[0]} - 1) * LEAVES + {a[1]}] = {a[2]} :: else fi;"
            case "region_flags":
                yield f"{target} = ({a[0]} < PAGES -> region_flags[{a[0]}] : {kernel.region_flags([], 0, 1 << 15)});"
            case "syscall_number":
                yield f"{target} = op_syscall[proc[self].upc];"
            case "syscall_argument":
                yield f"{target} = ({a[0]} == 0 -> op_argument0[proc[self].upc] : op_argument1[proc[self].upc]) - BIAS;"
            case "syscall_buffer":
                yield f"{target} = TOKEN;"
            case "set_return":
                yield f"proc[self].returned = {a[0]};"
            case "sfence_vma":
                yield "flush(at_hart);"
            case "intr_on" | "intr_off":
                yield f"proc[self].intr = {int(name == 'intr_on')};"
            case "first_proc":
                yield f"state[1] = EMBRYO; proc[1].parent = 1; {target} = 2;"
            case "start_proc":
                yield f"start_proc({a[0]});"
            case "reset_proc":
                yield f"reset_proc({a[0]});"
            case "zombie_child":
                yield f"child({target}, {a[0]}, {_ZOMBIES});"
            case "has_child":
                yield f"child({target}, {a[0]}, {_CHILDREN});"
                yield f"{target} = ({target} > 0);"
            case "ghost_due":
                due = f"proc[self].due[{a[0]}]"
                yield f"{due} = ({a[1]} >= {FIRST_STORE_TOKEN} -> WITH_WORD({due}, {a[1]}) : FILLED({a[1]}));"
            case "zombify":
                yield "zombify();"
            case "sret" | "drop_pagetable" | "ghost_inherit":
                yield f"{name}({', '.join(a)});"
            case "new_pagetable" | "has_mappings" | "unused_proc" | "kill_target":
                yield f"{name}({', '.join((target, *a))});"
            case _:
                raise AssertionError(name)
