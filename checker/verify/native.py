"""The verifier's native engine: the compiled code (``native_events.py``), and what it asks of Python.

A view that was not met before is decided by the judge, once; a view that breaks something is told with what is known
around it. Both happen between two steps of the compiled code, which then goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cowcheck.checker.judge import Judge
from cowcheck.checker.verify.bad_event import BadEvent
from cowcheck.checker.verify.keys import unpack
from cowcheck.checker.verify.native_events import run
from cowcheck.checker.verify.native_stack import ASK, BAD_OLD, BAD_ROW, CROWDED, FOUND, GO
from cowcheck.checker.verify.native_state import (
    BROKEN,
    FREE_BEFORE,
    MEMO,
    NIL,
    NUMBER,
    SINCE,
    Words,
    forget_decisions,
    reset,
    state_dtype,
)
from cowcheck.checker.verify.native_tables import find_mapping, find_process
from cowcheck.checker.verify.native_views import is_visible, place_in_memo
from cowcheck.checker.verify.scene import (
    HISTORY,
    LOOSE,
    MOST_USERS,
    START,
    About,
    Accusation,
    Past,
    Row,
    Scene,
    User,
    What,
    statement_bits,
)
from cowcheck.machine.record.event import WIDTH, C
from cowcheck.machine.trace.event_check import problem_of
from cowcheck.machine.trace.header import Header
from cowcheck.model.views import View


class Native:
    """Feeds on events and tells of what they break; the same as ``Reference``, a few hundred times as fast."""

    def __init__(self, header: Header, judge: Judge, tell: Callable[[Accusation], None]) -> None:
        self.header, self.tell, self.judge = header, tell, judge
        self.bits = statement_bits(judge)
        self.use(np.zeros(1, state_dtype(header.frames)))
        for name, value in (
            ("first_ppn", header.first_ppn),
            ("frame_count", header.frames),
            ("hart_count", header.harts),
            ("counts", header.counts is not None),
            ("ownership", header.ownership),
        ):
            self.state[name] = value
        forget_decisions(self.state)
        self.begin()

    def use(self, states: Any) -> None:
        """Goes on in another record of the same kind, with what is in it."""
        self.states = states
        self.state: Any = states[0]

    def begin(self) -> None:
        """A run starts: nothing is known."""
        reset(self.state)

    @property
    def forks(self) -> int:
        return int(self.state["forks"])

    @property
    def returns(self) -> int:
        return int(self.state["returns"])

    def drain(self) -> Iterator[tuple[View, int]]:
        """The views judged since the last call, with how often each was."""
        memo = self.state["memo"]
        for at in np.flatnonzero(memo["hits"]):
            if memo["key"][at] != NIL:
                yield unpack(int(memo["key"][at])), int(memo["hits"][at])
        memo["hits"] = 0

    def feed(self, rows: Words, number: int) -> None:
        """Takes events that concern frames and processes. ``number`` is that of the first."""
        at = 0
        while True:
            code, stopped = run(self.states, rows, at, number + at)
            at = int(stopped)
            if code == GO:
                return
            if code == ASK:
                self._decide(int(self.state["asked_key"]))
            elif code == FOUND:
                self._accuse()
            else:
                raise BadEvent(number + at, self._problem(code, rows[at]))

    def settle(self) -> None:
        """The state in which the run starts is known now: it is judged as a whole."""
        if self.state["initial"]:
            self.feed(np.array([START], np.int64), int(self.state["number"]))

    def _decide(self, key: int) -> None:
        if self.state["memo_used"] >= MEMO // 2:
            self.on_full()
            forget_decisions(self.state)
        mask = sum(self.bits[broken] for broken in self.judge.broken(unpack(key)))
        self.remember(self.state, key, mask)

    def remember(self, state: Any, key: int, mask: int) -> None:
        """A view is decided: which statements it breaks, as bits."""
        entry = state["memo"][place_in_memo(state, key)]
        entry["key"], entry["mask"], entry["hits"] = key, mask, 0
        state["memo_used"] += 1

    def on_full(self) -> None:
        """Called before decisions are forgotten, so that whoever counts them can."""

    def _accuse(self) -> None:
        state = self.state
        mask = int(state["found_mask"])
        broken = tuple(it for it, bit in self.bits.items() if mask & bit)
        ppn, pid, vpn, other, actor = (int(state[name]) for name in ("ppn", "pid", "vpn", "other", "actor"))
        about = About(What(int(state["what"])), ppn if ppn != NIL else None, pid, vpn, other, actor)
        row = tuple(int(value) for value in state["row"])
        view = unpack(int(state["found_key"]))
        self.tell(Accusation(view, broken, about, int(state["number"]), row, self.scene(about)))

    def _problem(self, code: int, row: Words) -> str:
        values = [int(value) for value in row]
        if code == BAD_ROW:
            return problem_of(values, self.header.harts) or f"an event of kind {values[0]} does not belong here"
        if code == BAD_OLD:
            known = int(self.state["known_pte"])
            return f"'old' of a pte event is {values[C]:#x}, and by the events before it is {known:#x}"
        assert code == CROWDED
        return "there are more processes or pages at once than any xv6 has"

    # --- what is told with it ---

    def scene(self, about: About) -> Scene:
        """What is known around a frame, and of the path of process ``about.actor``."""
        state = self.state
        slot = find_process(state, about.actor) if about.actor else NIL
        trap: Row | None = None
        at = int(state["processes"][slot]["first_fault"]) if slot != NIL else 0
        if slot != NIL and state["processes"][slot]["trapped"]:
            trap = tuple(int(value) for value in state["processes"][slot]["trap"])
        frame = NIL if about.frame is None else about.frame - self.header.first_ppn
        if not 0 <= frame < self.header.frames:
            return Scene(trap=trap, first_fault=at)
        it = state["frames"][frame]
        count = int(it["past_count"])
        past = [self._past(frame, at % HISTORY) for at in range(max(0, count - HISTORY), count)]
        since = self._past(frame, SINCE) if it["since"] else None
        users = sorted(self._users(frame), key=lambda user: (user.pid, user.vpn))
        return Scene(tuple(users[:MOST_USERS]), tuple(past), since, trap, at)

    def unclaimed(self) -> list[int]:
        """The frames (ppn) that are neither free, nor mapped, nor in some use of the kernel's that was told."""
        frames = self.state["frames"][: self.header.frames]
        role = frames["role"]
        loose = (frames["free"] == 0) & (frames["first"] == NIL) & np.isin(role, LOOSE) & (frames["past_count"] > 0)
        return [int(frame) + self.header.first_ppn for frame in np.flatnonzero(loose)]

    def _past(self, frame: int, at: int) -> Past:
        values = [int(value) for value in self.state["past"][frame, at]]
        return Past(values[NUMBER], tuple(values[:WIDTH]), values[FREE_BEFORE], values[BROKEN])

    def _users(self, frame: int) -> Iterator[User]:
        state = self.state
        mapping = int(state["frames"][frame]["first"])
        while mapping != NIL:
            it = state["mappings"][mapping]
            pid = int(state["processes"][int(it["slot"])]["pid"])
            yield User(pid, int(it["vpn"]), int(it["pte"]), bool(is_visible(state, mapping)))
            mapping = int(it["next_of_frame"])

    def ppn_of(self, pid: int, vpn: int) -> int | None:
        """The frame that a page of a process leads to; None where it is not mapped."""
        slot = find_process(self.state, pid)
        mapping = find_mapping(self.state, slot, vpn) if slot != NIL else NIL
        pte = int(self.state["mappings"][mapping]["pte"]) if mapping != NIL else 0
        return pte >> 10 & (1 << 44) - 1 if pte else None
