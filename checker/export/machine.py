"""Harts, user code and traps as Promela: what ``model/system.py`` and ``model/hardware.py`` do in a step."""

from __future__ import annotations

from collections.abc import Iterator

from cowcheck.checker.export.binding import Binding
from cowcheck.checker.export.operations import Operation
from cowcheck.checker.export.terms import comment
from cowcheck.model.language import RUNNABLE, SCAUSE_SYSCALL, SCAUSE_TIMER, SLEEPING, UNUSED, ZOMBIE
from cowcheck.model.scenario import ACCESSES, OpKind
from cowcheck.model.sv39 import FLAG_BITS

INLINES = {
    "flush": """\
inline flush(hart_number) {
  page = 0;
  do
  :: page < PAGES -> tlb[hart_number * PAGES + page] = 0; page++
  :: else -> break
  od
}""",
    "leaf_pte": """\
inline leaf_pte(va) {
  /* the PTE that a hardware walk of the running process ends at; 0 where there is none */
  found_pte = 0;
  if
  :: proc[self].table != 0 && va < PAGES -> /* has the page table a leaf page there? */
     if
     :: leaf[(proc[self].table - 1) * LEAVES + (va) / LEAF_PAGES] != 0 ->
        found_pte = pte[(proc[self].table - 1) * PAGES + va]
     :: else
     fi
  :: else
  fi
}""",
    "trap": """\
inline trap(cause, va) {
  proc[self].scause = cause; proc[self].stval = va; proc[self].intr = 0;
  if
  :: IS_FAULT(cause) -> leaf_pte(va); proc[self].fault_pte = found_pte
  :: else
  fi
}""",
}


