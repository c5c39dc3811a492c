"""What a call is going to check, by name, and what names there are: what the points of a rubric are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cowcheck.checker.catalogue import find_scenario, is_path, scenario_names
from cowcheck.checker.formats.case import Group
from cowcheck.checker.formats.rubric import Names
from cowcheck.model.errors import CowcheckError
from cowcheck.specs.invariants import INVARIANTS


@dataclass(frozen=True, slots=True)
class Scope:
    """``planned``: what the call is going to check; ``known``: every name that there is for such a call."""

    planned: Names
    known: Names


def scope_of(command: str, options: Mapping[str, Any]) -> Scope:
    """The scope of a command with these options. Options that are wrong are for the command to tell."""
    invariants = tuple(invariant.name for invariant in INVARIANTS)
    if command == "explore":
        asked = options.get("invariants") or invariants
        scenarios = tuple(map(_name, options.get("scenarios") or scenario_names()))
        every = (*scenario_names(), *scenarios)
        planned = {Group.INVARIANTS: asked, Group.SCENARIOS: scenarios}
        return Scope(planned, {Group.INVARIANTS: invariants, Group.SCENARIOS: every})
    from cowcheck.checker.check.plan import all_workloads
    from cowcheck.specs.races import races

    workloads = tuple(workload.name for workload in all_workloads())
    program = (options["program"],) if options.get("program") else ()
    every_race = (*(race.name for race in races()), *scenario_names())
    known = {Group.INVARIANTS: invariants, Group.WORKLOADS: (*workloads, *program), Group.RACES: every_race}
    if command == "verify":
        return Scope({Group.INVARIANTS: invariants}, known)
    alone = options.get("races") and not options.get("workloads") and not program
    chosen = () if alone else program or options.get("workloads") or workloads
    return Scope(
        {
            Group.INVARIANTS: () if alone else invariants,
            Group.WORKLOADS: chosen,
            Group.RACES: _races(options),
        },
        known,
    )


def _name(scenario: str) -> str:
    """The name that a scenario's file gives itself."""
    if not is_path(scenario):
        return scenario
    try:
        return find_scenario(scenario).name
    except CowcheckError:
        return scenario


def _races(options: Mapping[str, Any]) -> tuple[str, ...]:
    from cowcheck.checker.check.options import CheckOptions
    from cowcheck.checker.interleave.wanted import wanted

    names = {field.name for field in fields(CheckOptions)} - {"save_file"}
    try:
        asked = wanted(CheckOptions(**{name: value for name, value in options.items() if name in names}))
    except CowcheckError:
        return ()
    return tuple(job.race.name for job in asked.jobs) if asked is not None else ()
