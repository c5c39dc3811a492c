"""Breadth-first exploration of a model: every reachable state once, every invariant on each.

A state that breaks an invariant is not expanded: what follows from a violation is not reported as another one, and
states that a right kernel never enters are not counted. All else is explored, so different violations are each found,
with a shortest path. ``progress`` is judged at the end, on the whole graph.

The search is deterministic: states are expanded in the order of their discovery, actions come in the order of pids, and
nothing depends on hash values.
"""

from __future__ import annotations

import struct
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from cowcheck.checker.finding import Finding, sentence
from cowcheck.checker.graph import StateGraph
from cowcheck.checker.judge import Broken, Judge, message
from cowcheck.checker.memory import peak_rss_bytes, rss_bytes
from cowcheck.checker.sequel import consequences
from cowcheck.checker.symmetry import Canonical, FrameSymmetry, no_symmetry
from cowcheck.model.observe import Observer
from cowcheck.model.system import Action, Model, StateTuple
from cowcheck.model.views import SystemView, View

CHECK_EVERY = 2048  # states between looks at the clock and the memory


class Budget(NamedTuple):
    """Where a search stops short: ``None`` is no bound."""

    states: int | None = None
    seconds: float | None = None
    memory_bytes: int | None = None


class Progress(NamedTuple):
    """Where a search stands."""

    states: int
    depth: int
    frontier: int
    seconds: float


@dataclass(slots=True)
class Exploration:
    """What a search found. ``stopped`` says which budget ended it, and is empty for a complete one."""

    findings: list[Finding]
    graph: StateGraph
    states: int
    transitions: int
    depth: int
    seconds: float
    peak_rss_bytes: int
    stopped: str
    unchecked: tuple[str, ...]
    outcomes: dict[str, int]
    ends: list[int] = field(default_factory=list)
    violating: list[int] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)  # how many states were found at each depth

    @property
    def complete(self) -> bool:
        return not self.stopped


def encode(action: Action) -> int:
    """An action as a small integer, for the graph's arrays."""
    return action.pid * 2 + action.timer


def decode(code: int) -> Action:
    return Action(code >> 1, bool(code & 1))


