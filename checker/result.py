"""The one result type: what an exploration found, as plain values, and as JSON.

Everything here crosses process boundaries, and everything that is written (terminal text, JSON, counterexample files)
is made from it. ``docs/results.schema.json`` describes the JSON; times, rates and memory are all that differ between
two runs of the same exploration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from cowcheck.checker.trace import Part, Step
from cowcheck.model.errors import CowcheckError, Place
from cowcheck.model.system import Action

SCHEMA = "cowcheck/results/1"


class Verdict(StrEnum):
    """``inconclusive``: a budget ended the search and nothing was found until then. ``error``: there was no search."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Subject:
    """What was explored: a design in a scenario, at a size. The files are as they are shown in ``file:line``."""

    design: str
    scenario: str
    harts: int
    frames: int
    page_kinds: tuple[str, ...]
    design_file: str
    scenario_file: str

    @property
    def pages(self) -> int:
        return len(self.page_kinds)


@dataclass(frozen=True, slots=True)
class Stats:
    """What the search took. ``stopped`` says what ended an incomplete one, ``levels`` how many states it
    had found at each depth by then."""

    states: int = 0
    transitions: int = 0
    depth: int = 0
    seconds: float = 0.0
    peak_rss_bytes: int = 0
    complete: bool = False
    stopped: str = ""
    levels: tuple[int, ...] = ()

    @property
    def states_per_second(self) -> float:
        return self.states / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Violation:
    """A violated invariant and a shortest path to it.

    ``setup`` says what the setup's steps leave (:func:`setup_length`). ``cycle`` are steps that lead from the end of
    ``steps`` back to the same state (``progress`` only). ``schedule`` holds the actions of ``steps``, then of
    ``cycle``. A violation that follows from another on its path names that in ``after``, and in ``after_step`` the
    number of the step that breaks it first.
    """

    invariant: str
    message: str
    setup: tuple[str, ...]
    steps: tuple[Step, ...]
    cycle: tuple[Step, ...]
    schedule: tuple[Action, ...]
    after: str = ""
    after_step: int = 0

    @property
    def length(self) -> int:
        """Steps after the setup: what a person has to read."""
        return len(self.steps) - setup_length(self.steps) + len(self.cycle)


def setup_length(steps: Sequence[Step]) -> int:
    """How many of the first steps are setup, which a person reads as the state that they leave.

    Where the setup itself goes wrong, those are told that come after its last step in user mode.
    """
    for index, step in enumerate(steps):
        if not step.setup:
            return index
    return max((index for index, step in enumerate(steps) if step.parts[0].function == step.process), default=0)


class Method(NamedTuple):
    """How the states were searched and judged."""

    symmetry: bool
    oracle: str  # "compiled", or "z3" where z3 itself has judged every view
    keep_going: bool
    engine: str = ""  # "native" or "reference"; empty where there was no search
    merged: bool = False  # runs that hold a lock were single steps (checker/merging.py)


