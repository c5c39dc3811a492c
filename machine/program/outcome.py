"""Judging a workload's reports: an :class:`Observer` is fed what a machine reads, and says at the end what was right.

It does no input or output and knows no machine. Every judgement is an :class:`Outcome`, with what was expected, what
was seen, and the invariant (``specs/invariants.py``) that anything else violates.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from cowcheck.machine.program.holder import MOST_PAGES
from cowcheck.machine.program.report import Case, Ending, ReportKind, ReportPoint, Watch
from cowcheck.machine.program.workload import Workload

SpareChoice = Callable[[ReportPoint, int], int | None]
"""Answers a program that asks how many frames are to be free: its point and the default. None leaves it the default."""

_KINDS = frozenset(int(kind) for kind in ReportKind)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One judgement. ``invariant`` is the one that is violated, empty where all is right."""

    point: ReportPoint
    right: bool
    expected: str
    seen: str
    invariant: str = ""
    spare: int | None = None  # frames that were free when it began, where memory had been exhausted
    during: str = ""  # for memory that changed: the operation of another process that came before

    def __str__(self) -> str:
        pressure = "" if self.spare is None else f", with {self.spare} frames free"
        after = f" (after {self.during})" if self.during else ""
        return f"{self.point}{pressure}: {self.seen}{after}; right: {self.expected}"


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that a run of a workload has shown."""

    finished: bool
    outcomes: tuple[Outcome, ...]
    unreached: tuple[Case, ...]  # operations that never began: their process ended before
    notes: tuple[str, ...]  # why something could not be checked

    @property
    def wrong(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if not outcome.right)


@dataclass(frozen=True, slots=True)
class _Begun:
    case: Case
    spare: int | None


class Observer:
    """Fed with each report as it comes. A machine that goes back to a snapshot goes back to a copy of its observer too
    (``copy.deepcopy``)."""

    def __init__(
        self, workload: Workload, choose_spare: SpareChoice | None = None, skip: Container[int] = frozenset()
    ) -> None:
        """``skip``: numbers of steps to leave out (those that hung, or those that were done in an earlier run)."""
        self.workload = workload
        self.finished = False
        self.step: int | None = None  # the number of the step that the program is in
        self.outcomes: list[Outcome] = []
        self.notes: list[str] = []
        self._choose_spare = choose_spare
        self._skip = skip
        self._begun: dict[int, _Begun] = {}  # by process number: the operation that it is in
        self._pids: dict[int, int] = {}
        self._reached: set[int] = set()
        self._spare: int | None = None
        self._free_before: int | None = None
        self._counts: list[tuple[str, int]] = []  # the frames that were free before each step, and what had begun last
        self._latest = ""  # the last operation that began
        self._latest_process = -1

    def feed(self, pid: int, kind: int, values: Sequence[int], free_frames: int | None = None) -> int | None:
        """One report: a0 is ``kind``, a1 to a4 are ``values``; ``pid`` is the kernel's, for messages. The answer, if
        any, goes into a0. ``free_frames`` is the machine's count at ``BEFORE`` and ``AFTER``, where it can count
        them."""
        index, seen, due, process = values[:4]
        self._pids[process] = pid
        if kind not in _KINDS or not 0 <= index < len(self.workload.points):
            self._stray(pid, kind, index)
            return None
        point = self.workload.points[index]
        match ReportKind(kind):
            case ReportKind.BEGIN if isinstance(point, Case):
                self._close(process)
                self._begun[process] = _Begun(point, self._spare_at(point))
                self._reached.add(index)
                self._latest, self._latest_process = str(point), process
            case ReportKind.END if isinstance(point, Case):
                self._end(process, point, _signed(seen))
            case ReportKind.SEEN if isinstance(point, Watch):
                self._seen(point, seen, point.dues or frozenset({due}), process)
            case ReportKind.LEAVE:
                self._begun.pop(process, None)
            case ReportKind.EXHAUSTED if seen >= MOST_PAGES:
                self.notes.append("memory never ran out: sbrk gave a gigabyte and more (pages that are not there yet)")
            case ReportKind.ASK:
                answer = self._choose_spare(point, seen) if self._choose_spare else None
                self._spare = seen if answer is None else answer
                return answer
            case ReportKind.NEXT:
                return self._next_step(seen, free_frames)
            case ReportKind.BEFORE:
                self._free_before, self._spare = free_frames, None
                self._counts.clear()
            case ReportKind.AFTER if free_frames is not None and self._free_before is not None:
                self._count(point, free_frames, self._free_before, self._when_lost(free_frames))
            case ReportKind.FREE:
                self._count(point, _signed(seen), _signed(due), self._latest)
            case ReportKind.FINISHED:
                self.finished = True
            case _:
                pass
        return None

    def observation(self, panic: str = "", pid: int = 0) -> Observation:
        """What has been seen so far; after the end of the run, for good. An operation that began and did not end was
        its process's last, if the workload has finished; otherwise nothing is known of it but that it hangs, or that
        the kernel panicked with the words ``panic``, while it ran the process ``pid`` (0: not known)."""
        begun = dict(self._begun)
        outcomes = list(self.outcomes)
        if self.finished:
            outcomes += [_ended(begun[process], Ending.KILLED) for process in sorted(begun)]
        else:
            outcomes += [_hangs(begun[process], panic) for process in self._to_blame(begun, pid)]
        if not self.finished and not begun:
            outcomes.append(self._never_finished(panic))
        unreached = [
            point for point in self.workload.points if isinstance(point, Case) and point.index not in self._reached
        ]  # fmt: skip
        return Observation(self.finished, tuple(outcomes), tuple(unreached), tuple(dict.fromkeys(self.notes)))

    def _to_blame(self, begun: dict[int, _Begun], pid: int) -> list[int]:
        """The one that ran as the kernel stopped, where it is known; else those that hang by themselves, or all where
        each waits for another."""
        processes = sorted(begun)
        ran = [process for process in processes if pid and self._pids.get(process) == pid]
        return ran or [process for process in processes if not begun[process].case.waits] or processes

    # --- reports ---

    def _close(self, process: int) -> None:
        """The process number begins anew: what had begun and not ended was the end of the process that had it."""
        begun = self._begun.pop(process, None)
        if begun:
            self.outcomes.append(_ended(begun, Ending.KILLED))

    def _end(self, process: int, case: Case, result: int) -> None:
        begun = self._begun.pop(process, None)
        if begun is None or begun.case.index != case.index:
            self._stray(process, ReportKind.END, case.index)
            return
        ending = case.ending(result)
        if ending is None:
            expected = _expected(case)
            self.outcomes.append(Outcome(case, False, expected, f"returned {result}", "no-undue-failure", begun.spare))
        else:
            self.outcomes.append(_ended(begun, ending, result))

    def _spare_at(self, point: ReportPoint) -> int | None:
        return None if point.relieved else self._spare

    def _seen(self, watch: Watch, seen: int, dues: frozenset[int], process: int) -> None:
        right = seen in dues
        expected = f"{' or '.join(self._value(due) for due in sorted(dues)[:3])}: {watch.reason}"
        other = self._latest if process != self._latest_process else ""
        self.outcomes.append(
            Outcome(
                watch,
                right,
                expected,
                f"saw {self._value(seen)}",
                "" if right else watch.invariant,
                self._spare_at(watch),
                "" if right else other,
            )
        )

    def _next_step(self, default: int, free_frames: int | None) -> int | None:
        if free_frames is not None:
            self._counts.append((self._latest, free_frames))
        number = default
        while number < len(self.workload.steps) and number in self._skip:
            number += 1
        self.step = number if number < len(self.workload.steps) else None
        return number if number != default else None

    def _when_lost(self, free: int) -> str:
        """The operation after which the number of free frames last changed for good. (A process that is still to be
        waited for holds some for a while.)"""
        latest = self._latest
        for name, count in reversed(self._counts):
            if count != free:
                break
            latest = name
        return latest

    def _count(self, point: ReportPoint, free: int, before: int, latest: str) -> None:
        invariant = "" if free == before else "no-leak" if free < before else "freed-once"
        self.outcomes.append(
            Outcome(
                point,
                not invariant,
                f"as many as before, {before}",
                f"{free} frames are free",
                invariant,
                self._spare,
                latest if invariant else "",
            )
        )

    def _stray(self, pid: int, kind: int, index: int) -> None:
        point = ReportPoint(index=-1, process=f"pid {pid}", text="a report")
        self.outcomes.append(
            Outcome(
                point,
                False,
                "reports that the programs make",
                f"kind {kind:#x} at point {index}, which none makes: registers or text of the process were changed",
                "isolation",
                self._spare,
                self._latest,
            )
        )

    def _never_finished(self, panic: str) -> Outcome:
        point = ReportPoint(index=-1, process="process 1 (init)", text="the workload")
        seen = f"the kernel panicked: {panic}" if panic else "has not come to its end"
        return Outcome(
            point, False, "every process ends and is waited for", seen, _stopped_by(panic), self._spare, self._latest
        )

    def _value(self, value: int) -> str:
        return self.workload.values.get(value, f"{value:#x}")


def _expected(case: Case) -> str:
    endings = [ending for ending in Ending if ending in case.right]
    return f"{', or '.join(endings)}: {case.reason}"


def _ended(begun: _Begun, ending: Ending, result: int = 0) -> Outcome:
    case = begun.case
    shown = f"{ending}" if ending is not Ending.FAILS else f"fails with {result}"
    if ending in case.right:
        return Outcome(case, True, _expected(case), shown, "", begun.spare)
    gained = ending is Ending.WORKS
    return Outcome(
        case, False, _expected(case), shown, "no-permission-gained" if gained else "no-undue-failure", begun.spare
    )


def _hangs(begun: _Begun, panic: str) -> Outcome:
    seen = f"did not end: the kernel panicked: {panic}" if panic else "did not end"
    return Outcome(begun.case, False, _expected(begun.case), seen, _stopped_by(panic), begun.spare)


def _stopped_by(panic: str) -> str:
    return "kernel-survives" if panic else "progress"


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
