"""The first wrong step: from which on a frame broke a statement until the end, or which led a page to it that should
not be as it is."""

from __future__ import annotations

from collections.abc import Sequence

from cowcheck.checker.verify.scene import HISTORY, Accusation, Past, What
from cowcheck.machine.record.event import KIND, PC, PID, A, B, EventKind, Role

OF_A_PAGE = (What.MAPPING, What.TRANSLATION, What.LOAD)
HALVES = {EventKind.COUNT, EventKind.PTE}  # of taking or dropping a reference, in either order


def first_wrong(accusation: Accusation, bit: int) -> Past | None:
    """The step, for the statement of that bit; None where none is known."""
    scene, about = accusation.scene, accusation.about
    if about.what is What.FOR_EVER:  # what the handler did
        return next((past for past in _of_page(accusation) if past.number > scene.first_fault), None)
    if about.what in OF_A_PAGE:
        return next(iter(_of_page(accusation)), scene.history[-1] if scene.history else None)
    if not scene.history:
        return None
    if _is_lost(scene.history[-1]):
        return next((past for past in reversed(scene.history) if past.row[PC]), scene.history[-1])
    since = broken_since(scene.history, bit)
    if since == 0 and len(scene.history) == HISTORY and scene.since and scene.since.broken & bit:
        return scene.since
    return scene.history[since] if since is not None else scene.history[-1]


def _is_lost(past: Past) -> bool:
    """Whether the recorder, and no code of the kernel's, says that nothing leads to the frame.

    It says so once nobody is at work on it, and may have taken the frame for the kernel's before. So the step to blame
    is the last that the kernel did: after it nothing led to the frame.
    """
    return past.row[KIND] == EventKind.OWN and past.row[B] == Role.LOST and not past.row[PC]


def _of_page(accusation: Accusation) -> list[Past]:
    """The changes of the page's PTE, the latest first; that of the event itself may be in no frame's history."""
    about = accusation.about
    own = Past(accusation.number, accusation.row, 0, 0)
    return [
        past
        for past in (own, *reversed(accusation.scene.history))
        if past.row[KIND] == EventKind.PTE and past.row[A] == about.pid and past.row[B] == about.vpn
    ]


def broken_since(history: Sequence[Past], bit: int) -> int | None:
    """The place of the first step after which a frame was broken until the end.

    A reference is taken or dropped in two steps, the count's and the PTE's. Between them a frame that is wrong by one
    may look right: that does not count.
    """
    found = None
    for at in range(len(history) - 1, -1, -1):
        if history[at].broken & bit:
            found = at
        elif not _is_half_done(history, at, bit):
            break
    return found


def _is_half_done(history: Sequence[Past], at: int, bit: int) -> bool:
    if not 0 < at < len(history) - 1:
        return False
    before, half, other = history[at - 1 : at + 2]
    pair = {half.row[KIND], other.row[KIND]} == HALVES and half.row[PID] == other.row[PID]
    begun = before.row[KIND] in HALVES and before.row[PID] == half.row[PID]  # it may be the second half itself
    return pair and not begun and bool(before.broken & bit) and bool(other.broken & bit)
