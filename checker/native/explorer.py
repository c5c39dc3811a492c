"""The exploration of a model by its compiled engine: the same states, in the same order, and so the same result.

C searches, and finds which statement a view breaks; the reference interpreter then runs each path again and finds the
words. A path that does not lead it to the state that the engine says is a fault of cowcheck's, never a violation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, get_type_hints

from cowcheck.checker.explore import Budget, Exploration, Progress, decode
from cowcheck.checker.finding import Finding, sentence
from cowcheck.checker.graph import StateGraph, graph_of, shortest_lasso
from cowcheck.checker.judge import Broken, Judge, message
from cowcheck.checker.memory import peak_rss_bytes, rss_bytes
from cowcheck.checker.merging import Merging, Refused, merging_of
from cowcheck.checker.native.engine import (
    BROKEN_RUN,
    FAULT_MEMORY,
    FAULTED,
    FOUND_ONE,
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


MERGED_FROM = 1 << 17  # states of a search that is large: it is begun anew with merged runs


class Merge(StrEnum):
    """When runs are merged (checker/merging.py)."""

    NEVER = "never"
    LARGE = "large"
    ALWAYS = "always"


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
        merge: Merge = Merge.NEVER,
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
        self.merge = merge
        self.merged = False  # whether the result is of a search with merged runs
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
        self._started = 0.0

    def run(self) -> Exploration:
        """Explores to the end, to the first violation (without ``keep_going``), or to a budget.

        Raises :class:`Declined`; then nothing is known.
        """
        self._started = self.clock()
        self.engine.call.search_forget_blocks()
        exploration = self._merged() if self.merge is Merge.ALWAYS else None
        if exploration is None:
            exploration = self._plain()
        blocks = self.engine.call.search_blocks()
        for index in range(len(self.model.program.instructions)):
            self.model.interpreter.blocks_run[index] |= blocks[index]
        exploration.seconds = self.clock() - self._started
        exploration.peak_rss_bytes = peak_rss_bytes()
        return exploration

    def _plain(self) -> Exploration:
        """A search of every step; where it becomes large and has found nothing, one with merged runs instead."""
        with self._begin() as search:
            first = MERGED_FROM if self.merge is Merge.LARGE else None
            ended, stopped = self._run(search, first, one=not self.keep_going)
            if ended == SLICE_ENDED and not stopped:
                if search.records() or _merging(self.model) is None:
                    ended, stopped = self._run(search, None, one=not self.keep_going)
                else:
                    search.close()
            if search.handle is not None:
                return self._explored(search, "the first violation" if ended == FOUND_ONE else stopped)
        merged = self._merged()
        if merged is not None:
            return merged
        with self._begin() as search:
            ended, stopped = self._run(search, None, one=not self.keep_going)
            return self._explored(search, "the first violation" if ended == FOUND_ONE else stopped)

    def _merged(self) -> Exploration | None:
        """A search with merged runs; None where it finds a violation, or cannot be made: then every step counts."""
        merging = _merging(self.model)
        if merging is None:
            return None
        with self._begin() as search:
            if not self.engine.call.search_merge(search.handle, merging.kinds):
                raise MemoryError
            ended, stopped = self._run(search, None, one=True)
            if ended in (FOUND_ONE, BROKEN_RUN) or search.records():
                return None
            if not stopped and self._judges_progress and search.lost():
                return None
            self.merged = True
            return self._explored(search, stopped)

    def _explored(self, search: Search, stopped: str) -> Exploration:
        """What a search that has ended found."""
        engine = self.engine.call
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
        frames = self.model.layout.frames
        outcomes = [int(count) for count in engine.search_outcomes(search.handle)[: frames + 1]]
        self.bytes = int(engine.search_bytes(search.handle))
        exploration = Exploration(
            findings=findings,
            graph=StateGraph(),
            states=search.states,
            transitions=int(engine.search_transitions(search.handle)),
            depth=len(search.levels) - 1,
            levels=search.levels,
            seconds=0.0,
            peak_rss_bytes=0,
            stopped=stopped,
            unchecked=unchecked,
            outcomes=dict(
                sorted((f"{free} of {frames} frames free", count) for free, count in enumerate(outcomes) if count)
            ),
        )
        self.look_at(search, exploration)
        search.close()
        exploration.findings = findings + self._sequels(findings, sequels)
        return exploration

    def look_at(self, search: Search, exploration: Exploration) -> None:
        """For whoever wants more of the search than its result, before its memory is given back."""

    # --- the search ---

    def _begin(self) -> Search:
        first = next(self.model.initial_states())
        return self._search(first, self._judged, edges=self._judges_progress)

    def _search(self, first: StateTuple, judged: set[str], *, edges: bool, sequel: bool = False) -> Search:
        asked = sum(1 << number for number, it in enumerate(self.statements) if it.invariant in judged)
        return Search(self.engine, self.sizes, first, asked=asked, symmetry=self.symmetry, edges=edges, sequel=sequel)

    def _run(self, search: Search, until: int | None, one: bool = False) -> tuple[int, str]:
        """Runs the search in slices to its end, to a budget or to ``until`` states; with ``one``, to a violation. Says
        how the last slice ended, and the budget that ended the search."""
        call = self.engine.call
        most = MOST_STATES if self.budget.states is None else min(self.budget.states, MOST_STATES)
        while True:
            ended = call.search_run(search.handle, min(most, until or most), SLICE, one)
            if ended == FAULTED:
                if call.search_fault() == FAULT_MEMORY:
                    raise MemoryError
                raise Declined
            seconds = self.clock() - self._started
            if self.report is not None:
                frontier = call.search_frontier(search.handle)
                self.report(Progress(search.states, call.search_expanding(search.handle), frontier, seconds))
            if ended != SLICE_ENDED:
                return ended, ""
            stopped = self._over_budget(search.states, seconds, call.search_growth(search.handle, SLICE))
            if stopped or (until is not None and search.states >= until):
                return ended, stopped

    def _over_budget(self, states: int, seconds: float, growth: int) -> str:
        budget = self.budget
        if budget.states is not None and states >= budget.states:
            return f"{budget.states} states"
        if budget.seconds is not None and seconds >= budget.seconds:
            return f"{budget.seconds:g} s"
        if budget.memory_bytes is not None and rss_bytes() + growth >= budget.memory_bytes:
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


def _merging(model: Model) -> Merging | None:
    try:
        return merging_of(model.program)
    except Refused:
        return None


def _view(record: Record) -> View:
    kind: Any = VIEWS[record.kind]
    wanted = get_type_hints(kind).values()
    values = [bool(value) if want is bool else int(value) for value, want in zip(record.fields, wanted, strict=False)]
    view: View = kind(*values[: len(kind._fields)])
    return view
