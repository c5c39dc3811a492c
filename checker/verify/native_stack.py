"""The native engine's stack of what is due to be judged, compiled: any of it can wait for an answer of Python's.

A piece of work is a row: its kind, and up to seven numbers. One that has to ask stays on the stack, and is taken up
again when the answer stands in the memo.
"""

from __future__ import annotations

from cowcheck.checker.verify.native_state import (
    NIL,
    Record,
)
from cowcheck.checker.verify.native_views import (
    decision,
)
from cowcheck.machine.native import compiled

GO, ASK, FOUND, BAD_ROW, BAD_OLD, CROWDED = range(6)
"""How a piece of work, or an event, ended: done; Python is to decide a view; a view is broken; the event is no event;
it contradicts those before it; there is no room."""

JUDGE, FRAME, STRICT, MAPPINGS, TOUCHED, PURGE, TRANSLATIONS, PAGES, INITIAL, DROP = range(10)
"""Kinds of work: a view by its key; a frame; the same as if nothing were in flight; its mappings that were not judged;
what a path has touched; what it leaves behind; what harts still cache; all pages of a process; all frames; the pages of
a process that has ended."""
FIRST = -2  # of PAGES: none was looked at yet


@compiled
def push(s: Record, kind: int, a: int, b: int) -> None:
    """Work that comes before all that is due already."""
    s.work[s.depth, 0], s.work[s.depth, 1], s.work[s.depth, 2] = kind, a, b
    s.depth += 1


@compiled
def push_judge(s: Record, key: int, told: int, what: int, ppn: int, pid: int, vpn: int, other: int) -> None:
    """A view to judge. ``told`` is the frame that remembers what was told, or ``-2 - slot`` of a process."""
    at = s.depth
    s.work[at, 0], s.work[at, 1], s.work[at, 2], s.work[at, 3] = JUDGE, key, told, what
    s.work[at, 4], s.work[at, 5], s.work[at, 6], s.work[at, 7] = ppn, pid, vpn, other
    s.depth += 1


@compiled
def see(s: Record, key: int, told: int) -> int:
    """Judges a view: ASK where that is not decided yet, FOUND where it breaks what was not told before."""
    at = decision(s, key)
    if at == NIL:
        return ASK
    s.memo[at].hits += 1
    before = s.frames[told].told if told >= 0 else s.processes[-2 - told].told
    broken = s.memo[at].mask & ~before
    if broken == 0:
        return GO
    if told >= 0:
        s.frames[told].told |= broken
    else:
        s.processes[-2 - told].told |= broken
    s.found_key, s.found_mask = key, broken
    return FOUND


@compiled
def about(s: Record, what: int, ppn: int, pid: int, vpn: int, other: int) -> None:
    """What was judged."""
    s.what, s.ppn, s.pid, s.vpn, s.other = what, ppn, pid, vpn, other
