"""The kinds of events that the native engine takes, as its code has them, and which rows are such events."""

from __future__ import annotations

from cowcheck.checker.verify.native_state import Record, Value
from cowcheck.checker.verify.native_views import LOST, NONE, UNUSED, ZOMBIE
from cowcheck.machine.native import compiled
from cowcheck.machine.record.event import HART, KIND, PID, TIME, A, B, EventKind
from cowcheck.machine.trace.event_check import MOST_FRAME, MOST_PID, MOST_VPN

RUN, TRAP, USER, STATE, PTE, OWN, ALLOC, FREE, LIST, COUNT, STORE, FENCE = (
    int(kind) for kind in EventKind if kind <= EventKind.FENCE
)
KILLED, SIZE = int(EventKind.KILLED), int(EventKind.SIZE)


@compiled
def is_sane(s: Record) -> Value:
    """Whether the row is an event that this engine takes; ``event_check.problem_of`` says what is wrong."""
    row = s.row
    kind, a, b = row[KIND], row[A], row[B]
    if row[HART] < 0 or row[HART] >= s.hart_count or row[PID] < 0 or row[PID] > MOST_PID or row[TIME] < 0:
        return False
    if kind in (TRAP, USER, FENCE):
        return True
    if kind == RUN:
        return 0 <= a <= MOST_PID
    if kind == STATE:
        return 0 <= a <= MOST_PID and UNUSED <= b <= ZOMBIE
    if kind == PTE:
        return 1 <= a <= MOST_PID and 0 <= b <= MOST_VPN
    if kind in (KILLED, SIZE):
        return 1 <= a <= MOST_PID
    if a < 0 or a > MOST_FRAME:
        return False
    if kind == OWN:
        return NONE <= b <= LOST
    if kind == LIST:
        return b == 1 or b == -1
    return kind in (ALLOC, FREE, COUNT, STORE)
