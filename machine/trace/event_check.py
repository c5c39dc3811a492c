"""Whether a row is an event: every column within what its meaning allows. What is wrong is said in words."""

from __future__ import annotations

from collections.abc import Sequence

from cowcheck.machine.record.event import FIELDS, HART, KIND, PID, TIME, A, Came, Ending, EventKind, ProcessState, Role

MOST_PID = (1 << 31) - 1  # an int of C
MOST_VPN = (1 << 27) - 1  # Sv39: 39-bit virtual addresses
MOST_FRAME = (1 << 52) - 1  # any 64-bit physical address, >> 12: what kfree may be called with

MOST_DEPTH = 63

_PID = (0, MOST_PID)
_FRAME = (0, MOST_FRAME)
RANGES: dict[tuple[EventKind, str], tuple[int, int]] = {
    (EventKind.RUN, "next"): _PID,
    (EventKind.STATE, "of"): _PID,
    (EventKind.STATE, "state"): (min(ProcessState), max(ProcessState)),
    (EventKind.PTE, "of"): (1, MOST_PID),
    (EventKind.PTE, "vpn"): (0, MOST_VPN),
    (EventKind.OWN, "ppn"): _FRAME,
    (EventKind.OWN, "role"): (min(Role), max(Role)),
    (EventKind.ALLOC, "ppn"): _FRAME,
    (EventKind.FREE, "ppn"): _FRAME,
    (EventKind.LIST, "ppn"): _FRAME,
    (EventKind.LIST, "step"): (-1, 1),
    (EventKind.COUNT, "ppn"): _FRAME,
    (EventKind.STORE, "ppn"): _FRAME,
    (EventKind.LOAD, "vpn"): (0, MOST_VPN),
    (EventKind.CENSUS, "free"): (0, (1 << 62)),
    (EventKind.CENSUS, "expected"): (-1, (1 << 62)),
    (EventKind.END, "how"): (min(Ending), max(Ending)),
    (EventKind.KILLED, "of"): (1, MOST_PID),
    (EventKind.OUTCOME, "came"): (min(Came), max(Came)),
    (EventKind.OUTCOME, "permitted"): (0, 1),
    (EventKind.OUTCOME, "starved"): (0, 1),
    (EventKind.SIZE, "of"): (1, MOST_PID),
    (EventKind.CALL, "depth"): (0, MOST_DEPTH),
    (EventKind.NAME, "of"): (1, MOST_PID),
}
"""The least and the greatest value of the fields that are not any 64-bit number."""


def problem_of(row: Sequence[int], harts: int) -> str:
    """What is wrong with a row of a recording with so many harts; empty where nothing is."""
    try:
        kind = EventKind(row[KIND])
    except ValueError:
        return f"unknown event kind {row[KIND]}; known: {min(EventKind)} to {max(EventKind)}"
    name = kind.name.lower()
    if not 0 <= row[HART] < harts:
        return f"'hart' is {row[HART]}; the header says that there are {harts}, from 0"
    if not 0 <= row[PID] <= MOST_PID:
        return f"'pid' is {row[PID]}; give a number from 0 to {MOST_PID}"
    if row[TIME] < 0:
        return f"'time' is {row[TIME]}; give the number of instructions retired until then"
    for column, field in enumerate(FIELDS[kind], start=A):
        least, most = RANGES.get((kind, field), (row[column], row[column]))
        if not least <= row[column] <= most:
            return f"'{field}' of a {name} event is {row[column]}; give a number from {least} to {most}"
    if kind is EventKind.LIST and not row[A + 1]:
        return "'step' of a list event is 0; give 1 for put on and -1 for taken off"
    return ""
