"""Dynamic partial-order reduction: of the schedules that differ only in the order of steps that commute, one is run.

A run shows which of its steps *race*: steps of two harts that depend on each other (``footprints.py``), with nothing
between them that orders them. Only where two race the other order is run too (Flanagan and Godefroid, "Dynamic
partial-order reduction for model checking software", POPL 2005). Which hart is tried before the first of the two is
chosen as source sets are (Abdulla, Aronis, Jonsson and Sagonas, "Optimal dynamic partial order reduction", POPL 2014).
*Sleep sets* (Godefroid 1996) keep a step that was tried in a state from being tried again where only steps have been
made since that commute with it.

There is no bound on preemptions, and no state is kept but that of the path. What is over when the search ends by itself
is the whole tree of the race.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cowcheck.checker.interleave.strategy import Outcome, Run, changes_of_hart, preemptions
from cowcheck.machine.interleave.analysis import Analysis
from cowcheck.machine.interleave.execution import Execution
from cowcheck.machine.interleave.footprints import Use
from cowcheck.machine.interleave.schedule import Schedule
from cowcheck.machine.interleave.state import IS_LOCK, Access

Clock = tuple[int, ...]
"""By harts: the last of its steps that happens before, or is, the step in question; -1 for none."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A step, as far as others may depend on it. ``given``: locks that it gives back, and took in an earlier step;
    ``first``: the lock that it begins with taking, or 0; ``ends``: the run is over with it, so that no other hart comes
    to its next step."""

    hart: int
    touched: frozenset[int]
    changed: frozenset[int]
    given: frozenset[int] = frozenset()
    first: int = 0
    ends: bool = False

    def depends_on(self, other: Transition) -> bool:
        """Whether their order matters."""
        if self.ends or other.ends:
            return True
        return not (self.changed.isdisjoint(other.touched) and other.changed.isdisjoint(self.touched))

    def races_with(self, earlier: Transition) -> bool:
        """Whether it could have begun before: what it waits for at once is no lock that the other gives back."""
        if self.ends or earlier.ends:
            return True
        both = (self.changed & earlier.touched) | (earlier.changed & self.touched)
        return not (both <= earlier.given and both <= {self.first})

    def takes(self) -> list[int]:
        """The locks that it takes."""
        return [item for item in self.touched - self.given if item & IS_LOCK]


@dataclass(slots=True)
class Node:
    """A state of the path, and the step that is made there. ``sleep``: steps that were tried in this state, or in one
    before it, from where they could be put off to here; ``tried``: the harts that are to go on here, or have."""

    enabled: frozenset[int]
    sleep: dict[int, Transition]
    tried: set[int]
    hart: int
    step: Transition | None = None
    clock: Clock = ()

    def sleep_after(self) -> dict[int, Transition]:
        """What need not be tried in the state behind the step."""
        assert self.step is not None
        return {hart: step for hart, step in self.sleep.items() if not step.depends_on(self.step)}


@dataclass(slots=True)
class DynamicReduction:
    """The search. ``complete`` is the number of steps of the longest schedule once all are run: none has more
    preemptions."""

    harts: int
    complete: int = -1
    schedules: int = 0
    pruned: int = 0
    exhausted: bool = False
    path: list[Node] = field(default_factory=list)
    longest: int = 0
    refused: bool = False  # a hart that could go on did not: what it would have done is not known

    @property
    def left(self) -> int:
        """Branches of the tree that are known, and still to be gone into."""
        return sum(len(node.tried - node.sleep.keys() - {node.hart}) for node in self.path)

    def search(self, run: Run) -> Iterator[Outcome]:
        """Each execution, depth first."""
        schedule: Schedule | None = ((0, 0),)
        while schedule is not None:
            execution, analysis = run(schedule)
            self.schedules += 1
            yield Outcome(execution, analysis, preemptions(execution))
            self._follow(execution, analysis)
            schedule = self._next()
        if not self.refused:
            self.complete, self.exhausted = self.longest, True

    def _next(self) -> Schedule | None:
        """The schedule up to the next step that was not tried; None where there is none."""
        while self.path:
            node = self.path[-1]
            if node.step is not None:
                node.sleep[node.hart] = node.step
                node.step = None
            for hart in sorted(node.tried - node.sleep.keys()):
                node.hart = hart
                return changes_of_hart([each.hart for each in self.path])
            self.path.pop()
        return None

    # --- what a run shows ---

    def _follow(self, execution: Execution, analysis: Analysis) -> None:
        """Takes the run's steps, from the one that was to be tried on."""
        steps, path = execution.steps, self.path
        harts = [int(hart) for hart in steps["hart"]]
        self.longest = max(self.longest, len(harts))
        if harts[: len(path)] != [node.hart for node in path]:
            self.refused = True
            path[-1].tried.discard(path[-1].hart)
            return
        last = {hart: at for at, hart in enumerate(harts)}
        for at in range(max(len(path) - 1, 0), len(harts)):
            if at == len(path) and not self._enter(harts[at], int(steps["enabled"][at])):
                return
            path[at].step = transition(execution, analysis, at, at == last[harts[at]])
            path[at].clock = self._order(at, path[at].step)
        for hart, lock, _, _ in execution.blocked:
            self._order(len(path), Transition(hart, frozenset((lock | IS_LOCK,)), frozenset(), first=lock | IS_LOCK))
        if execution.ending is not None and path:
            path[-1].tried |= path[-1].enabled

    def _enter(self, hart: int, enabled_bits: int) -> bool:
        """A state that is new; False where the run is not worth following from here on."""
        enabled = frozenset(other for other in range(self.harts) if enabled_bits >> other & 1)
        sleep = self.path[-1].sleep_after() if self.path else {}
        if hart not in sleep:
            self.path.append(Node(enabled, sleep, {hart}, hart))
            return True
        self.pruned += 1
        awake = sorted(enabled - sleep.keys())
        if awake:
            self.path.append(Node(enabled, sleep, {awake[0]}, awake[0]))
        return False

    def _order(self, at: int, step: Transition | None) -> Clock:
        """What happens before a step, and the races that it shows."""
        assert step is not None
        path = self.path
        own = next((path[n].clock for n in range(min(at, len(path)) - 1, -1, -1) if path[n].hart == step.hart), None)
        before = own or (-1,) * self.harts
        clock, depends = before, []
        for n in range(at - 1, -1, -1):
            other = path[n]
            assert other.step is not None
            if n > before[other.hart] and other.hart != step.hart and step.depends_on(other.step):
                depends.append(n)
                clock = joined(clock, other.clock)
        clock = tuple(at if hart == step.hart else last for hart, last in enumerate(clock))
        for n in depends:
            other = path[n]
            assert other.step is not None
            if n > before[other.hart] and step.races_with(other.step) and self._reverse(n, at, step, clock):
                before = joined(before, other.clock)
        return clock

    def _reverse(self, first: int, at: int, step: Transition, clock: Clock) -> bool:
        """Sees to it that a step is also run before the first of the two, which it races with. False where a lock
        keeps it from that: then it also races with the step that took the lock."""
        path, node = self.path, self.path[first]
        others = [n for n in range(first + 1, at) if path[n].clock[node.hart] < first]
        if step.first and self._holds([*range(first), *others], [step.first]):
            return False
        begins: set[int] = set()  # harts whose step there can be the first of those that do not depend on the race
        met: list[int] = []
        for n, hart, seen in [*((n, path[n].hart, path[n].clock) for n in others), (at, step.hart, clock)]:
            if not any(seen[path[m].hart] >= m for m in met):
                begins.add(hart)
            met.append(n)
        begins &= node.enabled
        if not begins:
            node.tried |= node.enabled
        elif not begins & (node.tried | node.sleep.keys()):
            node.tried.add(step.hart if step.hart in begins else min(begins))
        return not self._holds([*range(first), *others], step.takes())

    def _holds(self, numbers: Sequence[int], locks: Sequence[int]) -> bool:
        """Whether one of the locks is held behind these steps of the path."""
        for lock in locks:
            for n in reversed(numbers):
                step = self.path[n].step
                assert step is not None
                if lock in step.changed:
                    if lock not in step.given:
                        return True
                    break
        return False


def joined(first: Clock, second: Clock) -> Clock:
    """What happens before either."""
    return tuple(map(max, first, second))


def transition(execution: Execution, analysis: Analysis, at: int, is_last: bool) -> Transition:
    """Step ``at`` of an execution; ``is_last``: of its hart."""
    footprints, row = analysis.footprints, execution.steps[at]
    objects = footprints.objects[footprints.starts[at] : footprints.starts[at + 1]]
    uses = footprints.uses[footprints.starts[at] : footprints.starts[at + 1]]
    hart = int(row["hart"])
    waits_for = [wait.lock | IS_LOCK for wait in execution.blocked if is_last and wait.hart == hart]
    return Transition(
        hart,
        frozenset(objects.tolist()).union(waits_for),
        frozenset(objects[uses != Use.READS].tolist()),
        frozenset(objects[uses == Use.GIVES].tolist()),
        int(row["object"]) | IS_LOCK if row["kind"] == Access.ACQUIRE else 0,
        execution.ending is not None and at == len(execution.steps) - 1,
    )
