"""A violation that was seen in a recording: what is wrong, and all that a person needs to find it in the kernel's
source."""

from __future__ import annotations

from dataclasses import dataclass

from cowcheck.checker.verify.effect import Effect, Mapped


@dataclass(frozen=True, slots=True)
class Step:
    """A recorded step: ``place`` is the kernel's function and line, or its address where the recording names no
    place; ``called_at`` is where that function was called, empty where that is not known."""

    event: int  # its number in the recording, from 1
    time: int  # instructions retired by all harts until then
    hart: int
    pid: int  # the process that the hart ran; 0 for none
    what: str
    place: str
    called_at: str = ""
    effect: Effect | None = None


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
    stack: tuple[str, ...]  # the places of the calls that had led to where the kernel stopped, innermost first
    fault: str  # the trap of the kernel's own that stopped it; empty where there was none
    lost: tuple[str, ...]  # frames that are lost, and what had each of them last
    began: str  # what brought the process into the kernel; empty where that is not known
    during: str  # where the process was in its workload, by its own last word
    console: tuple[str, ...]  # the kernel's last lines
    further: int  # how often the same was seen again, elsewhere
    elsewhere: tuple[str, ...]  # where that was in the workload; the first few
    then: tuple[str, ...]  # invariants that were violated after it, of the same frame or by the end of the run
    also: tuple[str, ...]  # sentences about such, and about the same seen elsewhere; the first few
    mappings: tuple[Mapped, ...] = ()  # of the frame, when it was found
