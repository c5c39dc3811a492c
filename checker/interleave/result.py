"""What exploring a kernel's schedules came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cowcheck.machine.interleave.schedule import Schedule

if TYPE_CHECKING:
    from cowcheck.checker.verify.effect import Effect
    from cowcheck.checker.verify.finding import Finding


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``switch``: the schedule has this hart stop here, and another go on."""

    hart: int
    pid: int
    place: str
    text: str
    switch: bool = False
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class RaceFinding:
    """A violation, and the schedule that shows it. Without a preemption it is no race: it happens every time."""

    finding: Finding
    race: str
    schedule: Schedule
    preemptions: int
    points: tuple[int, ...]  # the preemption points that the schedule's step numbers go by
    after: int  # schedules of the race until it was found
    harts: int
    lines: tuple[Line, ...]  # what each hart did that matters
    state: int  # the digest of the kernel's memory at the end
    later: bool  # it shows only when the workload goes on from there
    windows: tuple[str, ...] = ()  # the places at which harts are preempted

    @property
    def is_race(self) -> bool:
        """Whether it takes a preemption: another hart that comes in between."""
        return self.preemptions > 0


@dataclass(frozen=True, slots=True)
class RaceResult:
    """One race. ``problem``: why it could not be explored; ``complete``: the greatest bound that was gone through."""

    race: str
    harts: int
    schedules: int = 0
    pruned: int = 0
    points: int = 0
    complete: int = -1
    exhausted: bool = False
    left: int = 0  # schedules that were known and not run; others may come of them
    finals: int = 0
    sequels: int = 0
    cut: int = 0  # schedules that could not be followed to their end: they are too long, or used the disk
    findings: tuple[RaceFinding, ...] = ()
    data_races: tuple[str, ...] = ()
    problem: str = ""
    beyond: bool = False  # xv6 itself, of that year, cannot do it: nothing is missing


def to_json(results: Iterable[RaceResult]) -> list[dict[str, Any]]:
    """The results as JSON values. A finding names the one among the kernel's findings that it is about."""
    return [
        {
            **{name: value for name, value in asdict(result).items() if name != "findings"},
            "findings": [_finding(finding) for finding in result.findings],
        }
        for result in results
    ]


def _finding(finding: RaceFinding) -> dict[str, Any]:
    return {
        "invariant": finding.finding.invariant,
        "message": finding.finding.message,
        "schedule": [list(switch) for switch in finding.schedule],
        "preemptions": finding.preemptions,
        "points": list(finding.points),
        "after": finding.after,
        "later": finding.later,
        "windows": list(finding.windows),
        "state": f"{finding.state:016x}",
        "lines": [asdict(line) for line in finding.lines],
    }
