"""An event that cannot be, or that contradicts the events before it: the trace is wrong, not the kernel."""

from __future__ import annotations

from cowcheck.model.errors import CowcheckError


class BadEvent(CowcheckError):
    """``number`` is the event's in the recording, from 1."""

    def __init__(self, number: int, problem: str) -> None:
        self.number = number
        self.problem = problem
        self.remedy = "the trace is damaged, or its recorder missed an event before this one: record it again"
        super().__init__(f"event {number}: {problem}; {self.remedy}")
