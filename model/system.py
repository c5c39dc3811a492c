"""The model as a transition system: one design's program, in one scenario, on its harts.

An action is a process's next step, or, for a process that was killed while in user mode, the timer interrupt that it
dies at. Which processes may step:

- one that waits for a held lock, sleeps, or waits for the others to ``meet``, may not;
- one that is inside the kernel with interrupts off (a lock held, a page-fault handler) stays on its hart; all others
can
  be preempted anywhere, so a process may step if it is on a hart, or some hart is idle or runs one that can be
  preempted.

So a context switch is no step of its own, and harts that run nothing pinned are interchangeable. A switch empties the
hart's TLB (xv6's trampoline changes ``satp``); the trap path's own ``sfence_vma`` are the design's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from cowcheck.model.contents import FIRST_STORE_TOKEN, rest_of, word_of
from cowcheck.model.hardware import Events
from cowcheck.model.interpreter import Interpreter
from cowcheck.model.ir import Program
from cowcheck.model.kernel import FIXED_CONTENTS, IMAGE_TOKEN, Kernel
from cowcheck.model.language import RUNNABLE, SCAUSE_SYSCALL, SCAUSE_TIMER, SLEEPING, UNUSED, ZOMBIE
from cowcheck.model.layout import (
    FIRST,
    INIT,
    INTR,
    KILLED,
    NOFF,
    OOM,
    PANIC,
    PARENT,
    PC,
    PHASE,
    STATE,
    UPC,
    layout_of,
)
from cowcheck.model.liveness import allocate
from cowcheck.model.scenario import OpKind, Scenario

StateTuple = tuple[int, ...]


class Action(NamedTuple):
    """Process ``pid`` takes its next step; with ``timer``, the interrupt that ends a killed process."""

    pid: int
    timer: bool = False


class Model:
    """A design in a scenario (the checker's ``TransitionSystem``)."""

    def __init__(
        self,
        program: Program,
        scenario: Scenario,
        *,
        pte_steps: bool = False,
        watch: Callable[[int, list[int]], None] | None = None,
    ) -> None:
        """``pte_steps`` makes page-table accesses steps of their own (more preemption points, see ``Cell.shared``);
        ``watch`` is told of every instruction before it runs (slower, for traces)."""
        self.program = program
        self.scenario = scenario
        self.allocation = allocate(program, pte_steps)
        self.layout = layout_of(program, scenario, self.allocation.kept_count)
        self.kernel = Kernel(self.layout, scenario)
        self.interpreter = Interpreter(program, self.allocation, self.layout, self.kernel, watch)
        self.ops = scenario.ops
        # Where a kernel asks something else than the list (a counter), memory is out when the list is empty.
        self._tests_free_list = self.interpreter.code.tests_free_list
        self.affinity: dict[int, int] = {}  # the idle hart that a process prefers: for traces, whose columns are harts
        self._has_meet = any(op.kind is OpKind.MEET for op in self.ops)
        self._bases = [0, *(self.layout.process(pid) for pid in range(1, scenario.processes + 1))]
        self._harts = [self.layout.hart(number) for number in range(scenario.harts)]

    def initial_states(self) -> Iterator[StateTuple]:
        """One state: RAM blank, init about to run ``boot``."""
        state = [0] * self.layout.size
        base = self._bases[INIT]
        state[base + STATE] = RUNNABLE
        state[base + PC] = 1 + self.program.boot
        # boot may begin with private instructions; its first step includes them
        yield tuple(state)

    # --- what may happen ---

    def enabled_actions(self, state: StateTuple) -> Iterator[Action]:
        """In the order of pids. During setup at most one."""
        if state[PANIC]:
            return
        if state[PHASE] == 0:
            for pid in range(1, len(self._bases)):
                if self._can_step(state, pid):
                    yield Action(pid)
                    return
            return
        for pid in range(1, len(self._bases)):
            if self._can_step(state, pid) and self.place(state, pid) is not None:
                yield Action(pid)
            base = self._bases[pid]
            dying = state[base + KILLED] and state[base + PC] == 0 and state[base + STATE] == RUNNABLE
            if dying and pid != INIT and self.place(state, pid) is not None:
                yield Action(pid, timer=True)

    def _can_step(self, state: StateTuple, pid: int) -> bool:
        base = self._bases[pid]
        run = state[base + STATE]
        pc = state[base + PC]
        if pc == 0:
            if run != RUNNABLE or self.ops[state[base + UPC]].kind is OpKind.MEET:
                return False
            return pid != INIT or self._orphan_zombie(state)
        if run == SLEEPING:
            return False
        lock = self.interpreter.wanted_lock(state, pid, pc - 1)
        return lock == 0 or state[lock] == 0 or state[lock] == pid

    def _orphan_zombie(self, state: StateTuple) -> bool:
        return any(state[base + PARENT] == INIT and state[base + STATE] == ZOMBIE for base in self._bases[FIRST:])

    def pinned(self, state: StateTuple | list[int], pid: int) -> bool:
        """Inside the kernel with interrupts off: it stays on its hart."""
        base = self._bases[pid]
        return bool(state[base + NOFF] or (state[base + PC] and not state[base + INTR]))

    def place(self, state: StateTuple | list[int], pid: int) -> int | None:
        """The hart that runs the process's next step: its own, an idle one, or one that can be preempted (of several,
        that of the last process: a choice by the harts' numbers would tell harts apart, which symmetry does not)."""
        idle = None
        preempted = None
        last = 0
        for number, slot in enumerate(self._harts):
            current = state[slot]
            if current == pid:
                return number
            if current == 0:
                idle = number if idle is None or self.affinity.get(pid) == number else idle
            elif current > last and not self.pinned(state, current):
                preempted, last = number, current
        return idle if idle is not None else preempted

    def is_end(self, state: StateTuple) -> bool:
        """Every process but init has come and gone."""
        return (
            state[PANIC] == 0
            and all(state[base + STATE] == UNUSED for base in self._bases[FIRST:])
            and (state[self._bases[INIT] + PC] == 0)
        )

    def op_program(self, state: StateTuple, pid: int) -> str:
        """The program that a process runs, as the scenario names it; a child that is being made has none yet."""
        upc = state[self._bases[pid] + UPC]
        return "init" if pid == INIT else self.ops[upc].program if upc else "the new process"

    # --- what happens ---

    def next_state(self, state: StateTuple, action: Action) -> StateTuple:
        """The state after the action."""
        return self.take(state, action)[0]

    def take(self, state: StateTuple, action: Action) -> tuple[StateTuple, Events]:
        """The state after the action, and the events of the step."""
        working = list(state)
        events: Events = []
        self.kernel.events = events
        pid = action.pid
        hart = self.place(working, pid)
        assert hart is not None
        slot = self._harts[hart]
        if working[slot] != pid:
            working[slot] = pid
            self.kernel.flush(working, hart)
        base = self._bases[pid]
        pc = working[base + PC]
        if pc:
            if not self._tests_free_list and not working[self.kernel.head]:
                working[base + OOM] = 1
            self.interpreter.step(working, pid, pc - 1)
        elif action.timer:
            self._trap(working, pid, SCAUSE_TIMER, 0)
        else:
            self._user_step(working, pid, hart)
        if not working[PANIC]:
            self._settle(working, pid, hart)
        return tuple(working), events

    def _user_step(self, state: list[int], pid: int, hart: int) -> None:
        base = self._bases[pid]
        op = self.ops[state[base + UPC]]
        match op.kind:
            case OpKind.LOAD | OpKind.STORE | OpKind.EXECUTE:
                cause = self.kernel.access(state, pid, hart, op)
                if cause:
                    self._trap(state, pid, cause, op.page)
            case _:
                self._trap(state, pid, SCAUSE_SYSCALL, 0)

    def _trap(self, state: list[int], pid: int, cause: int, page: int) -> None:
        self.kernel.trap(state, pid, cause, page)
        self.interpreter.step(state, pid, self.program.trap)

    def _settle(self, state: list[int], pid: int, hart: int) -> None:
        """A process that can be preempted and has nothing cached needs no hart; the setup ends when all have met."""
        base = self._bases[pid]
        slot = self._harts[hart]
        gone = state[base + STATE] != RUNNABLE and not self.pinned(state, pid)
        if gone:
            self.kernel.flush(state, hart)
        if gone or (not self.pinned(state, pid) and not any(state[slot + 1 : slot + 1 + self.layout.pages])):
            state[slot] = 0
        if self._has_meet:
            self._meet(state)
        elif state[PHASE] == 0 and state[self._bases[INIT] + PC] == 0:
            state[PHASE] = 1  # nothing to set up: all interleave from the first user instruction

    def _meet(self, state: list[int]) -> None:
        """Where every process that is not asleep, ended or init has come to ``meet()``, all go on."""
        waiting = []
        for base in self._bases[FIRST:]:
            run = state[base + STATE]
            if run in (UNUSED, SLEEPING) or (run == ZOMBIE and state[base + PC] == 0):
                continue
            if state[base + PC] or self.ops[state[base + UPC]].kind is not OpKind.MEET:
                return
            waiting.append(base)
        if waiting:
            state[PHASE] = 1
            for base in waiting:
                state[base + UPC] += 1

    # --- along a path ---

    def replay(self, path: Iterable[Action]) -> StateTuple:
        """The state at the end of a path from the initial state."""
        state = next(self.initial_states())
        for action in path:
            state = self.next_state(state, action)
        return state

    def replay_events(self, path: Sequence[Action]) -> tuple[StateTuple, Events]:
        """The state at the end of a path, and the events of its last step."""
        if not path:
            return self.replay(()), []
        return self.take(self.replay(path[:-1]), path[-1])

    # --- words ---

    def outcome(self, state: StateTuple) -> str:
        """What an end state leaves to be seen: how many frames are free again."""
        free = sum(count > 0 for count in self.kernel.free_counts(state))
        return f"{free} of {self.layout.frames} frames free"

    def contents(self, contents: int) -> str:
        """What a page holds, in words."""
        token, rest = word_of(contents), rest_of(contents)
        if token < FIRST_STORE_TOKEN:
            return FIXED_CONTENTS.get(token, str(token))
        op = self.ops[(token - FIRST_STORE_TOKEN) % len(self.ops)]
        beside = "" if rest in (0, IMAGE_TOKEN) else f" amid {FIXED_CONTENTS.get(rest, str(rest))}"
        return f"{op.program}'s {op.kind} (line {op.place.line}){beside}"

    def panic_message(self, state: StateTuple) -> str:
        """What the kernel said as it stopped; empty where it runs."""
        return self.interpreter.code.messages[state[PANIC] - 1] if state[PANIC] else ""

    def stuck_subject(self, state: StateTuple, cycle: Sequence[Action]) -> str:
        """The subject of a progress violation: who goes round in a circle, or who waits for what."""
        if cycle:
            pids = sorted({action.pid for action in cycle})
            tried = [f"{self.kernel.op(state, pid).subject} is tried again and again" for pid in pids if pid != INIT]
            return f"the kernel ({'; '.join(tried)})" if tried else "the kernel"
        waits = []
        for pid, base in enumerate(self._bases[1:], start=1):
            name, pc = self.op_program(state, pid), state[base + PC]
            lock = self.interpreter.wanted_lock(state, pid, pc - 1) if pc and state[base + STATE] != SLEEPING else 0
            if lock and state[lock]:
                waits.append(f"{name} waits for a lock that {self.op_program(state, state[lock])} holds")
            elif state[base + STATE] == SLEEPING:
                waits.append(f"{name} sleeps")
        return f"the kernel ({'; '.join(waits)})" if waits else "the kernel"
