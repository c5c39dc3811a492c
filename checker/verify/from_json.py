"""The results of kernels, read back from what ``result.py`` writes as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cowcheck.checker.interleave.result import Line, RaceFinding, RaceResult
from cowcheck.checker.result import Verdict
from cowcheck.checker.verify.effect import Changed, Effect, Mapped
from cowcheck.checker.verify.finding import Finding, Step
from cowcheck.checker.verify.result import SCHEMA, Check, KernelResult, Run, Status
from cowcheck.machine.trace.header import Header
from cowcheck.model.errors import CowcheckError

_TEXTS = ("users", "stack", "lost", "console", "elsewhere", "then", "also")
OF_A_RACE = "race "


def from_document(values: Mapping[str, Any]) -> list[KernelResult]:
    """The results of a JSON document. Raises :class:`CowcheckError` where it is none of this version's."""
    if values.get("schema") != SCHEMA:
        raise CowcheckError(f"the schema is {values.get('schema')!r}; this cowcheck reads {SCHEMA!r}")
    try:
        return [from_json(value) for value in values["results"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CowcheckError(f"damaged results ({type(error).__name__}: {error}); write them again") from error


def from_json(values: Mapping[str, Any]) -> KernelResult:
    """One result, from what ``to_json`` made. Of the header it has what the JSON says of the subject."""
    findings = tuple(_finding(value) for value in values["findings"])
    subject = values["subject"]
    first_ppn, last_ppn = subject["ram"]
    header = Header(
        kernel=subject["kernel"],
        build_id=subject["build_id"],
        machine=subject["machine"],
        harts=subject["harts"],
        first_ppn=first_ppn,
        last_ppn=last_ppn,
        workload=subject["workload"],
    )
    races = tuple(_race(value, findings) for value in values["races"]) if "races" in values else None
    return KernelResult(
        verdict=Verdict(values["verdict"]),
        header=header,
        oracle=values["oracle"],
        checks=tuple(Check(**{**value, "status": Status(value["status"])}) for value in values["invariants"]),
        findings=findings,
        runs=tuple(Run(**{**value, "violated": tuple(value.get("violated", ()))}) for value in values["runs"]),
        events=values["events"],
        forks=values["forks"],
        shares=values["shares"],
        incomplete=tuple(values["incomplete"]),
        unchecked=tuple(values["unchecked"]),
        races=races,
    )


def _finding(values: Mapping[str, Any]) -> Finding:
    first = values["first_wrong"]
    texts = {name: tuple(values[name]) for name in _TEXTS}
    return Finding(
        **{
            **values,
            **texts,
            "steps": tuple(_step(step) for step in values["steps"]),
            "first_wrong": None if first is None else _step(first),
            "mappings": tuple(Mapped(**item) for item in values["mappings"]),
        }
    )


def _step(values: Mapping[str, Any]) -> Step:
    return Step(**{**values, "effect": _effect(values["effect"])})


def _effect(values: Mapping[str, Any] | None) -> Effect | None:
    return None if values is None else Effect(**{**values, "changed": Changed(values["changed"])})


def _race(values: Mapping[str, Any], findings: Iterable[Finding]) -> RaceResult:
    told = {(item.invariant, item.message): item for item in findings if item.run == OF_A_RACE + values["race"]}
    return RaceResult(
        **{
            **values,
            "data_races": tuple(values["data_races"]),
            "findings": tuple(_race_finding(value, values, told) for value in values["findings"]),
        }
    )


def _race_finding(
    values: Mapping[str, Any], race: Mapping[str, Any], told: Mapping[tuple[str, str], Finding]
) -> RaceFinding:
    name, message = values["invariant"], values["message"]
    return RaceFinding(
        finding=told.get((name, message)) or _known_by_its_message(name, message, race["race"]),
        race=race["race"],
        schedule=tuple((step, hart) for step, hart in values["schedule"]),
        preemptions=values["preemptions"],
        points=tuple(values["points"]),
        after=values["after"],
        harts=race["harts"],
        lines=tuple(Line(**{**line, "effect": _effect(line["effect"])}) for line in values["lines"]),
        state=int(values["state"], 16),
        later=values["later"],
        windows=tuple(values["windows"]),
    )


def _known_by_its_message(invariant: str, message: str, race: str) -> Finding:
    """A violation of a race that is told of another race or of a workload: all that the JSON has of it."""
    return Finding(
        invariant, message, OF_A_RACE + race, 0, 0, None, (), None, (), (), "", (), "", "", (), 0, (), (), ()
    )  # fmt: skip
