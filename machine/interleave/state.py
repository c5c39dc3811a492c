"""What the callbacks of an interleaving share with Python: one record, beside the board's and the observer's.

A *step* of a hart begins at a preemption point, which is an access that another hart may care about, and goes on to
just before the next one. A schedule says before which steps another hart goes on. The callbacks count the steps,
stop the hart where the schedule says so or where the hart cannot go on (a lock that another hart holds), and log
every access to memory that harts may share.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from cowcheck.machine.board.state import FRAMES, MOST_HARTS

MOST_STEPS = 1 << 14
MOST_LOGGED = 1 << 18
HOT_BITS = 12
MOST_HOT = 1 << HOT_BITS  # entries of the table of words that are preemption points
MOST_HELD = 16  # locks that a hart holds at once
IS_FRAME, IS_LOCK, IS_COUNT = 1, 2, 4  # bits of an object that is a frame, a lock, or a frame's count, and no word
TEXT_BYTES = 2 << 20  # of a kernel, from KERNBASE on


class Access(IntEnum):
    """What a hart does at a place of the log."""

    BEGIN = 0  # its first step, from user code on
    LOAD = 1
    STORE = 2
    ATOMIC = 3  # an AMO or an LR/SC pair: its load and its store at once
    ACQUIRE = 4  # the entry of acquire; the object is the lock's address
    RELEASE = 5  # the entry of release
    FILL = 6  # memset or memmove: a whole frame is written
    COPY = 7  # memmove: a whole frame is read


class Halt(IntEnum):
    """Why a hart was stopped."""

    NONE = 0
    SWITCH = 1  # before the step at which the schedule has another hart go on
    BLOCKED = 2  # at acquire of a lock that another hart holds
    DONE = 3  # in user code again, at its next report
    PARKED = 4  # in the scheduler, and nothing is runnable
    SPINS = 5  # it goes round and round at one place
    FULL = 6  # more steps or accesses than there is room for


class Status(IntEnum):
    """What a hart is to the schedule."""

    READY = 0
    BLOCKED = 1  # enabled when the lock is free
    DONE = 2
    PARKED = 3  # enabled when a process is runnable


STEP = np.dtype(
    [
        ("hart", np.int64),
        ("kind", np.int64),  # Access
        ("object", np.int64),  # physical address
        ("pc", np.int64),
        ("enabled", np.int64),  # the harts that could have made this step, as bits
        ("forced", np.int64),  # the hart of the step before could not go on
        ("logged", np.int64),  # accesses logged before it
        ("told", np.int64),  # events recorded before it
    ]
)

LOGGED = np.dtype(
    [
        ("hart", np.int64),
        ("kind", np.int64),  # Access
        ("object", np.int64),  # physical address
        ("pc", np.int64),  # of acquire and release: the call's
        ("size", np.int64),  # bytes
        ("told", np.int64),  # events recorded before it
    ]
)

INTERLEAVING = np.dtype(
    [
        ("board", np.uint64),  # addresses of the board's record, the steps and the log
        ("steps", np.uint64),
        ("log", np.uint64),
        ("active", np.int64),
        ("harts", np.int64),
        ("everything", np.int64),  # every word that two harts touch is a point, protected or not; release too
        ("switch_at", np.int64),  # the step before which the hart is stopped
        ("passing", np.int64),  # the hart goes on at the point where it was stopped
        ("forced", np.int64),
        ("halt", np.int64),  # Halt
        ("halt_object", np.int64),
        ("undo", np.int64),  # where the hart was stopped before a store, which the emulator makes all the same: offset,
        ("undo_bytes", np.int64),  # its size, 0 for none,
        ("undo_value", np.uint8, (8,)),  # and what stood there
        ("step_count", np.int64),
        ("log_count", np.int64),
        ("last_place", np.int64),
        ("last_object", np.int64),
        ("repeats", np.int64),
        ("atomic_pc", np.int64),
        ("told_pc", np.int64),  # the emulator has been told where a trap's handler begins
        ("status", np.int64, (MOST_HARTS,)),  # Status
        ("waits_for", np.int64, (MOST_HARTS,)),  # the lock
        ("waits_at", np.int64, (MOST_HARTS,)),  # the pc of the call that would take it
        ("held", np.int64, (MOST_HARTS, MOST_HELD)),
        ("held_count", np.int64, (MOST_HARTS,)),
        ("hot", np.int64, (MOST_HOT,)),  # words and locks, as a hash table; 0 for none
        ("hot_frame", np.uint8, (FRAMES,)),
        ("lock_code", np.uint8, (TEXT_BYTES // 2,)),  # by half-words: code that locks are made of
    ]
)
"""The record. All of it but ``hot``, ``hot_frame``, ``lock_code`` and the addresses is set anew for each schedule."""
