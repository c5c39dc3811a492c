"""Iterative preemption bounding: every schedule without a preemption, then with one, then with two.

Most races need few preemptions (Musuvathi and Qadeer, "Iterative context bounding for systematic testing of
multithreaded programs", PLDI 2007). A preemption is a switch away from a hart that could go on; where it cannot, the
choice of the next is free. A schedule that begins like another but for the order of accesses that do not conflict is
not run again: from the state that both lead to, the same hart goes on.

A preemption before a step that conflicts with nothing leads where a later one leads. What conflicts is known better
with each execution; where more is known at the end of a level than at its beginning, the search begins anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from cowcheck.checker.interleave.strategy import Outcome, Run
from cowcheck.machine.interleave.schedule import Schedule


@dataclass(slots=True)
class Bounding:
    """The search. ``complete`` is the greatest bound that was gone through, -1 for none."""

    harts: int
    bound: int
    prune: bool = True
    complete: int = -1
    schedules: int = 0
    pruned: int = 0
    exhausted: bool = False
    seen: dict[tuple[bytes, int], int] = field(default_factory=dict)
    levels: list[deque[Schedule]] = field(default_factory=list)  # by preemptions: what is still to be run

    @property
    def left(self) -> int:
        """Schedules within the bound that are still to be run."""
        return sum(len(level) for level in self.levels)

    def search(self, run: Run) -> Iterator[Outcome]:
        """Each execution, with the preemptions in it; by their number."""
        while not (yield from self._search(run)):
            self.seen.clear()
            self.pruned, self.complete = 0, -1
        self.exhausted = True

    def _search(self, run: Run) -> Generator[Outcome, None, bool]:
        """One search. False where it was given up, for more conflicts are known than when it began."""
        levels: list[deque[Schedule]] = [deque() for _ in range(self.bound + 1)]
        self.levels = levels
        levels[0] = deque([((0, hart),) for hart in range(self.harts)])
        for cost in range(self.bound + 1):
            grown = False
            while levels[cost]:
                switches = levels[cost].popleft()
                execution, analysis = run(switches)
                self.schedules += 1
                outcome = Outcome(execution, analysis, cost)
                grown |= self.prune and analysis.grown
                yield outcome
                for at, hart, more in self._others(outcome):
                    if cost + more <= self.bound:
                        levels[cost + more].append((*switches, (at, hart)))
            if grown:
                return False
            self.complete = cost
        return True

    def _others(self, outcome: Outcome) -> Iterator[tuple[int, int, int]]:
        """The schedules that differ from this one for the first time behind its last switch."""
        execution, analysis, cost = outcome
        steps = execution.steps
        first = execution.switches[-1][0] + 1 if execution.switches else 0
        for at in range(first, len(steps)):
            chosen, enabled = int(steps["hart"][at]), int(steps["enabled"][at])
            before = int(steps["hart"][at - 1])
            more = 1 if enabled >> before & 1 else 0
            state = analysis.signatures[at].tobytes()
            if self.prune:
                self._note(state, chosen, cost)
            for hart in range(self.harts):
                if self.prune and more and not analysis.conflicts[at]:
                    continue  # what the hart does next is nobody else's concern: a later switch leads to the same
                if hart == chosen or not enabled >> hart & 1 or (more and hart == before):
                    continue
                if self.prune and not self._is_new(state, hart, cost + more):
                    self.pruned += 1
                    continue
                yield at, hart, more

    def _note(self, state: bytes, hart: int, cost: int) -> None:
        self.seen[state, hart] = min(cost, self.seen.get((state, hart), cost))

    def _is_new(self, state: bytes, hart: int, cost: int) -> bool:
        if self.seen.get((state, hart), cost + 1) <= cost:
            return False
        self.seen[state, hart] = cost
        return True
