"""Events: what was seen of a running kernel, one atomic step each, whoever recorded it.

An event is one row of ``WIDTH`` 64-bit integers, so that a recorder can write millions of them into one numpy array and
a verifier can read them without making an object each. The first five columns are the same for every kind; the rest are
named by the kind (:data:`FIELDS`), in the order given there, and 0 where a kind has fewer. A trace file holds the same
names (``docs/trace.md``). Events that carry text (``console``, ``panic``, ``end``, ``place``, ``report``) have its
number in a list of texts that travels beside the array. The last column, ``BY``, is where the function that ``pc`` is
in was called, 0 where that is not known.

Frames are physical page numbers (``pa >> 12``), pages are Sv39 virtual page numbers (``va >> 12``), PTEs are the raw 64
bits of the privileged specification (version 1.12, section 4.4.1), processes are xv6's ``p->pid``. ``pid`` 0 stands
for no process: the scheduler, or the boot.
"""

from __future__ import annotations

from enum import IntEnum

WIDTH = 10  # columns of a row
KIND, HART, PID, PC, TIME, A, B, C, D, BY = range(WIDTH)
COMMON = ("kind", "hart", "pid", "pc", "time")
"""The columns that every event has: what it is, the hart it happened on, the process that the hart ran then, the
address of the kernel's instruction (0 where there is none), and the instructions retired by all harts together until
then."""


class EventKind(IntEnum):
    """What happened. The number is the value of the column ``kind``; the name, in lower case, is a trace's."""

    RUN = 1  # the hart goes on to run process ``next`` (c->proc), or none (0)
    TRAP = 2  # user code of ``pid`` is left, and the kernel begins a path (scause, stval, sepc: the CSRs)
    USER = 3  # the hart returns to user code of ``pid``: the path ends
    STATE = 4  # p->state of process ``of`` becomes ``state`` (:class:`ProcessState`)
    PTE = 5  # a user leaf PTE of process ``of``, at page ``vpn``, changes from ``old`` to ``new``; both never invalid
    OWN = 6  # the kernel's own use of frame ``ppn`` becomes ``role`` (:class:`Role`)
    ALLOC = 7  # kalloc returned frame ``ppn``; 0: no memory
    FREE = 8  # kfree was called with frame ``ppn``
    LIST = 9  # frame ``ppn`` is put on (``step`` 1) or taken off (``step`` -1) the free list
    COUNT = 10  # the kernel's count of frame ``ppn`` changes from ``old`` to ``new``, less the kernel's offset
    STORE = 11  # kernel code writes to frame ``ppn``, which is free, or mapped by more than the running process
    FENCE = 12  # the hart executed sfence.vma
    LOAD = 13  # user code of ``pid`` loaded ``seen`` from page ``vpn``, and ``due`` was due (its program tells)
    REPORT = 14  # a workload's program reports: ``text`` says what, ``report``, ``x`` and ``y`` its numbers
    CENSUS = 15  # ``free`` frames stand on the free list, counted by walking it; ``expected`` should (-1: not known)
    CONSOLE = 16  # the kernel printed a line
    PANIC = 17  # the kernel panicked; the text is what it said
    END = 18  # nothing is recorded any more; the text says why (:class:`Ending` is ``how``)
    PLACE = 19  # the text is the source place (function, file and line) of the kernel's address ``at``
    KILLED = 20  # p->killed of process ``of`` is set
    OUTCOME = 22  # an operation of a workload's program is over (``came``: :class:`Came`); ``permitted``: a right
    #               kernel would carry it out; ``starved``: memory was out, so that it may fail; the text says what it
    #               was and what is due
    CALL = 23  # ``pc`` is a call on the stack of ``pid``, at ``depth``, 0 the innermost, as the run ends
    FAULT = 24  # kernel code took a trap that it could not serve (scause, stval, sepc: the CSRs; ``pc`` is sepc)
    NAME = 25  # the text is what the workload calls process ``of``: "the worker"
    NOTE = 26  # the text says what the workload could not do, so that something was not checked
    SIZE = 21  # p->sz of process ``of`` becomes ``bytes``; no access above it is legal


class Came(IntEnum):
    """How an operation of a workload's program came out, in an ``outcome`` event."""

    WORKED = 0
    FAILED = 1  # the system call returned -1, or less than was asked for
    KILLED = 2  # it ended its process
    SAW_RIGHT = 3  # memory held what was due
    SAW_WRONG = 4


class ProcessState(IntEnum):
    """xv6 kernel/proc.h ``enum procstate``, whatever its numbers are in the kernel that was recorded."""

    UNUSED = 0
    USED = 1
    SLEEPING = 2
    RUNNABLE = 3
    RUNNING = 4
    ZOMBIE = 5


class Role(IntEnum):
    """What the kernel itself uses a frame for."""

    NONE = 0  # nothing that is known: free, mapped by user page tables, or in flight
    PAGE_TABLE = 1
    TRAPFRAME = 2
    STACK = 3
    OBJECT = 4  # reachable from the kernel's data: a pipe, a buffer
    LOST = 5  # neither free, nor mapped, nor reachable from anything


class Ending(IntEnum):
    """Why a recording ended."""

    DONE = 0  # the workload ended
    PANIC = 1
    HANG = 2  # nothing moves any more: every hart waits, or spins, and no user code runs
    BUDGET = 3  # the instruction budget ran out
    BROKEN = 4  # the machine cannot go on: the kernel left RAM, or trapped where nothing handles it
    DAMAGED = 5  # the trace file is cut or damaged from here on


FIELDS: dict[EventKind, tuple[str, ...]] = {
    EventKind.RUN: ("next",),
    EventKind.TRAP: ("scause", "stval", "sepc"),
    EventKind.USER: ("sepc",),
    EventKind.STATE: ("of", "state"),
    EventKind.PTE: ("of", "vpn", "old", "new"),
    EventKind.OWN: ("ppn", "role"),
    EventKind.ALLOC: ("ppn",),
    EventKind.FREE: ("ppn",),
    EventKind.LIST: ("ppn", "step"),
    EventKind.COUNT: ("ppn", "old", "new"),
    EventKind.STORE: ("ppn",),
    EventKind.FENCE: (),
    EventKind.LOAD: ("vpn", "seen", "due"),
    EventKind.REPORT: ("text", "report", "x", "y"),
    EventKind.CENSUS: ("free", "expected"),
    EventKind.CONSOLE: ("text",),
    EventKind.PANIC: ("text",),
    EventKind.END: ("how", "text"),
    EventKind.PLACE: ("at", "text"),
    EventKind.KILLED: ("of",),
    EventKind.OUTCOME: ("text", "permitted", "came", "starved"),
    EventKind.SIZE: ("of", "bytes"),
    EventKind.CALL: ("depth",),
    EventKind.FAULT: ("scause", "stval", "sepc"),
    EventKind.NAME: ("of", "text"),
    EventKind.NOTE: ("text",),
}
"""The columns ``A``, ``B``, ... of each kind, by name. ``text`` is the number of a text."""