class Failure(NamedTuple):
    """Why there was no search: the ``input`` was bad, or the fault is cowcheck's own (``internal``)."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Result:
    """What one exploration found. ``reached`` holds, by file, the lines of the design that some step ran."""

    verdict: Verdict
    subject: Subject
    method: Method
    stats: Stats = field(default_factory=Stats)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    not_checked: Mapping[str, str] = field(default_factory=dict)
    reached: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    error: Failure | None = None


class Unreached(NamedTuple):
    """A source line of a design that compiles to steps of which none was ever run; ``panic``: all it does is panic."""

    source: str  # file:line
    function: str
    code: str
    panic: bool


class Coverage(NamedTuple):
    """The lines of one design that none of its scenarios reached."""

    design: str
    scenarios: int
    unreached: tuple[Unreached, ...]


# --- JSON ---


def document(results: Iterable[Result], coverage: Iterable[Coverage] = ()) -> dict[str, Any]:
    """The JSON document of some results."""
    return {
        "schema": SCHEMA,
        "results": [to_json(result) for result in results],
        "coverage": [{**item._asdict(), "unreached": [line._asdict() for line in item.unreached]} for item in coverage],
    }


def to_json(result: Result) -> dict[str, Any]:
    """One result as JSON values."""
    subject, stats = result.subject, result.stats
    return {
        "verdict": str(result.verdict),
        "subject": {
            "design": subject.design,
            "scenario": subject.scenario,
            "harts": subject.harts,
            "frames": subject.frames,
            "pages": subject.pages,
            "page_kinds": list(subject.page_kinds),
            "design_file": subject.design_file,
            "scenario_file": subject.scenario_file,
        },
        "method": result.method._asdict(),
        "stats": {**asdict(stats), "states_per_second": stats.states_per_second},
        "outcomes": dict(result.outcomes),
        "violations": [_violation_to_json(violation) for violation in result.violations],
        "not_checked": dict(result.not_checked),
        "reached": {file: list(lines) for file, lines in result.reached.items()},
        "error": None if result.error is None else result.error._asdict(),
    }


def _violation_to_json(violation: Violation) -> dict[str, Any]:
    return {
        "invariant": violation.invariant,
        "message": violation.message,
        "setup": list(violation.setup),
        "steps": [_step_to_json(step) for step in violation.steps],
        "cycle": [_step_to_json(step) for step in violation.cycle],
        "schedule": schedule_to_json(violation.schedule),
        "after": violation.after,
        "after_step": violation.after_step,
    }


def schedule_to_json(schedule: Iterable[Action]) -> list[list[int | bool]]:
    """Actions as ``[pid, timer]``."""
    return [[action.pid, action.timer] for action in schedule]


def _step_to_json(step: Step) -> dict[str, Any]:
    first = step.parts[0]
    return {
        "number": step.number,
        "hart": step.hart,
        "process": step.process,
        "action": step.action,
        "setup": step.setup,
        "source": str(first.place),
        "function": first.function,
        "code": first.code,
        "changes": list(step.changes),
        "parts": [
            {"function": part.function, "source": str(part.place), "code": part.code, "changes": list(part.changes)}
            for part in step.parts
        ],
    }


def from_document(values: Mapping[str, Any]) -> list[Result]:
    """The results of a JSON document. Raises :class:`CowcheckError` where it is none of this version's."""
    if values.get("schema") != SCHEMA:
        raise CowcheckError(f"the schema is {values.get('schema')!r}; this cowcheck reads {SCHEMA!r}")
    try:
        return [from_json(value) for value in values["results"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CowcheckError(f"damaged results ({type(error).__name__}: {error}); write them again") from error


def from_json(values: Mapping[str, Any]) -> Result:
    """One result, from what :func:`to_json` made."""
    subject = {name: value for name, value in values["subject"].items() if name != "pages"}
    stats = {name: value for name, value in values["stats"].items() if name != "states_per_second"}
    return Result(
        verdict=Verdict(values["verdict"]),
        subject=Subject(**{**subject, "page_kinds": tuple(subject["page_kinds"])}),
        method=Method(**values["method"]),
        stats=Stats(**{**stats, "levels": tuple(stats["levels"])}),
        outcomes=dict(values["outcomes"]),
        violations=tuple(_violation_from_json(violation) for violation in values["violations"]),
        not_checked=dict(values["not_checked"]),
        reached={file: tuple(lines) for file, lines in values["reached"].items()},
        error=None if values["error"] is None else Failure(**values["error"]),
    )


def _violation_from_json(values: Mapping[str, Any]) -> Violation:
    return Violation(
        invariant=values["invariant"],
        message=values["message"],
        setup=tuple(values["setup"]),
        steps=tuple(_step_from_json(step) for step in values["steps"]),
        cycle=tuple(_step_from_json(step) for step in values["cycle"]),
        schedule=tuple(Action(pid, timer) for pid, timer in values["schedule"]),
        after=values["after"],
        after_step=values["after_step"],
    )


def _step_from_json(values: Mapping[str, Any]) -> Step:
    parts = tuple(
        Part(part["function"], _place(part["source"]), part["code"], tuple(part["changes"])) for part in values["parts"]
    )
    return Step(values["number"], values["hart"], values["process"], values["action"], values["setup"], parts)


def _place(source: str) -> Place:
    file, _, line = source.rpartition(":")
    return Place(file, int(line))
