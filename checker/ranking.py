"""What to read first of many results: the worst verdict, causes before consequences, short paths before long ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cowcheck.checker.result import Result, Verdict, Violation
from cowcheck.specs.invariants import INVARIANTS


class Found(NamedTuple):
    """A violation, and where it was found: the number of the result among those that were ranked, from 0."""

    number: int
    result: Result
    violation: Violation


def ranked(results: Sequence[Result]) -> dict[str, list[Found]]:
    """By violated invariant, everywhere it was found, the best to read first.

    Those that only follow from another violation come last, of an invariant's findings as well as of the invariants;
    else the findings are in the order of their length, and the invariants in their own.
    """
    by_invariant: dict[str, list[Found]] = {invariant.name: [] for invariant in INVARIANTS}
    for number, result in enumerate(results):
        for violation in result.violations:
            by_invariant[violation.invariant].append(Found(number, result, violation))
    for places in by_invariant.values():
        places.sort(key=lambda it: (it.violation.after != "", it.violation.length, it.result.subject.scenario))
    found = [(name, places) for name, places in by_invariant.items() if places]
    return dict(sorted(found, key=lambda item: item[1][0].violation.after != ""))


def worst(results: Iterable[Result]) -> Verdict:
    """The verdict of several: error, fail, inconclusive, then pass."""
    order = (Verdict.ERROR, Verdict.FAIL, Verdict.INCONCLUSIVE)
    verdicts = {result.verdict for result in results}
    return next((verdict for verdict in order if verdict in verdicts), Verdict.PASS)