class Explorer:
    """One exploration: call :meth:`run` once."""

    def __init__(
        self,
        model: Model,
        judge: Judge,
        *,
        symmetry: bool = True,
        keep_going: bool = True,
        budget: Budget = Budget(),  # noqa: B008 - an immutable value
        clock: Callable[[], float] = time.perf_counter,
        report: Callable[[Progress], None] | None = None,
        newest_first: bool = False,
    ) -> None:
        """``newest_first`` explores depth first: slower to a counterexample and no shorter, for tests that hold the
        verdict to be independent of the order."""
        self.model = model
        self.judge = judge
        self.observer = Observer(model)
        self.canonical: Canonical = FrameSymmetry(model) if symmetry else no_symmetry
        self.keep_going = keep_going
        self.budget = budget
        self.clock = clock
        self.report = report
        self.newest_first = newest_first
        self._pack = struct.Struct(f"<{model.layout.size}h").pack
        self._unpack = struct.Struct(f"<{model.layout.size}h").unpack
        self._tables = {kind: judge.table(kind) for kind in View.__args__}
        self.graph = StateGraph()
        self.numbers: dict[bytes, int] = {}
        self._found: dict[str, Finding] = {}
        self._aftermath: dict[str, Finding] = {}  # what the very step of a violation breaks besides
        self._bad: set[int] = set()
        self._before_bad: set[int] = set()  # states with a step that breaks something by itself
        self._ends: list[int] = []
        self._outcomes: dict[str, int] = {}

    def run(self) -> Exploration:
        """Explores to the end, to the first violation (without ``keep_going``), or to a budget."""
        started = self.clock()
        depths = [0]
        queue: deque[int] = deque()
        for state in self.model.initial_states():
            queue.append(self._add(self.canonical(state), -1, 0))
        stopped = ""
        states = list(self.numbers)  # by number
        looked = 0
        depth = 0
        while queue and not stopped:
            if self._found and not self.keep_going:
                stopped = "the first violation"
                break
            number = queue.pop() if self.newest_first else queue.popleft()
            depth = max(depth, depths[number])
            for target in self._expand(number, self._unpack(states[number])):
                states.append(target)
                depths.append(depths[number] + 1)
                new = len(states) - 1
                if new not in self._bad:
                    queue.append(new)
            if len(states) - looked >= CHECK_EVERY or self._over_states():
                looked = len(states)
                seconds = self.clock() - started
                stopped = self._over_budget(seconds)
                if self.report is not None:
                    self.report(Progress(len(states), depth, len(queue), seconds))
        if not queue:
            stopped = ""  # the budget was used up by the last state
        unchecked: tuple[str, ...] = ()
        if stopped:
            if any(invariant.name == "progress" for invariant in self.judge.invariants):
                unchecked = ("progress",)
        else:
            self._judge_progress()
        order = [invariant.name for invariant in self.judge.invariants]
        findings = sorted(self._found.values(), key=lambda finding: order.index(finding.invariant))
        findings += self._sequels(findings)
        return Exploration(
            findings=findings,
            graph=self.graph,
            states=len(self.numbers),
            transitions=self.graph.edges,
            depth=max(depths),
            seconds=self.clock() - started,
            peak_rss_bytes=peak_rss_bytes(),
            stopped=stopped,
            unchecked=unchecked,
            outcomes=dict(sorted(self._outcomes.items())),
            ends=self._ends,
            violating=sorted(self._bad),
            levels=[count for _, count in sorted(Counter(depths).items())],
        )

    def states(self) -> Iterator[StateTuple]:
        """Every state that was reached, by number."""
        for packed in self.numbers:
            yield self._unpack(packed)

    # --- the search ---

    def _add(self, state: StateTuple, parent: int, action: int) -> int:
        number = self.graph.add_node(parent, action)
        self.numbers[self._pack(*state)] = number
        self._judge_state(state, number)
        return number

    def _expand(self, number: int, state: StateTuple) -> Iterator[bytes]:
        """Takes every enabled action; yields the states that are new."""
        stuck = True
        for action in self.model.enabled_actions(state):
            stuck = False
            code = encode(action)
            target, events = self.model.take(state, action)
            wrong = ""
            for _, view in events:
                broken = self._tables[type(view)][view]
                if broken:
                    wrong = wrong or broken[0].invariant
                    self._record(broken, view, (*self._path(number), action))
            if wrong:
                self._before_bad.add(number)  # judged: progress asks for no continuation through here
                self._judge_aftermath(wrong, target, (*self._path(number), action))
                continue
            target = self.canonical(target)
            packed = self._pack(*target)
            known = self.numbers.get(packed)
            if known is None:
                known = self._add(target, number, code)
                yield packed
            self.graph.add_edge(number, known, code)
        if stuck and self.model.is_end(state):
            self._ends.append(number)
            outcome = self.model.outcome(state)
            self._outcomes[outcome] = self._outcomes.get(outcome, 0) + 1

    def _judge_state(self, state: StateTuple, number: int) -> None:
        tables = self._tables
        for view in self.observer.views(state):
            broken = tables[type(view)][view]
            if broken:
                self._bad.add(number)
                self._record(broken, view, self._path(number))

    def _judge_aftermath(self, cause: str, state: StateTuple, path: tuple[Action, ...]) -> None:
        """What the state after a wrong step breaks follows from that step; it is no node of the graph."""
        for view in self.observer.views(state):
            for item in self._tables[type(view)][view]:
                if item.invariant != cause and item.invariant not in self._aftermath:
                    text = sentence(self.model, self.observer, path, item, view)
                    self._aftermath[item.invariant] = Finding(item.invariant, text, path, after=cause)

    def _record(self, broken: tuple[Broken, ...], view: View, path: tuple[Action, ...]) -> None:
        for item in broken:
            if item.invariant not in self._found:
                text = sentence(self.model, self.observer, path, item, view)
                self._found[item.invariant] = Finding(item.invariant, text, path)

    def _path(self, number: int) -> tuple[Action, ...]:
        return tuple(decode(code) for code in self.graph.path(number))

    def _judge_progress(self) -> None:
        goals = sorted({*self._ends, *self._bad, *self._before_bad})
        graph, lost = self.graph.cannot_reach(goals)
        if not lost:
            return
        view = SystemView(panicked=False, end_reachable=False)
        for item in self._tables[SystemView][view]:
            node, cycle = self.graph.shortest_lasso(graph, lost)
            path = self._path(node)
            actions = tuple(decode(code) for code in cycle)
            subject = self.model.stuck_subject(self.model.replay(path), actions)
            text = message(item.statement, view, subject)
            self._found[item.invariant] = Finding(item.invariant, text[0].upper() + text[1:], path, actions)

    def _sequels(self, findings: list[Finding]) -> list[Finding]:
        """What follows from the violations, beside those found already."""
        sequels = [finding for name, finding in self._aftermath.items() if name not in self._found]
        known = {finding.invariant for finding in (*findings, *sequels)}
        for finding in findings:
            for sequel in consequences(self.model, self.observer, self.judge, self.canonical, finding, known):
                sequels.append(sequel)
                known.add(sequel.invariant)
        return sequels

    # --- budgets ---

    def _over_states(self) -> bool:
        return self.budget.states is not None and len(self.numbers) >= self.budget.states

    def _over_budget(self, seconds: float) -> str:
        budget = self.budget
        if self._over_states():
            return f"{budget.states} states"
        if budget.seconds is not None and seconds >= budget.seconds:
            return f"{budget.seconds:g} s"
        if budget.memory_bytes is not None and rss_bytes() + self.graph.digraph_bytes() >= budget.memory_bytes:
            return f"{budget.memory_bytes >> 20} MiB of memory"
        return ""
