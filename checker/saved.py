"""Counterexample files: schedules that lead to violations, with all that is needed to run them again.

A file is untrusted input: it may be cut off, altered by hand, of another program, or of a design that has changed
since. Nothing of it is believed but the names and numbers checked here, and the schedule is only ever a list of choices
between enabled actions. The digests of every source text involved tell whether it is still about the same design.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from cowcheck.checker.catalogue import Design
from cowcheck.checker.job import Job
from cowcheck.checker.output import write_text
from cowcheck.checker.result import Subject, Violation, schedule_to_json
from cowcheck.model.errors import CowcheckError
from cowcheck.model.scenario import MAX_PROCESSES, Scenario
from cowcheck.model.system import Action

SCHEMA = "cowcheck/counterexample/1"
MOST_BYTES = 64 << 20
MOST_STEPS = 1_000_000
_REMEDY = "save it again with `cowcheck explore ... --save FILE`"


class Saved(NamedTuple):
    """A counterexample of a file. ``design`` and ``scenario`` are names or paths, as ``explore`` was given them."""

    design: str
    scenario: str
    harts: int
    frames: int
    pages: int
    sources: Mapping[str, str]  # the SHA-256 of each text, by the file's name as shown
    invariant: str
    message: str
    path: tuple[Action, ...]
    cycle: tuple[Action, ...]
    after: str = ""


def digests(design: Design, scenario: Scenario) -> dict[str, str]:
    """The SHA-256 of every text that a run depends on: the design, what it is linked with, the scenario."""
    texts = {unit.shown: unit.text for unit in design.linked.units} | {scenario.shown: scenario.source}
    return {shown: sha256(texts[shown].encode()).hexdigest() for shown in sorted(texts)}


def saved_from(job: Job, subject: Subject, violation: Violation, sources: Mapping[str, str]) -> Saved:
    """What a file holds of a violation that ``job`` found."""
    steps = len(violation.steps)
    return Saved(
        job.design,
        job.scenario,
        subject.harts,
        subject.frames,
        subject.pages,
        sources,
        violation.invariant,
        violation.message,
        violation.schedule[:steps],
        violation.schedule[steps:],
        violation.after,
    )


def write_saved(path: Path, counterexamples: Iterable[Saved]) -> None:
    """Writes a file. Raises :class:`CowcheckError` where it cannot be written."""
    items = [
        {
            "subject": {name: getattr(saved, name) for name in ("design", "scenario", "harts", "frames", "pages")},
            "sources": dict(saved.sources),
            "invariant": saved.invariant,
            "message": saved.message,
            "schedule": schedule_to_json(saved.path),
            "cycle": schedule_to_json(saved.cycle),
            "after": saved.after,
        }
        for saved in counterexamples
    ]
    write_text(path, json.dumps({"schema": SCHEMA, "counterexamples": items}) + "\n")


def read_saved(path: Path) -> list[Saved]:
    """The counterexamples of a file. Raises :class:`CowcheckError` where it is not a whole and sound one."""
    values = _parse(path)
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        schema = values.get("schema") if isinstance(values, dict) else None
        told = f"its schema is {str(schema)[:60]!r}" if isinstance(schema, str) else "it has no schema"
        raise CowcheckError(f"{path}: no counterexample file of this cowcheck ({told}, not {SCHEMA!r}); {_REMEDY}")
    items = values.get("counterexamples")
    if not isinstance(items, list) or not items:
        raise CowcheckError(f"{path}: it holds no counterexamples; {_REMEDY}")
    return [_Reader(f"{path}: counterexample {number}").saved(item) for number, item in enumerate(items, start=1)]


def _parse(path: Path) -> Any:
    try:
        if not path.is_file():
            raise CowcheckError(f"{path}: {'not a regular file' if path.exists() else 'there is no such file'}")
        if path.stat().st_size > MOST_BYTES:
            raise CowcheckError(f"{path}: larger than {MOST_BYTES >> 20} MiB, so no counterexample file; {_REMEDY}")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise CowcheckError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise CowcheckError(f"{path}: damaged, not a UTF-8 text (at byte {error.start}); {_REMEDY}") from error
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CowcheckError(f"{path}:{error.lineno}: damaged or cut off, {error.msg}; {_REMEDY}") from error
    except RecursionError as error:
        raise CowcheckError(f"{path}: damaged, nested too deeply; {_REMEDY}") from error
    except ValueError as error:  # Python reads no number of thousands of digits
        raise CowcheckError(f"{path}: damaged, a number is too long; {_REMEDY}") from error


class _Reader:
    """Checks the values of one counterexample; ``place`` begins every message."""

    def __init__(self, place: str) -> None:
        self.place = place

    def saved(self, item: Any) -> Saved:
        values = self._table(item, "it")
        subject = self._table(values.get("subject"), "subject")
        sources = self._table(values.get("sources"), "sources")
        if not all(isinstance(digest, str) for digest in sources.values()):
            self._damaged("sources holds something that is no digest")
        return Saved(
            design=self._text(subject, "design"),
            scenario=self._text(subject, "scenario"),
            harts=self._size(subject, "harts"),
            frames=self._size(subject, "frames"),
            pages=self._size(subject, "pages"),
            sources=sources,
            invariant=self._text(values, "invariant"),
            message=self._text(values, "message"),
            path=self._actions(values, "schedule"),
            cycle=self._actions(values, "cycle"),
            after=self._text(values, "after") if values.get("after") else "",
        )

    def _damaged(self, problem: str) -> CowcheckError:
        raise CowcheckError(f"{self.place}: {problem}; the file is damaged: {_REMEDY}")

    def _table(self, value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._damaged(f"{name} is no object")
        assert isinstance(value, dict)
        return value

    def _text(self, values: dict[str, Any], name: str) -> str:
        value = values.get(name)
        if not isinstance(value, str) or not value or "\0" in value:
            self._damaged(f"'{name}' is no text")
        return str(value)

    def _size(self, values: dict[str, Any], name: str) -> int:
        value = values.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            self._damaged(f"'{name}' is no number")
        assert isinstance(value, int)
        return value

    def _actions(self, values: dict[str, Any], name: str) -> tuple[Action, ...]:
        value = values.get(name)
        if not isinstance(value, list) or len(value) > MOST_STEPS:
            self._damaged(f"'{name}' is no list of steps")
        assert isinstance(value, list)
        return tuple(self._action(item, f"step {number} of '{name}'") for number, item in enumerate(value, start=1))

    def _action(self, item: Any, name: str) -> Action:
        match item:
            case [int(pid), bool(timer)] if not isinstance(pid, bool) and 1 <= pid <= MAX_PROCESSES:
                return Action(pid, timer)
        self._damaged(f"{name} is no [pid, timer]")
        raise AssertionError


def changed_files(saved: Saved, now: Mapping[str, str]) -> Sequence[str]:
    """The files whose text differs from when the counterexample was saved, or that only one of the two runs has."""
    return sorted(name for name in {*saved.sources, *now} if saved.sources.get(name) != now.get(name))
