"""What a recorded step changed, as numbers: what a drawing is made from, where a person reads the same in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cowcheck.checker.verify.rights import leads_to
from cowcheck.checker.verify.scene import Row, User
from cowcheck.machine.record.event import KIND, A, B, C, D, EventKind
from cowcheck.model.sv39 import PTE_V


class Changed(StrEnum):
    """What it is that changed."""

    PTE = "pte"  # of page ``vpn`` of process ``pid``; ``before`` and ``after`` are PTEs
    COUNT = "count"  # the kernel's count of ``frame``, less the kernel's offset
    FREE = "free"  # how often ``frame`` stands on the free list


@dataclass(frozen=True, slots=True)
class Effect:
    """One change. What a kind does not speak of is 0."""

    changed: Changed
    before: int
    after: int
    frame: int = 0  # ppn
    pid: int = 0
    vpn: int = 0


@dataclass(frozen=True, slots=True)
class Mapped:
    """A page that leads to the frame of a finding, as it was found."""

    pid: int
    vpn: int
    pte: int


def effect_of(row: Row, free: int) -> Effect | None:
    """What an event changed; ``free`` is how often its frame stood on the free list before it."""
    match row[KIND]:
        case EventKind.PTE:
            return Effect(Changed.PTE, row[C], row[D], pid=row[A], vpn=row[B])
        case EventKind.COUNT:
            return Effect(Changed.COUNT, row[B], row[C], frame=row[A])
        case EventKind.LIST:
            return Effect(Changed.FREE, free, max(free + row[B], 0), frame=row[A])
    return None


def mapped(user: User, frame: int | None) -> Mapped | None:
    """The page of a finding's ``frame``; nothing where it does not lead there."""
    leads_there = user.pte & PTE_V and leads_to(user.pte) == frame
    return Mapped(user.pid, user.vpn, user.pte) if leads_there else None
