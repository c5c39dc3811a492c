"""A violation that was seen in a recording: what is wrong, and all that a person needs to find it in the kernel's
source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """A recorded step: ``place`` is the kernel's function and line, or its address where the recording names no
    place."""

    event: int  # its number in the recording, from 1
    time: int  # instructions retired by all harts until then
    hart: int
    pid: int  # the process that the hart ran; 0 for none
    what: str
    place: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The first time that an invariant was violated by one cause.

    ``steps`` are the last ones that touched the frame. ``first_wrong`` is one of them, or comes before them: from it
    on the frame was never right again.
    """

    invariant: str
    message: str
    run: str
    event: int
    time: int
    frame: int | None  # ppn
    users: tuple[str, ...]  # who maps it
    first_wrong: Step | None
    steps: tuple[Step, ...]
    began: str  # what brought the process into the kernel; empty where that is not known
    during: str  # the last thing that the workload's program reported
    console: tuple[str, ...]  # the kernel's last lines
    further: int  # how often the same was seen again, elsewhere
    then: tuple[str, ...]  # invariants that were violated after it, of the same frame or by the end of the run
    also: tuple[str, ...]  # sentences about such, and about the same seen elsewhere; the first few
