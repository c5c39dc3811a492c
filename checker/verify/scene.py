"""What is known around a judgement: who maps the frame, which steps touched it last, what began the kernel's path.

Both engines make these values, so that what a person is told is written once (``court.py``), whichever engine
found it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from cowcheck.checker.judge import Broken, Judge
from cowcheck.machine.record.event import WIDTH, EventKind, Role
from cowcheck.model.views import View

Row = tuple[int, ...]
HISTORY = 8  # steps that are remembered of each frame
MOST_USERS = 64  # pages that are told of a frame
MOST_REMEMBERED = 1 << 12  # translations that a hart may still cache
MOST_IDLE, MOST_REPEATS = 2, 8
"""A page fault that is taken so often in a row will be taken for ever: where its handler changed nothing, and where it
did but the access is still refused."""
LOOSE = (int(Role.NONE), int(Role.OBJECT), int(Role.LOST))
"""Roles of a frame that may be lost without being told so: something in the kernel's memory looks like its address."""
START: Row = (int(EventKind.FENCE),) + (0,) * (WIDTH - 1)
"""The event of a run that tells nothing but the state in which it starts."""


class What(IntEnum):
    """What a view is of."""

    FRAME = 0
    MAPPING = 1  # of page ``vpn`` of process ``pid``
    TRANSLATION = 2  # the same, cached by hart ``other``
    TOUCH = 3  # kernel code stored to the frame
    STORE = 4  # kernel code of ``pid`` stored to the frame, which process ``other`` maps
    WRITTEN = 5  # kernel code of ``pid`` stored to its own page ``vpn``
    FAULT = 6  # a page fault of process ``pid`` at ``vpn``
    FOR_EVER = 7  # the same, taken again and again
    LOAD = 8  # user code of ``pid`` read its page ``vpn``
    CENSUS = 9  # the frames of the free list were counted
    PANIC = 10
    HANG = 11
    BROKEN = 12
    OUTCOME = 13  # what a workload's program did, and how it came out


class About(NamedTuple):
    """The subject of a view. ``frame`` is a ppn, None where there is none; ``actor`` the process whose path it is told
    of."""

    what: What
    frame: int | None = None
    pid: int = 0
    vpn: int = 0
    other: int = 0
    actor: int = 0


class User(NamedTuple):
    """A PTE that maps the frame."""

    pid: int
    vpn: int
    pte: int
    visible: bool


class Past(NamedTuple):
    """A step that touched the frame."""

    number: int  # the event's, in the recording
    row: Row
    free: int  # how often the frame stood on the free list before it
    broken: int  # statements that the frame broke after it, were no path in progress (:func:`statement_bits`)


class Scene(NamedTuple):
    """What was known of a frame when it was judged."""

    users: tuple[User, ...] = ()
    history: tuple[Past, ...] = ()  # the oldest first
    since: Past | None = None  # the first step from which on the frame always broke something
    trap: Row | None = None  # what began the path
    first_fault: int = 0  # of several page faults in a row at one place, the number of the first
    text: str = ""  # what the kernel or the recorder said
    lost: tuple[tuple[int, Past], ...] = ()  # frames that are lost, each with the last step that touched it
    names: Mapping[int, str] = MappingProxyType({})  # what the workload calls its processes


class Accusation(NamedTuple):
    """A view that breaks statements which were not told of its subject before."""

    view: View
    broken: tuple[Broken, ...]
    about: About
    number: int  # of the event at which it was judged
    row: Row
    scene: Scene


def statement_bits(judge: Judge) -> dict[Broken, int]:
    """A bit for each statement of the judge's invariants, in their order."""
    every = (Broken(invariant.name, statement) for invariant in judge.invariants for statement in invariant.statements)
    bits = {broken: 1 << number for number, broken in enumerate(every)}
    assert len(bits) < 63, "a mask is a 64-bit number with a sign"
    return bits
