"""The way to the gates: a workload runs until each process that meets others is about to do its next operation."""

from __future__ import annotations

from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.program.workload import Workload
from cowcheck.machine.record.event import Ending
from cowcheck.machine.record.event_buffer import Sink
from cowcheck.machine.record.play import Hear, play
from cowcheck.machine.record.recorder import Recorder, Report
from cowcheck.machine.rig.rig import BEGIN_INSTRUCTIONS, Rig

SET_UP_INSTRUCTIONS = 2_000_000_000


def run_to_gates(rig: Rig, workload: Workload, sink: Sink, hear: Hear) -> str:
    """Runs until every hart that has a gate stands before it. Gives why that did not come, or nothing."""
    recorder, board = rig.recorder, rig.recorder.board
    rig.sink = None
    rig.listen(True)
    rig.start(workload.files)
    board.frozen = frozenset()
    seen = recorder.run_to_user(BEGIN_INSTRUCTIONS)
    rig.sink = sink
    recorder.begin()
    arrived: set[int] = set()  # harts

    def hear_and_hold(report: Report, recorder: Recorder) -> int | Ending | None:
        """A hart that comes to its gate gets no turn until all have."""
        answer = hear(report, recorder)
        kind, point = report.values[0], report.values[1]
        if kind in (ReportKind.BEGIN, ReportKind.LEAVE) and point in workload.gates:
            arrived.add(int(board.shared["hart"]))
            board.frozen = frozenset(arrived)
        return Ending.DONE if len(arrived) == len(workload.gates) else answer

    seen = play(recorder, seen, SET_UP_INSTRUCTIONS, hear_and_hold)
    if len(arrived) < len(workload.gates):
        if seen.ending is Ending.DONE:
            return "the workload ended before its processes met"
        return f"its processes never met: {seen.text or str(seen.ending)}"
    recorder.drain()
    board.frozen = frozenset()
    return ""
