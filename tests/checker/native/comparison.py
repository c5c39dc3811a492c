"""One exploration by both engines, and where they differ: what the tests and the sweep (sweep.py) stand on."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cowcheck.checker.catalogue import Design
from cowcheck.checker.explore import Exploration, Explorer
from cowcheck.checker.judge import Judge
from cowcheck.checker.native import Engine, Merge, NativeExplorer, engine_of, find_compiler
from cowcheck.checker.native.engine import MARK_BAD, MARK_END, Search
from cowcheck.model.scenario import Scenario
from cowcheck.model.system import Model, StateTuple
from cowcheck.specs.invariants import INVARIANTS

COMPARED = (
    "findings",
    "states",
    "transitions",
    "depth",
    "levels",
    "stopped",
    "unchecked",
    "outcomes",
    "ends",
    "violating",
)


class Looked(NativeExplorer):
    """Keeps what a search with a result leaves: every state, the parents, the ends and the states that are bad."""

    every: list[StateTuple]
    steps: list[tuple[int, int, int]]

    def look_at(self, search: Search, exploration: Exploration) -> None:
        numbers = range(search.states)
        self.every = [search.state(number) for number in numbers]
        marks = search.call.search_marks(search.handle)
        exploration.ends = [number for number in numbers if marks[number] & MARK_END]
        exploration.violating = [number for number in numbers if marks[number] & MARK_BAD]
        self.steps = [(number, *step) for number in numbers for step in search.steps(number)]


class Compared(NamedTuple):
    """Both results, and the names of what differs."""

    reference: Exploration
    native: Exploration
    differences: list[str]


def engine(model: Model) -> Engine:
    """The engine of a model's program; there is a compiler."""
    compiler = find_compiler()
    assert isinstance(compiler, Path)
    return engine_of(model, INVARIANTS, compiler)


def compare(design: Design, scenario: Scenario, judge: Judge, *, symmetry: bool, keep_going: bool = True) -> Compared:
    """Explores twice. Every state is compared by number, every step with its action, the coverage by instruction."""
    model, other = Model(design.program, scenario), Model(design.program, scenario)
    explorer = Explorer(model, judge, symmetry=symmetry, keep_going=keep_going)
    reference = explorer.run()
    looked = Looked(other, judge, engine(other), symmetry=symmetry, merge=Merge.NEVER, keep_going=keep_going)
    native = looked.run()
    differences = [name for name in COMPARED if getattr(reference, name) != getattr(native, name)]
    if looked.every != list(explorer.states()):
        differences.append("every state")
    graph = explorer.graph
    if reference.complete and looked.steps != list(zip(graph.sources, graph.targets, graph.actions, strict=True)):
        differences.append("every step")
    if model.interpreter.blocks_run != other.interpreter.blocks_run:
        differences.append("coverage")
    return Compared(reference, native, differences)
