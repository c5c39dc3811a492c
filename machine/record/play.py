"""Letting a workload's program run to an ending: its reports are passed on, and answered."""

from __future__ import annotations

from collections.abc import Callable

from cowcheck.machine.board.state import A0
from cowcheck.machine.record.event import Ending
from cowcheck.machine.record.recorder import Recorder, Report, Seen

Hear = Callable[[Report, Recorder], int | Ending | None]
"""Is given each report, and answers with what goes into the program's a0, with how the run ends, or with None."""


def play(
    recorder: Recorder, seen: Seen, budget: int, hear: Hear, until: Callable[[Recorder], bool] | None = None
) -> Seen:
    """Goes on from what was ``seen`` last, for ``budget`` instructions at most, to an ending."""
    shared = recorder.board.shared
    end = int(shared["retired"]) + budget
    while seen.ending is None:
        seen = recorder.run(max(end - int(shared["retired"]), 1), until, budget // 2)
        if seen.report is not None:
            answer = hear(seen.report, recorder)
            if isinstance(answer, Ending):
                seen = Seen(answer)
            elif answer is not None:
                recorder.board.engine.write(A0, answer)
    return seen
