"""Turns accusations into findings: each cause is told once, and what follows from it is told with it.

A cause is an invariant's statement together with the kernel function whose step was the first wrong one; of a function
that many others call, with its caller. Of a panic it is the line that panicked, and its caller. What is broken of a
frame that a finding of the same run is about follows from that. A panic or a hang of a run that has gone wrong before
may follow from it, so it is told there, as what it is: perhaps another bug.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cowcheck.checker.judge import Broken, Judge
from cowcheck.checker.verify.effect import mapped
from cowcheck.checker.verify.finding import Finding, Step
from cowcheck.checker.verify.first_wrong import first_wrong
from cowcheck.checker.verify.rights import leads_to
from cowcheck.checker.verify.scene import Accusation, Past, User, What, statement_bits
from cowcheck.checker.verify.sentences import sentence, what_happened
from cowcheck.checker.verify.witness import Witness
from cowcheck.checker.verify.words import fault_text, frame_name, trap_text, user_text
from cowcheck.machine.record.event import BY, HART, KIND, PC, PID, TIME, A, B, C, Came, D, EventKind
from cowcheck.model.sv39 import PTE_V
from cowcheck.model.views import LoadView

MOST_FINDINGS = 200
OF_THE_RUN = (What.PANIC, What.HANG, What.BROKEN, What.CENSUS)  # which may follow from whatever went wrong before
STOPPED = (What.PANIC, What.HANG, What.BROKEN)
MOST_LATER, MOST_OUTCOMES, MOST_ELSEWHERE, MOST_LOST = 3, 2, 3, 8
LATER = "Seen later in the same run; perhaps another bug:"

Key = tuple[object, ...]


@dataclass(slots=True)
class _Draft:
    finding: Finding
    what: What
    further: int = 0
    then: dict[str, None] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, None] = field(default_factory=dict)
    elsewhere: dict[str, None] = field(default_factory=dict)

    def add(self, accusation: Accusation, invariant: str) -> None:
        """What follows from it."""
        if accusation.about.what is What.OUTCOME:
            self.outcomes[what_happened(accusation)] = None
        if invariant == self.finding.invariant:
            self.further += 1
        else:
            self.then[invariant] = None

    def again(self, where: str) -> None:
        """The same, elsewhere."""
        self.further += 1
        if where and where != self.finding.during:
            self.elsewhere[where] = None

    def also(self) -> tuple[str, ...]:
        """The sentences, of each kind the first few."""
        return (
            *(f"{LATER} {text}" for text in list(self.later.values())[:MOST_LATER]),
            *list(self.outcomes)[:MOST_OUTCOMES],
        )


class Court:
    """Hears accusations in the order of the events."""

    def __init__(self, judge: Judge) -> None:
        self.bits = statement_bits(judge)
        self.witness = Witness()
        self.run = ""
        self.violated: dict[str, int] = {}  # how often, by invariant
        self.in_run: dict[str, None] = {}  # those of the run
        self._drafts: dict[Key, _Draft] = {}
        self._of_frame: dict[int, _Draft] = {}
        self._first: _Draft | None = None

    def begin(self, run: str) -> None:
        """Another run starts, from another state."""
        self.run = run
        self.witness.begin()
        self._of_frame.clear()
        self._first = None
        self.in_run = {}

    def hear(self, accusation: Accusation) -> None:
        """A view breaks statements."""
        accusation = accusation._replace(scene=accusation.scene._replace(names=self.witness.names))
        for broken in accusation.broken:
            self.violated[broken.invariant] = self.violated.get(broken.invariant, 0) + 1
            self.in_run[broken.invariant] = None
            self._hear(accusation, broken)

    def findings(self) -> tuple[Finding, ...]:
        """What was found, in the order of the recording."""
        return tuple(
            replace(
                draft.finding,
                further=draft.further,
                elsewhere=tuple(draft.elsewhere)[:MOST_ELSEWHERE],
                then=tuple(draft.then),
                also=draft.also(),
            )
            for draft in self._drafts.values()
        )

    def _hear(self, accusation: Accusation, broken: Broken) -> None:
        about = accusation.about
        in_ram = about.frame if accusation.scene.history else None  # what is no frame has no one cause
        cause = self._of_frame.get(in_ram) if in_ram is not None else None
        if about.what is What.CENSUS:
            cause = next((self._of_frame[ppn] for ppn, _ in accusation.scene.lost if ppn in self._of_frame), None)
        if about.what is What.OUTCOME and isinstance(accusation.view, LoadView) and self._of_frame:
            cause = self._first
        if cause:
            cause.add(accusation, broken.invariant)
            return
        first = first_wrong(accusation, self.bits[broken])
        key = (broken.invariant, broken.statement.says, about.what, *self._key(accusation, first))
        draft = self._drafts.get(key)
        if draft:
            draft.again(self._during(accusation))
        elif self._first and about.what in OF_THE_RUN:
            self._follows(self._first, accusation, broken.invariant)
            return
        elif len(self._drafts) < MOST_FINDINGS:
            draft = self._drafts[key] = _Draft(self._finding(accusation, broken, first), about.what)
        if draft:
            self._first = self._first or draft
            if in_ram is not None:
                self._of_frame[in_ram] = draft

    def _follows(self, draft: _Draft, accusation: Accusation, invariant: str) -> None:
        """The run stops, or frames are missing at its end, and something had gone wrong in it before."""
        if accusation.about.what is What.HANG and draft.what is What.FOR_EVER:
            return  # the recorder stopped the run for that very reason
        if invariant != draft.finding.invariant:
            draft.then[invariant] = None
        what, row, happened = accusation.about.what, accusation.row, what_happened(accusation)
        if what is What.PANIC:
            inner = self.witness.lowest() or [row[PC]]
            where = ", called from ".join(filter(None, map(self.witness.place, inner[:2])))
            draft.later.setdefault(f"{happened} {where}", f"{happened} It was in {where}." if where else happened)
        elif what is What.CENSUS:
            lost = "".join(f" {self._lost(*item)}." for item in accusation.scene.lost[:MOST_LATER])
            draft.later.setdefault("census", happened + lost)
        else:
            draft.later.setdefault(happened, happened)

    # --- what is to blame ---

    def _key(self, accusation: Accusation, first: Past | None) -> Key:
        """What tells two causes of one statement apart."""
        witness, row = self.witness, accusation.row
        match accusation.about.what:
            case What.PANIC | What.BROKEN:
                inner = witness.lowest() or [row[PC]]
                caller = inner[1] if len(inner) > 1 else row[BY]
                return witness.place(inner[0]), witness.function(caller)
            case What.HANG:
                return tuple(sorted(witness.waits()))
            case What.FOR_EVER:
                handler = witness.culprit(first.row) if first else ""
                return accusation.about.other, handler, accusation.about.frame is None
        return (witness.culprit(first.row if first else row),)

    # --- the finding ---

    def _finding(self, accusation: Accusation, broken: Broken, first: Past | None) -> Finding:
        scene, about, witness = accusation.scene, accusation.about, self.witness
        stopped = about.what in STOPPED
        fault = witness.fault if about.what is What.PANIC else None
        ppn = about.frame
        return Finding(
            invariant=broken.invariant,
            message=sentence(accusation, broken.statement),
            run=self.run,
            event=accusation.number,
            time=accusation.row[TIME],
            frame=ppn,
            users=tuple(user_text(user, scene.names) for user in scene.users or _mapped_by(first, ppn)),
            first_wrong=self._first_step(accusation, first),
            steps=tuple(witness.step(past, ppn) for past in scene.history) if ppn is not None else (),
            stack=witness.stack() if about.what is What.PANIC else witness.stacks() if stopped else (),
            fault=fault_text(fault, witness.place(fault[PC])) if fault else "",
            lost=tuple(self._lost(*item) for item in scene.lost[:MOST_LOST]),
            began=trap_text(scene.trap, scene.names) if scene.trap and not _is_gone(accusation) else "",
            during=self._during(accusation),
            console=tuple(witness.console),
            further=0,
            elsewhere=(),
            then=(),
            also=(),
            mappings=tuple(filter(None, (mapped(user, ppn) for user in scene.users))),
        )

    def _during(self, accusation: Accusation) -> str:
        """Where the process was that failed."""
        about = accusation.about
        if about.what is What.OUTCOME or about.what is What.CENSUS:
            return ""  # that is what the sentence says
        return self.witness.where(about.pid or about.actor or accusation.row[PID])

    def _lost(self, ppn: int, past: Past) -> str:
        step = self.witness.step(past, ppn)
        called = f", called from {step.called_at}" if step.called_at else ""
        where = self.witness.where(step.pid, past.number)
        told = f"{frame_name(ppn)}: last in {step.place or '(no place)'}{called} ({step.what}, event {step.event:,})"
        return f"{told}; {where}" if where else told

    def _first_step(self, accusation: Accusation, first: Past | None) -> Step | None:
        about, row = accusation.about, accusation.row
        if about.what is What.PANIC and row[PC]:
            calls = [call[PC] for call in self.witness.calls if call[HART] == row[HART]]
            called_at = self.witness.place(calls[1]) if len(calls) > 1 else ""
            place = self.witness.place(row[PC])
            return Step(accusation.number, row[TIME], row[HART], row[PID], "panic", place, called_at)
        return self.witness.step(first, about.frame) if first and about.frame is not None else None


def _mapped_by(step: Past | None, ppn: int | None) -> Iterable[User]:
    """The page that a step maps to what is no frame of RAM: of such nobody keeps who maps it."""
    if step and step.row[KIND] == EventKind.PTE and step.row[D] & PTE_V and leads_to(step.row[D]) == ppn:
        yield User(step.row[A], step.row[B], step.row[D], visible=True)


def _is_gone(accusation: Accusation) -> bool:
    """Whether the process that it is about has ended, so that the path in progress is another one's."""
    return accusation.row[KIND] == EventKind.OUTCOME and accusation.row[C] == Came.KILLED
