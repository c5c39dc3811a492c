"""One workload on one rig: its events and its outcomes go to a consumer, as they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from cowcheck.machine.program.kernel_age import steps_beyond
from cowcheck.machine.program.outcome import Observer, Outcome
from cowcheck.machine.program.report import Case, ReportKind, Watch
from cowcheck.machine.program.report import Ending as OperationEnding
from cowcheck.machine.program.workload import Workload
from cowcheck.machine.record.event import KIND, WIDTH, A, Came, Ending, EventKind
from cowcheck.machine.record.recorder import Recorder, Report, Rows
from cowcheck.machine.rig import Rig, Run

CAME = {
    str(OperationEnding.WORKS): Came.WORKED,
    str(OperationEnding.FAILS): Came.FAILED,
    str(OperationEnding.KILLED): Came.KILLED,
}
MOST_RUNS = 12  # of one workload: a kernel that panics in more of its steps has been told of enough
COUNTED = (ReportKind.BEFORE, ReportKind.AFTER)


class Consumer(Protocol):
    """Takes a recording: a verifier, a trace file, or both."""

    def begin(self, name: str) -> None:
        """A workload starts."""
        ...

    def take(self, rows: Rows, texts: Sequence[str]) -> None:
        """Events."""
        ...


def conduct(rig: Rig, workload: Workload, consumer: Consumer) -> tuple[Run, ...]:
    """Runs the workload to its end. Where one of its steps panics or hangs the kernel, another run does the rest."""
    skip = set(steps_beyond(workload, rig.kernel.elf.data))
    runs: list[Run] = []
    name = workload.name
    while len(runs) < MOST_RUNS:
        listener = _Listener(workload, frozenset(skip))
        consumer.begin(name)
        runs.append(rig.run(workload.files, consumer.take, listener.hear, workload.instructions, listener.close))
        step = listener.observer.step
        if runs[-1].ending is Ending.DONE or step is None or step in skip:
            break
        skip.update(item.number for item in workload.steps if item.number <= step)
        left = [item for item in workload.steps if item.number not in skip]
        if not left:
            break
        name = f"{workload.name}, from step {left[0].number}"
    else:
        consumer.begin(name)
        consumer.take(*_not_run(len(left)))
    return tuple(runs)


def _not_run(steps: int) -> tuple[Rows, list[str]]:
    """The events of a run that was never made, so that nobody takes it for one that held."""
    row = np.zeros((1, WIDTH), np.int64)
    row[0, [KIND, A]] = EventKind.END, Ending.BUDGET
    return row, [f"{steps} steps were not run: {MOST_RUNS} before them stopped the kernel; mend those first"]


class _Listener:
    """Passes reports to the workload's observer, and its judgements to the recording."""

    def __init__(self, workload: Workload, skip: frozenset[int]) -> None:
        self.workload = workload
        self.observer = Observer(workload, skip=skip)
        self.told = 0
        self.free_before = -1

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
            text = recorder.text(f"{ReportKind(kind).name.lower()} {self.workload.points[index]}")
            recorder.tell(EventKind.REPORT, text, kind, values[1], values[2])
        answer = self.observer.feed(report.pid, kind, values, free)
        for outcome in self.observer.outcomes[self.told :]:
            _tell(outcome, recorder)
        self.told = len(self.observer.outcomes)
        return Ending.DONE if kind == ReportKind.FINISHED else answer

    def close(self, recorder: Recorder) -> None:
        """The run is over: what had begun and never ended is judged."""
        for outcome in self.observer.observation().outcomes[self.told :]:
            _tell(outcome, recorder)


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
