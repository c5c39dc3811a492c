"""One workload on one machine: its events and its outcomes go to a consumer, as they come."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from cowcheck.checker.check.consumer import Consumer
from cowcheck.checker.check.half_way import NOT_SEEN, HalfWay
from cowcheck.checker.check.skipping import Skipping
from cowcheck.machine.machine import Machine
from cowcheck.machine.program.kernel_age import steps_beyond
from cowcheck.machine.program.outcome import Observer, Outcome
from cowcheck.machine.program.report import Case, ReportKind, ReportPoint, Watch
from cowcheck.machine.program.report import Ending as OperationEnding
from cowcheck.machine.program.workload import Workload
from cowcheck.machine.record.event import KIND, WIDTH, A, Came, Ending, EventKind
from cowcheck.machine.record.recorder import Recorder, Report, Rows
from cowcheck.machine.rig import Run

CAME = {
    str(OperationEnding.WORKS): Came.WORKED,
    str(OperationEnding.FAILS): Came.FAILED,
    str(OperationEnding.KILLED): Came.KILLED,
}
MOST_TOLD = 3  # operations that never began
MOST_ENDLESS = 2  # runs of one workload that came to no end: more of them would take too long
COUNTED = (ReportKind.BEFORE, ReportKind.AFTER)


def conduct(rig: Machine, workload: Workload, consumer: Consumer) -> tuple[Run, ...]:
    """Runs the workload to its end. Where one of its steps panics or hangs the kernel, another run does the rest."""
    skipping = Skipping(workload, steps_beyond(workload, rig.kernel.elf.data))
    watched = HalfWay(consumer)
    runs: list[Run] = []
    endless: list[str] = []
    name = workload.name
    while True:
        listener = Listener(workload, frozenset(skipping.skip))
        watched.begin(name)
        runs.append(rig.run(workload.files, watched.take, listener.hear, workload.instructions, listener.close))
        if runs[-1].ending is Ending.DONE or not skipping.stopped(listener.observer.step):
            break
        if sum(is_endless(run, workload) for run in runs) >= MOST_ENDLESS:
            left = f"{len(skipping.left)} steps were not run: {MOST_ENDLESS} before them came to no end"
            endless.append(f"{left}; mend those first")
            break
        name = f"{workload.name}, from step {skipping.left[0].number}"
    reasons = [*skipping.reasons(), *endless]
    if workload.forks_half_way and not watched.seen:
        reasons.append(NOT_SEEN)
    for number, reason in enumerate(reasons):
        consumer.begin(f"{workload.name}, not run" + (f" {number + 1}" if number else ""))
        consumer.take(*not_run(reason))
    return tuple(runs)


def is_endless(run: Run, workload: Workload) -> bool:
    """Whether the run came to no end, and took long to show that."""
    return run.ending is Ending.BUDGET or (run.ending is Ending.HANG and run.instructions >= workload.instructions // 2)


def not_run(reason: str) -> tuple[Rows, list[str]]:
    """The events of a run that was never made, so that nobody takes it for one that held."""
    row = np.zeros((1, WIDTH), np.int64)
    row[0, [KIND, A]] = EventKind.END, Ending.BUDGET
    return row, [reason]


class Listener:
    """Passes reports to the workload's observer, and its judgements to the recording."""

    def __init__(self, workload: Workload, skip: frozenset[int]) -> None:
        self.workload, self.skip = workload, skip
        self.observer = Observer(workload, skip=skip)
        self.skip = skip
        self.names: dict[int, str] = {}  # what the processes that have reported are called, by pid
        self.told = 0
        self.free_before = -1

    def copy(self) -> Listener:
        """One that has heard the same."""
        twin = Listener(self.workload, self.skip)
        twin.observer = copy.deepcopy(self.observer, {id(self.workload): self.workload})
        twin.told, twin.free_before = self.told, self.free_before
        return twin

    def hear(self, report: Report, recorder: Recorder) -> int | Ending | None:
        """One report; the answer goes into the program's a0."""
        kind, values = report.values[0], report.values[1:5]
        free = None
        if kind in COUNTED:
            before = kind == ReportKind.BEFORE
            free = recorder.census(-1 if before else self.free_before)
            self.free_before = free if before else self.free_before
        elif kind == ReportKind.NEXT:
            free = int((recorder.observer["on_list"] > 0).sum())
        index = values[0]
        if index < len(self.workload.points) and kind in list(ReportKind):
            point = self.workload.points[index]
            self._name(report.pid, role_of(point), recorder)
            text = recorder.text(place_of(ReportKind(kind), point))
            recorder.tell(EventKind.REPORT, text, kind, values[1], values[2])
        answer = self.observer.feed(report.pid, kind, values, free)
        for outcome in self.observer.outcomes[self.told :]:
            _tell(outcome, recorder)
        self.told = len(self.observer.outcomes)
        return Ending.DONE if kind == ReportKind.FINISHED else answer

    def close(self, recorder: Recorder) -> None:
        """The run is over: what had begun and never ended is judged, and what could not be done is told."""
        observation = self.observer.observation()
        for outcome in observation.outcomes[self.told :]:
            _tell(outcome, recorder)
        for note in observation.notes:
            recorder.tell(EventKind.NOTE, recorder.text(note))
        if observation.finished and (left := self.never_begun(observation.unreached)):
            recorder.tell(EventKind.NOTE, recorder.text(left))

    def never_begun(self, cases: Sequence[Case]) -> str:
        """What of a sweep's steps that were to run did not come to its operation; empty where all did."""
        due = {step.text for step in self.workload.steps if step.number not in self.skip}
        left = [case.text for case in cases if case.text in due]
        if not left:
            return ""
        more = f", and {len(left) - MOST_TOLD} more" if len(left) > MOST_TOLD else ""
        return f"these operations never began, because what prepares them failed: {'; '.join(left[:MOST_TOLD])}{more}"

    def _name(self, pid: int, role: str, recorder: Recorder) -> None:
        """Tells what the workload calls a process, once."""
        if pid and self.names.get(pid) != role:
            self.names[pid] = role
            recorder.tell(EventKind.NAME, pid, recorder.text(role))


def role_of(point: ReportPoint) -> str:
    """What a workload calls the process of a point: ``the worker``, of ``process 3 (the worker)``."""
    name = point.process.partition("(")[2].rstrip(")") or point.process
    return name if name == "init" or name.split(" ")[0] in ("a", "an", "the") else f"the {name}"


def place_of(kind: ReportKind, point: ReportPoint) -> str:
    """Where a process that reports is."""
    text = f"{point.text} ({point.place})" if point.place else point.text
    return f"the end of {text}" if kind is ReportKind.END else text


def _tell(outcome: Outcome, recorder: Recorder) -> None:
    """An outcome as an event; a count of free frames is told as a census already, a hang by how the run ends."""
    point = outcome.point
    text = recorder.text(str(outcome))
    if isinstance(point, Watch) or outcome.invariant == "isolation":
        recorder.tell(EventKind.OUTCOME, text, 1, Came.SAW_RIGHT if outcome.right else Came.SAW_WRONG, 0)
        return
    came = next((came for words, came in CAME.items() if outcome.seen.startswith(words)), None)
    if isinstance(point, Case) and outcome.invariant in ("", "no-undue-failure", "no-permission-gained"):
        came = Came.FAILED if came is None else came  # a result that no xv6 gives
        starved = outcome.right and came is not Came.WORKED  # right, though it did not work: so it might fail
        permitted = OperationEnding.WORKS in point.right or (not outcome.right and came is not Came.WORKED)
        recorder.tell(EventKind.OUTCOME, text, int(permitted), came, int(starved))
