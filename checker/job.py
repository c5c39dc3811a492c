"""One exploration, as a function of plain values: what a worker process is given, and what it gives back."""

from __future__ import annotations

import os
import struct
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cowcheck.checker import memory
from cowcheck.checker.catalogue import Design, find_design, find_scenario
from cowcheck.checker.coverage import reached_lines
from cowcheck.checker.engines import EngineName, engine_for
from cowcheck.checker.explore import Budget, Exploration, Explorer, Progress
from cowcheck.checker.finding import Finding
from cowcheck.checker.graph_labels import write_labelled_graph
from cowcheck.checker.judge import Judge
from cowcheck.checker.native import Declined, Merge, NativeExplorer
from cowcheck.checker.result import Failure, Method, Result, Stats, Subject, Verdict, Violation
from cowcheck.checker.retrace import Claim, Unlike, retrace
from cowcheck.model.errors import CowcheckError
from cowcheck.model.scenario import Scenario
from cowcheck.model.system import Model
from cowcheck.specs.invariants import INVARIANTS, find_invariants

NOT_ASKED_FOR = "not asked for"
REFCOUNT = "refcount-equals-mappings"
_TOO_LARGE = (
    "a value that the processes share grows past 16 bits; find what the design only ever adds to (a counter, a "
    "generation) and bound it, as in `x = (x + 1) % 8`"
)


class Job(NamedTuple):
    """A request: ``design`` and ``scenario`` are names or paths; a size of None is the scenario's own."""

    design: str
    scenario: str
    harts: int | None = None
    frames: int | None = None
    pages: int | None = None
    budget: Budget = Budget()
    oracle: bool = False
    symmetry: bool = True
    keep_going: bool = True
    invariants: tuple[str, ...] = ()  # none: all
    graph: str = ""  # the file that the state graph is written to
    engine: EngineName = EngineName.AUTO
    merge: Merge = Merge.LARGE

    @property
    def method(self) -> Method:
        """As it was asked for; which engine explored is known afterwards."""
        return Method(self.symmetry, "z3" if self.oracle else "compiled", self.keep_going)

    @property
    def needs_reference(self) -> str:
        """The option that only the reference interpreter serves; empty where none was given."""
        return "--oracle z3" if self.oracle else "--graph" if self.graph else ""


def load(job: Job) -> tuple[Design, Scenario]:
    """The design and the scenario at the job's size. Raises :class:`CowcheckError`."""
    scenario = find_scenario(job.scenario).resized(job.harts, job.frames, job.pages)
    find_invariants(job.invariants)
    return find_design(job.design), scenario


def subject_of(design: Design, scenario: Scenario) -> Subject:
    """The subject of exploring the design in the scenario."""
    return Subject(
        design=design.name,
        scenario=scenario.name,
        harts=scenario.harts,
        frames=scenario.frames,
        page_kinds=scenario.pages,
        design_file=design.linked.unit.shown,
        scenario_file=scenario.shown,
    )


def failed(job: Job, kind: str, text: str) -> Result:
    """The result of a job that could not be carried out."""
    try:
        subject = subject_of(*load(job))
    except CowcheckError:
        subject = Subject(job.design, job.scenario, job.harts or 0, job.frames or 0, (), job.design, job.scenario)
    return Result(Verdict.ERROR, subject, job.method, error=Failure(kind, text))


def run(job: Job, report: Callable[[Progress], None] | None = None) -> Result:
    """Explores. Bad input and faults of our own are results as well: one job never ends the others."""
    try:
        return _explore(job, report)
    except CowcheckError as error:
        return failed(job, "input", str(error))
    except struct.error:
        return failed(job, "input", _TOO_LARGE)
    except MemoryError:
        return failed(job, "internal", "memory was out; give a smaller size or --max-states")
    except Exception as error:
        if os.environ.get("COWCHECK_DEBUG"):
            traceback.print_exc(file=sys.stderr)
        return failed(job, "internal", f"{type(error).__name__}: {error}")


def _explore(job: Job, report: Callable[[Progress], None] | None) -> Result:
    memory.restart_peak()
    design, scenario = load(job)
    asked = find_invariants(job.invariants) if job.invariants else INVARIANTS
    model = Model(design.program, scenario)
    engine, merged, found = _search(job, model, Judge(job.oracle, asked), report)
    reached = reached_lines(design, model.interpreter)  # before anything is run again
    violations = tuple(_told(job, design, scenario, item) for item in found.findings)
    verdict = Verdict.FAIL if violations else Verdict.PASS if found.complete else Verdict.INCONCLUSIVE
    return Result(
        verdict=verdict,
        subject=subject_of(design, scenario),
        method=job.method._replace(engine=engine, merged=merged),
        stats=_stats(found),
        outcomes=found.outcomes,
        violations=violations,
        not_checked=_not_checked(job, design, found),
        reached=reached,
    )


def _search(
    job: Job, model: Model, judge: Judge, report: Callable[[Progress], None] | None
) -> tuple[str, bool, Exploration]:
    """The engine that explored, whether it merged runs, and what it found."""
    engine = None if job.needs_reference else engine_for(model, job.engine)
    if engine is not None:
        try:
            native = NativeExplorer(
                model,
                judge,
                engine,
                symmetry=job.symmetry,
                merge=job.merge,
                keep_going=job.keep_going,
                budget=job.budget,
                report=report,
            )
            found = native.run()
            return EngineName.NATIVE.value, native.merged, found
        except Declined:
            pass  # the reference interpreter finds out why
    explorer = Explorer(
        model, judge, symmetry=job.symmetry, keep_going=job.keep_going, budget=job.budget, report=report
    )
    found = explorer.run()
    if job.graph:
        write_labelled_graph(explorer, found, Path(job.graph))
    return EngineName.REFERENCE.value, False, found


def _told(job: Job, design: Design, scenario: Scenario, found: Finding) -> Violation:
    claim = Claim(found.invariant, found.path, found.cycle, found.after)
    try:
        return retrace(design, scenario, claim, oracle=job.oracle).violation
    except Unlike as error:
        raise AssertionError(f"{found.invariant} was found but is not reached again: {error}") from error


def _stats(found: Exploration) -> Stats:
    return Stats(
        states=found.states,
        transitions=found.transitions,
        depth=found.depth,
        seconds=found.seconds,
        peak_rss_bytes=memory.peak_rss_bytes(),
        complete=found.complete,
        stopped=found.stopped,
        levels=() if found.complete else tuple(found.levels),
    )


def _not_checked(job: Job, design: Design, found: Exploration) -> dict[str, str]:
    """The invariants that this exploration says nothing of, each with the reason."""
    because = f"it is judged on the whole graph, and {found.stopped} ended the search"
    reasons = dict.fromkeys(found.unchecked, because)
    if not design.program.count:
        reasons[REFCOUNT] = "the design declares no count (DESIGN = Design(count=...))"
    if job.invariants:
        reasons |= {item.name: NOT_ASKED_FOR for item in INVARIANTS if item.name not in job.invariants}
    return {item.name: reasons[item.name] for item in INVARIANTS if item.name in reasons}
