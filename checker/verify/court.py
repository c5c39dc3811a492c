"""Turns accusations into findings: each cause is told once, and what follows from it is told with it.

A cause is an invariant's statement together with the kernel function whose step was the first wrong one. What is
broken of a frame that a finding of the same run is about follows from that; so do a panic or a hang of a run that has
gone wrong before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import takewhile

from cowcheck.checker.judge import Broken, Judge
from cowcheck.checker.verify.finding import Finding, Step
from cowcheck.checker.verify.scene import HISTORY, Accusation, Past, What, statement_bits
from cowcheck.checker.verify.sentences import sentence, what_happened
from cowcheck.checker.verify.words import address, step_text, trap_text, user_text
from cowcheck.machine.record.event import HART, KIND, PC, PID, TIME, A, B, EventKind
from cowcheck.model.views import LoadView

CONSOLE_LINES = 6
MOST_FINDINGS = 200
MOST_PLACES = 1 << 16
MOST_TEXT = 400  # characters of a text that are kept
OF_A_PAGE = (What.MAPPING, What.TRANSLATION, What.LOAD)
OF_THE_RUN = (What.PANIC, What.HANG, What.BROKEN, What.CENSUS)  # which follow from whatever went wrong before
IN_WORDS = (*OF_THE_RUN, What.OUTCOME)
MOST_ALSO = 6


@dataclass(slots=True)
class _Draft:
    finding: Finding
    further: int = 0
    then: dict[str, None] = field(default_factory=dict)
    also: dict[str, None] = field(default_factory=dict)

    def add(self, accusation: Accusation, invariant: str) -> None:
        """The same again, or what follows from it."""
        if invariant == self.finding.invariant:
            self.further += 1
        else:
            self.then[invariant] = None
        if accusation.about.what in IN_WORDS and len(self.also) < MOST_ALSO:
            self.also[what_happened(accusation)] = None


class Court:
    """Hears accusations in the order of the events."""

    def __init__(self, judge: Judge) -> None:
        self.bits = statement_bits(judge)
        self.places: dict[int, str] = {}
        self.console: deque[str] = deque(maxlen=CONSOLE_LINES)
        self.run = ""
        self.report = ""
        self.violated: dict[str, int] = {}  # how often, by invariant
        self._drafts: dict[tuple[object, ...], _Draft] = {}
        self._of_frame: dict[int, _Draft] = {}
        self._first: _Draft | None = None

    def begin(self, run: str) -> None:
        """Another run starts, from another state."""
        self.run, self.report = run, ""
        self.console.clear()
        self._of_frame.clear()
        self._first = None

    def name_place(self, pc: int, text: str) -> None:
        """The source place of a kernel address, as later findings tell it."""
        if len(self.places) < MOST_PLACES:
            self.places[pc] = text[:MOST_TEXT]

    def hear(self, accusation: Accusation) -> None:
        """A view breaks statements."""
        for broken in accusation.broken:
            self.violated[broken.invariant] = self.violated.get(broken.invariant, 0) + 1
            self._hear(accusation, broken)

    def findings(self) -> tuple[Finding, ...]:
        """What was found, in the order of the recording."""
        return tuple(
            replace(draft.finding, further=draft.further, then=tuple(draft.then), also=tuple(draft.also))
            for draft in self._drafts.values()
        )

    def _hear(self, accusation: Accusation, broken: Broken) -> None:
        about = accusation.about
        cause = self._of_frame.get(about.frame) if about.frame else None
        wrong_memory = about.what is What.OUTCOME and isinstance(accusation.view, LoadView)
        if about.what in OF_THE_RUN or (wrong_memory and self._of_frame):
            cause = self._first
        if cause:
            cause.add(accusation, broken.invariant)
            return
        first = self._first_wrong(accusation, self.bits[broken])
        key = (
            broken.invariant,
            broken.statement.says,
            about.what,
            self._function(first.row[PC] if first else accusation.row[PC]),
        )
        draft = self._drafts.get(key)
        if draft:
            draft.add(accusation, broken.invariant)
        elif len(self._drafts) < MOST_FINDINGS:
            draft = self._drafts[key] = _Draft(self._finding(accusation, broken, first))
        if draft:
            self._first = self._first or draft
            if about.frame:
                self._of_frame[about.frame] = draft

    @staticmethod
    def _first_wrong(accusation: Accusation, bit: int) -> Past | None:
        """The step from which on the frame broke this statement, or which led a page to it that should not be as it
        is."""
        scene, about = accusation.scene, accusation.about
        if not scene.history:
            return None
        if about.what in OF_A_PAGE:
            of_page = (past for past in reversed(scene.history) if past.row[KIND] == EventKind.PTE)
            return next(
                (past for past in of_page if past.row[A] == about.pid and past.row[B] == about.vpn), scene.history[-1]
            )
        since = list(takewhile(lambda past: past.broken & bit, reversed(scene.history)))
        if len(since) == HISTORY and scene.since and scene.since.broken & bit:
            return scene.since
        return since[-1] if since else scene.history[-1]

    def _function(self, pc: int) -> str:
        return self.place(pc).split(" ")[0].split("(")[0]

    def place(self, pc: int) -> str:
        """The source place of a kernel address, or the address."""
        return self.places.get(pc) or (address(pc) if pc else "")

    def _finding(self, accusation: Accusation, broken: Broken, first: Past | None) -> Finding:
        scene, about = accusation.scene, accusation.about
        return Finding(
            invariant=broken.invariant,
            message=sentence(accusation, broken.statement),
            run=self.run,
            event=accusation.number,
            time=accusation.row[TIME],
            frame=about.frame or None,
            users=tuple(user_text(user) for user in scene.users),
            first_wrong=self._first_step(accusation, first),
            steps=tuple(self._steps(scene.history, about.frame)),
            began=trap_text(scene.trap) if scene.trap else "",
            during=self.report,
            console=tuple(self.console),
            further=0,
            then=(),
            also=(),
        )

    def _first_step(self, accusation: Accusation, first: Past | None) -> Step | None:
        about, row = accusation.about, accusation.row
        if about.what is What.PANIC and row[PC]:
            return Step(accusation.number, row[TIME], row[HART], row[PID], "panic", self.place(row[PC]))
        return self._step(first, about.frame) if first and about.frame else None

    def _steps(self, history: Iterable[Past], ppn: int) -> Iterable[Step]:
        return (self._step(past, ppn) for past in history)

    def _step(self, past: Past, ppn: int) -> Step:
        row = past.row
        return Step(past.number, row[TIME], row[HART], row[PID], step_text(past, ppn), self.place(row[PC]))
