"""Which races are explored, how, and how far: from the options of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cowcheck.checker.catalogue import scenarios
from cowcheck.checker.check.subject import Subject
from cowcheck.checker.interleave.explorer import Budget, Explorer
from cowcheck.checker.interleave.strategies import STRATEGIES, Settings
from cowcheck.machine.program.scenario_program import scenario_workload
from cowcheck.model.errors import CowcheckError
from cowcheck.specs.races import Race, races

USUAL_BOUND = 2
MOST_BOUND = 10
FEWEST_HARTS = 2
ALL = "all"


@dataclass(frozen=True, slots=True)
class InterleaveOptions:
    """``races``: names of races or scenarios, "all", or none for the usual ones. ``budget``: schedules of a race."""

    races: tuple[str, ...] = ()
    bound: int = USUAL_BOUND
    budget: int | None = None
    strategy: str = "bounding"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One race, and the bound that it is explored to."""

    race: Race
    bound: int


def jobs(options: InterleaveOptions) -> tuple[Job, ...]:
    """What is to be explored, by the number of harts. Raises :class:`CowcheckError` for what cannot be."""
    if not 0 <= options.bound <= MOST_BOUND:
        raise CowcheckError(f"--bound {options.bound}: give a number of preemptions from 0 to {MOST_BOUND}")
    if options.budget is not None and options.budget < 1:
        raise CowcheckError(f"--budget {options.budget}: give a number of schedules, 1 or more")
    if options.strategy not in STRATEGIES:
        raise CowcheckError(f"--strategy {options.strategy}: known are {', '.join(STRATEGIES)}")
    known = {race.name: race for race in races()}
    named = tuple(dict.fromkeys(names_of(options.races)))
    if not options.races:
        chosen = [Job(race, options.bound if race.spare is None else min(options.bound, 1)) for race in usual()]
    elif not named:
        raise CowcheckError(f"--race {','.join(options.races)}: it names no race; `cowcheck list races` shows them")
    elif ALL in named:
        chosen = [Job(race, options.bound) for race in known.values()]
    else:
        chosen = [Job(race_named(name), options.bound) for name in named]
    return tuple(sorted(chosen, key=lambda job: len(job.race.operations)))


def usual() -> list[Race]:
    """The races of a check: every one with frames in plenty, and those in which two want the last."""
    takers = {"store", "read", "fork"}
    return [race for race in races() if race.spare is None or (race.spare == 1 and set(race.operations) <= takers)]


def race_named(name: str) -> Race:
    """A race, or a scenario as one. Raises :class:`CowcheckError` where none has the name."""
    known = {race.name: race for race in races()}
    if name in known:
        return known[name]
    scenario = scenarios().get(name)
    if scenario is None:
        raise CowcheckError(f"--race {name}: no race or scenario has this name; `cowcheck list races` shows them")
    if len(scenario_workload(scenario).gates) < FEWEST_HARTS:
        raise CowcheckError(f"--race {name}: its processes never meet, so there is nothing to interleave")
    return Race(tuple(scenario.starts), given=scenario)


def explorer_of(submission: Subject, options: InterleaveOptions, bound: int) -> Explorer:
    """What explores a race as the options say."""
    budget = Budget() if options.budget is None else Budget(options.budget, 1 << 62)
    settings = Settings(bound, options.budget or Settings().schedules, options.seed)
    return Explorer(submission, lambda harts: STRATEGIES[options.strategy](harts, settings), budget)


def names_of(given: Sequence[str]) -> tuple[str, ...]:
    """Names as options give them: several, and several in one, with commas."""
    return tuple(part for item in given for part in item.split(",") if part)
