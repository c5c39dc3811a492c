"""What the races of a kernel add to its result: findings, and what they do to the verdict."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from cowcheck.checker.interleave.decision_trace import WAITS
from cowcheck.checker.interleave.result import RaceFinding, RaceResult
from cowcheck.checker.result import Verdict
from cowcheck.checker.verify.finding import Finding, Step
from cowcheck.checker.verify.result import Check, KernelResult, Status
from cowcheck.checker.verify.witness import function_of, needs_caller

_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")
ONLY_RACES = "only races were explored, and not the workloads"


def findings(results: Sequence[RaceResult]) -> list[RaceFinding]:
    """What was found, each cause once, by the fewest preemptions and then the fewest lines; in that order."""
    causes: list[RaceFinding] = []
    found = (item for result in results for item in result.findings)
    for item in sorted(found, key=lambda item: (item.preemptions, len(item.lines))):
        number = next((number for number, cause in enumerate(causes) if is_of_one_cause(cause, item)), None)
        if number is None:
            causes.append(item)
        else:
            causes[number] = _with(causes[number], item.finding)
    return causes


def is_of_one_cause(first: RaceFinding, other: RaceFinding) -> bool:
    """Whether two violations have one cause, the first of which needs no more preemptions.

    They have if one step is the first wrong one of both. They have, too, if the first wrong steps are one function's
    and the other schedule preempts where the first one does, and perhaps elsewhere: it is one window.
    """
    one, two = first.finding, other.finding
    if one.first_wrong is None or two.first_wrong is None:
        return one.first_wrong is two.first_wrong and _told_alike(first) == _told_alike(other)
    if _functions(one.first_wrong) != _functions(two.first_wrong):
        return False
    if (one.invariant, one.first_wrong.place) == (two.invariant, two.first_wrong.place):
        return True
    return bool(first.windows) and set(first.windows) <= set(other.windows)


def _told_alike(item: RaceFinding) -> tuple[str, str, frozenset[str]]:
    """What is told but for numbers, such as a process's; and of a deadlock, for which locks harts wait."""
    waits = frozenset(
        _NUMBERS.sub("#", line.text) for line in item.lines if line.switch and line.text.startswith(WAITS)
    )
    return item.finding.invariant, _NUMBERS.sub("#", item.finding.message), waits


def _functions(step: Step) -> tuple[str, str]:
    """The function of a step; where many others call it, with the one that did."""
    return function_of(step.place), function_of(step.called_at) if needs_caller(step.place) else ""


def _with(cause: RaceFinding, more: Finding) -> RaceFinding:
    """A cause, with what else it breaks."""
    own = cause.finding
    then = dict.fromkeys((*own.then, more.invariant, *more.then))
    return replace(cause, finding=replace(own, then=tuple(name for name in then if name != own.invariant)))


def added(result: KernelResult, races: Sequence[RaceResult]) -> list[RaceFinding]:
    """What the races show that the workloads did not: what needs no preemption, and breaks what is broken already, is
    told there; so is what breaks the same by a step of the same function, which a preemption did not bring about."""
    told = {check.invariant for check in result.checks if check.status is Status.VIOLATED}
    causes = {
        (name, _functions(item.first_wrong)) for item in result.findings if item.first_wrong
        for name in (item.invariant, *item.then)
    }  # fmt: skip
    return [
        item
        for item in findings(races)
        if (item.is_race or item.finding.invariant not in told)
        and (item.finding.first_wrong is None
             or (item.finding.invariant, _functions(item.finding.first_wrong)) not in causes)
    ]  # fmt: skip


def with_races(result: KernelResult, races: Sequence[RaceResult]) -> KernelResult:
    """The result of the workloads and the races."""
    more = added(result, races)
    violated: dict[str, dict[str, None]] = {}
    for item in more:
        for name in (item.finding.invariant, *item.finding.then):
            violated.setdefault(name, {})[item.race] = None
    checks = tuple(
        replace(
            check,
            status=Status.VIOLATED,
            judged=check.judged + len(violated[check.invariant]),
            because=f"in {', '.join(violated[check.invariant])}",
        )
        if check.invariant in violated and check.status is not Status.VIOLATED
        else check
        for check in result.checks
    )
    found = tuple(replace(item.finding, run=f"race {item.race}") for item in more)
    missing = [item for item in races if item.problem and not item.beyond]
    problems = tuple(f"race {item.race} was not explored: {item.problem}" for item in missing)
    verdict = Verdict.FAIL if more or result.verdict is Verdict.FAIL else result.verdict
    if problems and verdict is Verdict.PASS:
        verdict = Verdict.INCONCLUSIVE
    return replace(
        result,
        verdict=verdict,
        checks=checks,
        findings=(*result.findings, *found),
        incomplete=(*result.incomplete, *problems),
        races=tuple(races),
    )


def races_alone(result: KernelResult, races: Sequence[RaceResult], bound: int) -> KernelResult:
    """The result of the races where no workload was run. It passes where each was gone through to the bound."""
    partly = [item.race for item in races if not item.problem and item.complete < bound and not item.exhausted]
    reasons = (f"not every schedule to the bound was run: {', '.join(partly)}",) if partly else ()
    checks = tuple(Check(check.invariant, Status.NOT_CHECKED, 0, ONLY_RACES) for check in result.checks)
    verdict = Verdict.INCONCLUSIVE if partly or all(item.problem for item in races) else Verdict.PASS
    return with_races(
        replace(result, verdict=verdict, checks=checks, incomplete=reasons, unchecked=(), shares=True, runs=()), races
    )