class Machine:
    """What surrounds the kernel's own code in a step."""

    def __init__(self, binding: Binding) -> None:
        self.binding = binding
        self.harts = range(binding.layout.harts)
        self.processes = range(binding.layout.processes)

    # --- what may happen ---

    def macros(self) -> Iterator[str]:
        """The guards: ``CAN_STEP`` and the rest, over a process's number from 0."""
        pinned = "(proc[{0}].noff || (pc[{0}] && !proc[{0}].intr))"
        yield "/* inside the kernel with interrupts off: it stays on its hart */"
        yield f"#define PINNED(q) {pinned.format('q')}"
        on = " || ".join(f"hart[{h}] == (q) + 1" for h in self.harts)
        free = " || ".join(f"(hart[{h}] == 0 || !PINNED(hart[{h}] - 1))" for h in self.harts)
        yield "/* a hart can run it: its own, an idle one, or one that can be preempted */"
        yield f"#define HAS_PLACE(q) ({on} || {free})"
        orphans = " || ".join(f"(proc[{q}].parent == 1 && state[{q}] == {ZOMBIE})" for q in self.processes if q)
        meets = " && ".join(
            f"proc[q].upc != {number}"
            for number, operation in enumerate(self.binding.operations)
            if operation.op.kind is OpKind.MEET
        )
        yield "/* in user mode: init only waits, for orphans; nobody goes past a meet() alone */"
        going_on = f" && {meets}" if meets else ""
        yield f"#define CAN_USE(q) (state[q] == {RUNNABLE}{going_on} && ((q) != 0 || {orphans or 0}))"
        yield "/* in the kernel: not asleep, and the lock that it wants is free (or its own: it panics) */"
        lock = "proc[q].wants == 0 || LOCK(proc[q].wants) == 0 || LOCK(proc[q].wants) == (q) + 1"
        yield f"#define CAN_GO_ON(q) (state[q] != {SLEEPING} && ({lock}))"
        yield "#define CAN_STEP(q) (pc[q] == 0 -> CAN_USE(q) : CAN_GO_ON(q))"
        lower = " || ".join(f"(_pid > {q} && CAN_STEP({q}))" for q in self.processes[:-1])
        yield "/* during setup one process runs at a time, the lowest first */"
        yield f"#define LOWER_CAN_STEP ({lower})"
        yield "#define ENABLED (!panic && !bad && CAN_STEP(_pid) && (phase -> HAS_PLACE(_pid) : !LOWER_CAN_STEP))"
        yield "/* killed while in user mode: the timer interrupt that it dies at */"
        dying = f"proc[_pid].killed && pc[_pid] == 0 && state[_pid] == {RUNNABLE} && _pid != 0"
        yield f"#define TIMER_COMES (!panic && !bad && phase && {dying} && HAS_PLACE(_pid))"
        unused = " && ".join(f"state[{q}] == {UNUSED}" for q in self.processes if q)
        yield "/* every process but init has come and gone */"
        yield f"#define FINISHED (!panic && {unused} && pc[0] == 0)"

    # --- a step's beginning ---

    def place(self) -> Iterator[str]:
        """Chooses the hart: its own, else the first idle one, else that of the last process that can be preempted."""
        yield "/* the hart that runs the step */"
        yield f"at_hart = {len(self.harts)}; other = 0;"
        yield "if"
        for h in self.harts:
            yield f":: hart[{h}] == me -> at_hart = {h}"
        for h in self.harts:
            yield f":: hart[{h}] == 0 -> at_hart = {h} /* SPIN takes the first that holds */"
        yield ":: else ->"
        for h in self.harts:
            later = f"hart[{h}] > other && !PINNED(hart[{h}] - 1)"
            yield f"   if :: {later} -> at_hart = {h}; other = hart[{h}] :: else fi;"
        yield "fi;"
        yield "if"
        yield ":: hart[at_hart] != me -> hart[at_hart] = me; flush(at_hart)"
        yield ":: else"
        yield "fi;"

    def user_step(self, suffix: str, trap_entry: str) -> Iterator[str]:
        """A process in user mode carries out its operation, or traps into the kernel."""
        yield f"user{suffix}:"
        yield "    if"
        for number, operation in enumerate(self.binding.operations):
            if operation.op.kind in ACCESSES:
                op = operation.op
                yield f"    :: proc[self].upc == {number} -> {comment(f'{op.place} {op.program}: {op}')}"
                for line in self._access(operation, suffix, trap_entry):
                    yield f"       {line}"
        yield f"    :: else -> trap({SCAUSE_SYSCALL}, 0); goto {trap_entry}"
        yield "    fi;"

    def _access(self, operation: Operation, suffix: str, trap_entry: str) -> Iterator[str]:
        op = operation.op
        fault = f"trap({operation.fault}, {op.page}); goto {trap_entry}"
        if op.page >= self.binding.layout.pages:
            yield fault
            return
        yield f"found_pte = tlb[at_hart * PAGES + {op.page}];"
        yield f"if :: found_pte == 0 -> leaf_pte({op.page}) :: else fi;"
        yield "if"
        yield f":: (found_pte & {operation.needs}) != {operation.needs} -> {fault}"
        yield ":: else"
        yield "fi;"
        yield f"frame = found_pte >> {FLAG_BITS};"
        yield f"if :: !IN_RAM(frame) -> trap({operation.bad_address}, {op.page}); goto {trap_entry} :: else fi;"
        yield f"tlb[at_hart * PAGES + {op.page}] = found_pte;"
        if op.kind is OpKind.STORE:
            for word in ("page_data[frame - 1]", f"proc[self].due[{op.page}]"):
                yield f"{word} = WITH_WORD({word}, TOKEN);"
            yield "run_next[frame - 1] = 0;"
        elif op.kind is OpKind.LOAD:
            yield f"judge_load(page_data[frame - 1], proc[self].due[{op.page}]);"
        yield f"proc[self].upc++; goto done{suffix}"

    def timer_step(self, trap_entry: str) -> str:
        return f"trap({SCAUSE_TIMER}, 0); goto {trap_entry};"

    # --- a step's end ---

    def settle(self) -> Iterator[str]:
        """A process that can be preempted and has nothing cached needs no hart; setup ends when all have met."""
        cached = " || ".join(f"tlb[at_hart * PAGES + {page}]" for page in range(self.binding.layout.pages))
        yield "inline settle() {"
        yield "  if"
        yield f"  :: state[self] != {RUNNABLE} && !PINNED(self) -> flush(at_hart); hart[at_hart] = 0"
        yield f"  :: state[self] == {RUNNABLE} && !PINNED(self) && !({cached}) -> hart[at_hart] = 0"
        yield "  :: else"
        yield "  fi;"
        if any(operation.op.kind is OpKind.MEET for operation in self.binding.operations):
            yield from self._meet()
        else:
            yield "  if :: pc[0] == 0 -> phase = 1 :: else fi"
        yield "}"

    def _meet(self) -> Iterator[str]:
        at_meet = " || ".join(
            f"proc[other].upc == {number}"
            for number, operation in enumerate(self.binding.operations)
            if operation.op.kind is OpKind.MEET
        )
        ended = f"(state[other] == {ZOMBIE} && pc[other] == 0)"
        out = f"state[other] == {UNUSED} || state[other] == {SLEEPING}"
        yield "  /* where all that live and are not asleep have come to a meet(), all go on; count: those that wait */"
        yield "  other = 1; count = 0;"
        yield "  do"
        yield "  :: other < PROCESSES ->"
        yield "     if"
        yield f"     :: {out} || {ended} -> skip"
        yield "     :: else ->"
        yield f"        if :: pc[other] == 0 && ({at_meet}) -> count++ :: else -> count = 0; break fi"
        yield "     fi;"
        yield "     other++"
        yield "  :: else -> break"
        yield "  od;"
        yield "  if"
        yield "  :: other == PROCESSES && count > 0 ->"
        yield "     phase = 1; other = 1;"
        yield "     do"
        yield "     :: other < PROCESSES ->"
        yield f"        if :: {out} || {ended} -> skip :: else -> proc[other].upc++ fi;"
        yield "        other++"
        yield "     :: else -> break"
        yield "     od"
        yield "  :: else"
        yield "  fi"
