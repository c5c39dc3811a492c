"""The exploration of a model by its compiled engine: the same states, in the same order, and so the same result.

C searches, and finds which statement a view breaks; the reference interpreter then runs each path again and finds the
words. A path that does not lead it to the state that the engine says is a fault of cowcheck's, never a violation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

from cowcheck.checker.explore import Budget, Exploration, Progress, decode
from cowcheck.checker.finding import Finding, sentence
from cowcheck.checker.graph import StateGraph, graph_of, shortest_lasso
from cowcheck.checker.judge import Broken, Judge, message
from cowcheck.checker.memory import peak_rss_bytes, rss_bytes
from cowcheck.checker.native.engine import (
    FAULT_MEMORY,
    FAULTED,
    FOUND_ONE,
    MARK_BAD,
    MARK_END,
    NOBODY,
    SLICE_ENDED,
    Engine,
    Record,
    Search,
)
from cowcheck.checker.native.predicates import numbered
from cowcheck.checker.sequel import STATES
from cowcheck.checker.symmetry import Canonical, FrameSymmetry, no_symmetry
from cowcheck.model.native import VIEWS, numbers
from cowcheck.model.observe import Observer
from cowcheck.model.system import Action, Model, StateTuple
from cowcheck.model.views import SystemView, View

SLICE = 1 << 16  # states between looks at the clock and the memory
MOST_STATES = (1 << 32) - 2
_NO_END = SystemView(panicked=False, end_reachable=False)


class Declined(Exception):
    """The engine came to a state that it does not take: the reference interpreter has to say what is to be said."""


class NativeExplorer:
    """One exploration, as :class:`cowcheck.checker.explore.Explorer` makes it: call :meth:`run` once.

    The judge's invariants are among those that the engine was compiled with.
    """

    def __init__(
        self,
        model: Model,
        judge: Judge,
        engine: Engine,
        *,
        symmetry: bool = True,
        keep_going: bool = True,
        budget: Budget = Budget(),  # noqa: B008 - an immutable value
        clock: Callable[[], float] = time.perf_counter,
        report: Callable[[Progress], None] | None = None,
    ) -> None:
        self.model = model
        self.judge = judge
        self.engine = engine
        self.observer = Observer(model)
        self.symmetry = symmetry
        self.canonical: Canonical = FrameSymmetry(model) if symmetry else no_symmetry
        self.keep_going = keep_going
        self.budget = budget
        self.clock = clock
        self.report = report
        self.sizes = numbers(model.layout, model.scenario, model.kernel)
        self.statements = [
            Broken(engine.invariants[index].name, statement) for index, statement in numbered(engine.invariants)
        ]
        self._judged = {invariant.name for invariant in judge.invariants}
        self._judges_progress = bool(judge.table(SystemView)[_NO_END])
        self.bytes = 0

    def run(self) -> Exploration:
        """Explores to the end, to the first violation (without ``keep_going``), or to a budget.

        Raises :class:`Declined`; then nothing is known.
        """
        started = self.clock()
        engine = self.engine.call
        engine.search_forget_blocks()
        first = next(self.model.initial_states())
        with self._search(first, self._judged, edges=self._judges_progress) as search:
            stopped = self._run(search, started)
            unchecked: tuple[str, ...] = ()
            found = [self._finding(search, record) for record in search.records()]
            if stopped and "progress" in self._judged:
                unchecked = ("progress",)
            elif not stopped and self._judges_progress:
                found += self._stuck(search)
            order = [invariant.name for invariant in self.judge.invariants]
            findings = sorted(found, key=lambda finding: order.index(finding.invariant))
            known = {finding.invariant for finding in findings}
            sequels = [
                self._finding(search, record, after=self.engine.invariants[record.cause].name)
                for record in search.records(aftermath=True)
                if self.statements[record.statement].invariant not in known
            ]
            outcomes = engine.search_outcomes(search.handle)
            self.bytes = int(engine.search_bytes(search.handle))
            exploration = Exploration(
                findings=findings,
                graph=StateGraph(),
                states=search.states,
                transitions=int(engine.search_transitions(search.handle)),
                depth=len(search.levels) - 1,
                seconds=0.0,
                peak_rss_bytes=0,
                stopped=stopped,
                unchecked=unchecked,
                outcomes=dict(
                    sorted(
                        (f"{free} of {self.model.layout.frames} frames free", int(outcomes[free]))
                        for free in range(self.model.layout.frames + 1)
                        if outcomes[free]
                    )
                ),
            )
            self.look_at(search, exploration)
        exploration.findings = findings + self._sequels(findings, sequels)
        blocks = engine.search_blocks()
        for index in range(len(self.model.program.instructions)):
            self.model.interpreter.blocks_run[index] |= blocks[index]
        exploration.seconds = self.clock() - started
        exploration.peak_rss_bytes = peak_rss_bytes()
        return exploration

    def look_at(self, search: Search, exploration: Exploration) -> None:
        """For whoever wants more of the search than its result, before its memory is given back."""

    # --- the search ---

    def _search(self, first: StateTuple, judged: set[str], *, edges: bool, sequel: bool = False) -> Search:
        asked = sum(1 << number for number, it in enumerate(self.statements) if it.invariant in judged)
        return Search(
            self.engine, self.sizes, first, asked=asked, symmetry=self.symmetry, edges=edges, sequel=sequel
        )

    def _run(self, search: Search, started: float) -> str:
        """Runs the search in slices; what stopped it, or nothing."""
        call = self.engine.call
        most = MOST_STATES if self.budget.states is None else min(self.budget.states, MOST_STATES)
        while True:
            ended = call.search_run(search.handle, most, SLICE, not self.keep_going)
            if ended == FAULTED:
                if call.search_fault() == FAULT_MEMORY:
                    raise MemoryError
                raise Declined
            if ended == FOUND_ONE:
                return "the first violation"
            seconds = self.clock() - started
            if self.report is not None:
                frontier = call.search_frontier(search.handle)
                self.report(Progress(search.states, call.search_expanding(search.handle), frontier, seconds))
            if ended != SLICE_ENDED:
                return ""
            if stopped := self._over_budget(search.states, seconds):
                return stopped

    def _over_budget(self, states: int, seconds: float) -> str:
        budget = self.budget
        if budget.states is not None and states >= budget.states:
            return f"{budget.states} states"
        if budget.seconds is not None and seconds >= budget.seconds:
            return f"{budget.seconds:g} s"
        if budget.memory_bytes is not None and rss_bytes() >= budget.memory_bytes:
            return f"{budget.memory_bytes >> 20} MiB of memory"
        return ""

    # --- findings ---

    def _finding(self, search: Search, record: Record, before: tuple[Action, ...] = (), after: str = "") -> Finding:
        item = self.statements[record.statement]
        view = _view(record)
        path = (*before, *map(decode, search.path(record.number)))
        if record.action != NOBODY:
            path = (*path, decode(record.action))
        self._confirm(path, view)
        return Finding(item.invariant, sentence(self.model, self.observer, path, item, view), path, after=after)

    def _confirm(self, path: tuple[Action, ...], view: View) -> None:
        """The reference interpreter comes to the same view. (States it may name otherwise: checker/symmetry.py.)"""
        state, events = self.model.replay_events(path)
        seen = [*(other for _, other in events), *self.observer.views(state)]
        assert view in seen, f"the interpreter does not see the engine's {view} after {len(path)} steps"

    def _stuck(self, search: Search) -> Iterator[Finding]:
        """The violation of progress, where there is one."""
        states = search.lost()
        if not states:
            return
        steps = {number: search.steps(number) for number in states}
        graph = graph_of(states, ((source, target) for source in states for target, _ in steps[source]))
        node, cycle = shortest_lasso(
            graph, states, lambda source, target: next(code for other, code in steps[source] if other == target)
        )
        path = tuple(map(decode, search.path(node)))
        actions = tuple(map(decode, cycle))
        for item in self.judge.table(SystemView)[_NO_END]:
            text = message(item.statement, _NO_END, self.model.stuck_subject(self.model.replay(path), actions))
            yield Finding(item.invariant, text[0].upper() + text[1:], path, actions)

    def _sequels(self, findings: list[Finding], sequels: list[Finding]) -> list[Finding]:
        """What follows from the violations, beside those found already (checker/sequel.py)."""
        known = {finding.invariant for finding in (*findings, *sequels)}
        for finding in findings:
            if known >= self._judged:
                break
            start = self.model.replay(finding.path)
            with self._search(start, self._judged - known, edges=False, sequel=True) as search:
                if self.engine.call.search_run(search.handle, STATES, STATES, False) == FAULTED:
                    raise Declined
                for record in search.records():
                    sequels.append(self._finding(search, record, finding.path, finding.invariant))
                    known.add(sequels[-1].invariant)
        return sequels


def _view(record: Record) -> View:
    kind: Any = VIEWS[record.kind]
    wanted = get_type_hints(kind).values()
    values = [bool(value) if want is bool else int(value) for value, want in zip(record.fields, wanted, strict=False)]
    view: View = kind(*values[: len(kind._fields)])
    return view


__all__ = ["MARK_BAD", "MARK_END", "Declined", "NativeExplorer"]
