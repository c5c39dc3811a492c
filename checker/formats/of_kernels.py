"""The report of a kernel that was checked or verified: a case for each invariant, each workload and each race."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cowcheck.checker.formats.case import Case, Cost, Group, Moment, Problem, Source, Status, Suite
from cowcheck.checker.formats.places import source_of
from cowcheck.checker.interleave.report import finding_told
from cowcheck.checker.interleave.result import RaceFinding, RaceResult
from cowcheck.checker.verify.finding import Finding, Step
from cowcheck.checker.verify.report import OF_A_RACE
from cowcheck.checker.verify.result import Check, KernelResult, Run
from cowcheck.checker.verify.result import Status as Known
from cowcheck.checker.verify.telling import tell
from cowcheck.checker.verify.witness import function_of, needs_caller

WIDTH = 80
DONE = "done"
STOPPED = ("panic", "hang", "broken")
UNNAMED = "the recording"
_MORE = re.compile(r"(\d{1,4}) more workloads")  # that were not run (checker/check_command.py)
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d[\d,]*")
ENDINGS = {
    "": "the recording stops before its end",
    "budget": "the instruction budget ran out",
    "damaged": "the recording is damaged",
    "panic": "the kernel panicked",
    "hang": "the kernel hangs",
    "broken": "the kernel cannot go on",
}


def suite_of_kernel(result: KernelResult) -> Suite:
    """The suite of one result."""
    races = {
        (OF_A_RACE + race.race, item.finding.invariant, item.finding.message): item
        for race in result.races or ()
        for item in race.findings
    }
    problems = tuple(
        _problem(finding, races.get((finding.run, finding.invariant, finding.message))) for finding in result.findings
    )
    workloads = _workloads(result, problems)
    return Suite(
        name=result.header.kernel or "a kernel",
        file=result.header.kernel,
        verdict=str(result.verdict),
        cases=(
            *(_invariant(check, result.runs, problems) for check in result.checks),
            *workloads,
            *(_race(race) for race in result.races or ()),
        ),
        problems=problems,
        notes=(*result.incomplete, *result.unchecked),
    )


def workload_of(run: str) -> str:
    """The workload of a run: ``addresses``, of ``addresses, from step 7``."""
    return run.partition(",")[0] or UNNAMED


def whole(runs: Iterable[Run]) -> tuple[int, int]:
    """How many runs came to their end, and how many there should have been."""
    done = every = 0
    for run in runs:
        left = _MORE.fullmatch(run.name)
        every += int(left[1]) if left else 1
        done += run.ending == DONE
    return done, every


# --- cases ---


def _invariant(check: Check, runs: Sequence[Run], problems: Sequence[Problem]) -> Case:
    name = check.invariant
    if check.status is Known.VIOLATED:
        own = tuple(item for item in problems if item.invariant == name) or tuple(
            item for item in problems if name in item.then
        )
        return Case(Group.INVARIANTS, name, Status.FAILED, note=check.because, violated=(name,), problems=own)
    if check.status is Known.NOT_CHECKED:
        return Case(Group.INVARIANTS, name, Status.NOT_CHECKED, check.because, part=0.0)
    done, every = whole(runs)
    note = f"judged {check.judged:,} time{'' if check.judged == 1 else 's'}"
    if done < every:
        note += f", but only {done} of {every} runs came to their end"
    return Case(Group.INVARIANTS, name, Status.PASSED, note=note, part=done / every if every else 1.0)


def _workloads(result: KernelResult, problems: Sequence[Problem]) -> list[Case]:
    groups: dict[str, list[Run]] = {}
    for run in result.runs:
        groups.setdefault(workload_of(run.name), []).append(run)
    notes = [(workload_of(note.partition(": ")[0]), note) for note in result.unchecked]
    return [
        _workload(
            name,
            runs,
            tuple(item for item in problems if workload_of(item.where) == name),
            "; ".join(note for whose, note in notes if whose == name),
        )
        for name, runs in groups.items()
    ]


def _workload(name: str, runs: Sequence[Run], problems: tuple[Problem, ...], note: str) -> Case:
    violated = tuple(dict.fromkeys(invariant for run in runs for invariant in run.violated))
    stopped = [run for run in runs if run.ending in STOPPED]
    left = [run for run in runs if run.ending not in (DONE, *STOPPED)]
    told = "; ".join(dict.fromkeys(_ended(run) for run in (*stopped, *left)))
    cost = Cost(sum(run.events for run in runs), "events")
    if violated or stopped or problems:
        return Case(Group.WORKLOADS, name, Status.FAILED, told, note, 1.0, violated, problems, cost)
    if left:
        return Case(Group.WORKLOADS, name, Status.NOT_CHECKED, told, note, 0.0, cost=cost)
    return Case(Group.WORKLOADS, name, Status.PASSED, note=note, cost=cost)


def _ended(run: Run) -> str:
    return f"{ENDINGS.get(run.ending, run.ending)}: {run.text}" if run.text else ENDINGS.get(run.ending, run.ending)


def _race(race: RaceResult) -> Case:
    cost = Cost(race.schedules, "schedules")
    if race.problem:
        return Case(Group.RACES, race.race, Status.NOT_CHECKED, race.problem, part=0.0)
    if race.findings:
        problems = tuple(_problem(item.finding, item) for item in race.findings)
        violated = dict.fromkeys(name for item in problems for name in (item.invariant, *item.then))
        return Case(Group.RACES, race.race, Status.FAILED, violated=tuple(violated), problems=problems, cost=cost)
    note, part = _covered(race)
    if not race.schedules:
        return Case(Group.RACES, race.race, Status.NOT_CHECKED, "no schedule was run", part=0.0)
    return Case(Group.RACES, race.race, Status.PASSED, note=note, part=part, cost=cost)


def _covered(race: RaceResult) -> tuple[str, float]:
    """What of a race was run, in words; and as a part: all, where every schedule with one preemption was."""
    told = f"every schedule with up to {race.complete} preemption{'' if race.complete == 1 else 's'}"
    if race.exhausted or race.complete >= 1:
        return told, 1.0
    known = race.schedules + race.left
    return f"in part: {race.schedules:,} schedules of at least {known:,}", race.schedules / known if known else 0.0


# --- problems ---


def _problem(finding: Finding, race: RaceFinding | None) -> Problem:
    if race is not None and race.lines:
        moments = tuple(
            Moment(line.hart, source_of(line.place), f"process {line.pid}: {line.text}") for line in race.lines
        )
        text = "\n".join(finding_told(race, WIDTH))
    else:
        steps = {step.event: step for step in (*finding.steps, *filter(None, (finding.first_wrong,)))}
        moments = tuple(
            Moment(step.hart, source_of(step.place), f"process {step.pid}: {step.what}")
            for _, step in sorted(steps.items())
        )
        text = "\n".join(line.plain for line in tell(finding, WIDTH))
    return Problem(
        invariant=finding.invariant,
        message=finding.message,
        where=finding.run,
        source=_source(finding, race),
        key=_key(finding, race),
        moments=moments,
        by_hart=race is not None,
        text=text,
        then=finding.then,
    )


def _source(finding: Finding, race: RaceFinding | None) -> Source | None:
    """Where to look first: the first wrong step; of a function that many call, its caller."""
    places = [_blamed(step) for step in (finding.first_wrong, *reversed(finding.steps)) if step is not None]
    places += finding.stack
    places += [line.place for line in race.lines if line.switch] if race is not None else []
    return next((source for place in places if (source := source_of(place))), None)


def _blamed(step: Step) -> str:
    return step.called_at if step.called_at and needs_caller(step.place) else step.place


def _key(finding: Finding, race: RaceFinding | None) -> tuple[str, ...]:
    """The functions to blame; where there are none, the message without its numbers."""
    first = finding.first_wrong
    if first is not None and source_of(first.place):
        caller = function_of(first.called_at) if needs_caller(first.place) else ""
        return finding.invariant, function_of(first.place), caller
    windows = tuple(sorted({function_of(place) for place in race.windows})) if race is not None else ()
    return finding.invariant, _NUMBERS.sub("#", finding.message), *windows
