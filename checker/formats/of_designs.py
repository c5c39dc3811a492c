"""The report of exploring designs: a suite for each design, a case for each invariant and each scenario."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from cowcheck.checker.counterexample import counterexample
from cowcheck.checker.formats.case import Case, Cost, Group, Moment, Problem, Source, Status, Suite
from cowcheck.checker.job import NOT_ASKED_FOR
from cowcheck.checker.ranking import ranked, worst
from cowcheck.checker.result import Result, Subject, Violation, setup_length
from cowcheck.checker.result import Verdict as V
from cowcheck.checker.trace import Step
from cowcheck.specs.invariants import INVARIANTS

MOST_NAMED = 5  # scenarios


def suites_of_designs(results: Sequence[Result]) -> tuple[Suite, ...]:
    """The suites, in the order of the results."""
    groups = groupby(results, lambda result: (result.subject.design, result.subject.design_file))
    return tuple(_suite(list(group)) for _, group in groups)


def _suite(results: Sequence[Result]) -> Suite:
    problems = {
        (number, violation.invariant): _problem(result.subject, violation)
        for number, result in enumerate(results)
        for violation in result.violations
    }
    first = {name: [problems[item.number, name] for item in found] for name, found in ranked(results).items()}
    subject = results[0].subject
    return Suite(
        name=subject.design,
        file=subject.design_file,
        verdict=str(worst(results)),
        cases=(
            *(_invariant(item.name, results, first.get(item.name, [])) for item in INVARIANTS),
            *(_scenario(number, result, problems) for number, result in enumerate(results)),
        ),
        problems=tuple(found[0] for found in first.values()),
        notes=tuple(f"{result.subject.scenario}: {reason}" for result in results if (reason := _because(result))),
    )


def _invariant(name: str, results: Sequence[Result], found: Sequence[Problem]) -> Case:
    if found:
        others = [problem.where for problem in found[1:]]
        more = f", and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        note = f"violated as well in {', '.join(others[:MOST_NAMED])}{more}" if others else ""
        return Case(Group.INVARIANTS, name, Status.FAILED, note=note, violated=(name,), problems=(found[0],))
    reasons = {
        result.subject.scenario: reason
        for result in results
        if (reason := result.not_checked.get(name, "") or _because(result))
    }
    if len(reasons) == len(results):
        return Case(Group.INVARIANTS, name, Status.NOT_CHECKED, "; ".join(dict.fromkeys(reasons.values())), part=0.0)
    note = f"not checked in {', '.join(reasons)}" if reasons else ""
    return Case(Group.INVARIANTS, name, Status.PASSED, note=note, part=1 - len(reasons) / len(results))


def _scenario(number: int, result: Result, problems: dict[tuple[int, str], Problem]) -> Case:
    name, cost = result.subject.scenario, Cost(result.stats.seconds, "seconds")
    if result.error is not None:
        return Case(Group.SCENARIOS, name, Status.ERROR, result.error.message, part=0.0)
    if result.verdict is V.INCONCLUSIVE:
        return Case(Group.SCENARIOS, name, Status.NOT_CHECKED, _because(result), part=0.0, cost=cost)
    note = "; ".join(f"{invariant}: not checked: {reason}" for invariant, reason in result.not_checked.items()
                     if reason != NOT_ASKED_FOR)  # fmt: skip
    own = tuple(problems[number, violation.invariant] for violation in result.violations)
    return Case(
        Group.SCENARIOS,
        name,
        Status.FAILED if own else Status.PASSED,
        note=note,
        violated=tuple(problem.invariant for problem in own),
        problems=own,
        cost=cost,
    )


def _because(result: Result) -> str:
    """Why a scenario was not explored to its end; empty where it was."""
    if result.error is not None:
        return f"it could not be explored: {result.error.message}"
    return "" if result.stats.complete else f"the search was ended early, by {result.stats.stopped}"


def _problem(subject: Subject, violation: Violation) -> Problem:
    skipped = setup_length(violation.steps)
    last = violation.steps[-1]
    return Problem(
        invariant=violation.invariant,
        message=violation.message,
        where=subject.scenario,
        source=_source(last),
        key=(subject.design, subject.scenario, violation.invariant),
        moments=tuple(_moments(violation, skipped)),
        text="\n".join(line.plain for line in counterexample(subject, violation)),
        after=violation.after,
    )


def _moments(violation: Violation, skipped: int) -> Iterator[Moment]:
    for step in (*violation.steps[skipped:], *violation.cycle):
        changes = f" ({'; '.join(step.changes)})" if step.changes else ""
        yield Moment(step.hart, _source(step), f"{step.process}: {step.action}{changes}")


def _source(step: Step) -> Source:
    place = step.parts[0].place
    return Source(place.file, place.line, step.parts[0].function)
