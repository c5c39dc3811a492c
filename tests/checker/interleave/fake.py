"""A machine of a few words, in Python: harts run lists of small operations, under the rules of the real interleaver.

``load x``, ``store x``, ``take L``, ``give L``; ``unless x``: skip the next operation if another hart wrote x last;
``panic``. Words and locks named in ``hot`` are preemption points. A hart's first step is what comes before its first
point, so that three stores to a hot word are four steps, of which the first does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cowcheck.machine.board.state import KERNBASE
from cowcheck.machine.interleave.analysis import Analysis, Analyst, Subject
from cowcheck.machine.interleave.execution import Execution, Wait
from cowcheck.machine.interleave.schedule import Schedule
from cowcheck.machine.interleave.state import IS_LOCK, LOGGED, MOST_HOT, STEP, Access
from cowcheck.machine.interleave.steps import slot_of
from cowcheck.machine.record.event import WIDTH, Ending

CODE, WORDS, LOCKS, IMAGE_END = KERNBASE + 0x100, KERNBASE + 0x1000, KERNBASE + 0x2000, KERNBASE + 0x3000
KINDS = {"load": Access.LOAD, "unless": Access.LOAD, "store": Access.STORE, "take": Access.ACQUIRE,
         "give": Access.RELEASE}  # fmt: skip


def address(name: str) -> int:
    """Of a word, or of a lock, whose name is a capital."""
    return (LOCKS if name.isupper() else WORDS) + 8 * ord(name)


@dataclass
class _State:
    """One run under way."""

    harts: int
    at: list[int] = field(default_factory=list)
    owner: dict[str, int] = field(default_factory=dict)
    memory: dict[str, tuple[int, int]] = field(default_factory=dict)  # who wrote it last, and as which operation
    seen: list[list[object]] = field(default_factory=list)
    waits: dict[int, str] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    steps: list[tuple[int, ...]] = field(default_factory=list)
    log: list[tuple[int, ...]] = field(default_factory=list)
    panicked: bool = False

    started: set[int] = field(default_factory=set)

    def begin(self, hart: int, kind: int, thing: int) -> None:
        """One more step."""
        bits = sum(1 << other for other in {hart, *self.enabled()})
        self.steps.append((hart, kind, thing, bits, len(self.log)))

    def enabled(self) -> list[int]:
        return [h for h in range(self.harts) if h not in self.done and self.waits.get(h, "") not in self.owner]


class FakeMachine:
    """Runs programs, one a hart. ``runs`` counts the schedules; what came of one is its execution's only text."""

    def __init__(self, *programs: str, hot: str) -> None:
        self.programs = [[tuple(line.strip().split()) for line in text.split(",")] for text in programs]
        self.hot = set(hot.split())
        self.harts, self.runs = len(programs), 0
        table = np.zeros(MOST_HOT, np.int64)
        for name in self.hot:
            key = address(name) | (IS_LOCK if name.isupper() else 0)
            table[slot_of(table, np.int64(key))] = key
        self.analyst = Analyst(
            np.zeros(1 << 16, np.uint8), Subject(IMAGE_END, (0, 0), (WORDS, LOCKS), ()), table, plenty=False
        )

    def run(self, schedule: Schedule) -> tuple[Execution, Analysis]:
        """One schedule, as :meth:`Interleaver.run` runs it."""
        self.runs += 1
        plan, state, hart = dict(schedule), _State(self.harts), -1
        state.at, state.seen = [0] * self.harts, [[] for _ in range(self.harts)]
        while (enabled := state.enabled()) and not state.panicked:
            step = len(state.steps)
            if plan.get(step) in enabled:
                hart = plan[step]
            elif hart not in enabled:
                hart = next((other for other in enabled if other > hart), enabled[0])
            self._go_on(state, hart, min((at for at in plan if at > step), default=1 << 30))
        steps, log = np.zeros(len(state.steps), STEP), np.zeros(len(state.log), LOGGED)
        for rows, array, names in (
            (state.steps, steps, ("hart", "kind", "object", "enabled", "logged")),
            (state.log, log, ("hart", "kind", "object", "pc", "size")),
        ):
            for place, row in enumerate(rows):
                for name, value in zip(names, row, strict=True):
                    array[name][place] = value
        ending = Ending.PANIC if state.panicked else None
        blocked = tuple(Wait(h, address(k), CODE, state.owner.get(k, -1)) for h, k in sorted(state.waits.items()))
        what = repr((state.seen, sorted(state.memory.items()), state.panicked, not state.panicked and blocked))
        events = np.zeros((0, WIDTH), np.int64)
        execution = Execution(tuple(schedule), steps, log, events, (what,), ending, "", blocked)
        return execution, self.analyst.analyse(steps, log, self.harts)

    def _is_point(self, hart: int, place: int) -> bool:
        operation = self.programs[hart][place]
        return operation[0] not in ("give", "panic") and operation[1] in self.hot

    def _go_on(self, state: _State, hart: int, switch_at: int) -> None:
        """Until its turn ends: at a point where another hart is due, at a lock that is held, or behind its last."""
        program, passing = self.programs[hart], True
        state.waits.pop(hart, None)
        if hart not in state.started:
            state.started.add(hart)
            state.begin(hart, Access.BEGIN, 0)
            passing = False
        while state.at[hart] < len(program) and not state.panicked:
            place = state.at[hart]
            what, *names = program[place]
            if what == "take" and names[0] in state.owner:
                state.waits[hart] = names[0]
                return
            if passing or self._is_point(hart, place):
                if not passing and len(state.steps) == switch_at:
                    if what == "take":
                        state.waits[hart] = names[0]
                    return
                passing = False
                state.begin(hart, KINDS[what], address(names[0]))
            state.at[hart] += 1
            self._do(state, hart, place, what, *names)
        state.done.add(hart)

    def _do(self, state: _State, hart: int, place: int, what: str, name: str = "") -> None:
        if what == "panic":
            state.panicked = True
            return
        state.log.append((hart, KINDS[what], address(name), CODE + 4 * (64 * hart + place), 8))
        if what == "take":
            state.owner[name] = hart
        elif what == "give":
            del state.owner[name]
        elif what == "store":
            state.memory[name] = (hart, place)
        else:
            value = state.memory.get(name, (hart, -1))
            state.seen[hart].append(value)
            if what == "unless" and value[0] != hart:
                state.at[hart] += 1


def outcomes(machine: FakeMachine, strategy: object) -> set[str]:
    """What a search meets: the values that harts saw and left, panics, deadlocks."""
    return {outcome.execution.texts[0] for outcome in strategy.search(machine.run)}  # type: ignore[attr-defined]
