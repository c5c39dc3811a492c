"""Exploring one race of a kernel: the schedules that a strategy asks for, each judged; the points found on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cowcheck.checker.check.conduct import Listener
from cowcheck.checker.check.subject import Subject as Submission
from cowcheck.checker.interleave.decision_trace import Counts, DecisionTrace
from cowcheck.checker.interleave.judging import ScheduleJudge
from cowcheck.checker.interleave.minimise import minimised
from cowcheck.checker.interleave.result import Line, RaceFinding, RaceResult
from cowcheck.checker.interleave.strategy import Outcome, Strategy, preemptions
from cowcheck.checker.verify.finding import Finding
from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE, PAGE
from cowcheck.machine.interleave.analysis import Analysis, Analyst, DataRace, Subject
from cowcheck.machine.interleave.execution import Execution
from cowcheck.machine.interleave.interleaver import Interleaver
from cowcheck.machine.interleave.schedule import Schedule
from cowcheck.machine.interleave.state import IS_FRAME
from cowcheck.machine.program import inabilities
from cowcheck.machine.program.scenario_program import scenario_workload
from cowcheck.machine.program.workload import Workload
from cowcheck.machine.record.event import Ending
from cowcheck.machine.record.kernel import Kernel
from cowcheck.machine.record.observer import COUNTS_ARRAY
from cowcheck.machine.rig import Rig
from cowcheck.model.errors import CowcheckError
from cowcheck.specs.races import Race

MOST_ROUNDS = 24
BEYOND = "xv6 itself, of the year of this kernel, panics there"
SEQUEL_INSTRUCTIONS = 400_000_000
MOST_SEQUELS = 16  # of one race: final states that differ, from each of which the workload is run to its end


@dataclass(frozen=True, slots=True)
class Budget:
    """Of one race. ``accesses``: logged ones, which is what a schedule's time goes with, on any machine alike."""

    schedules: int = 100_000
    accesses: int = 20_000_000


@dataclass(slots=True)
class Explorer:
    """Explores the races of one submission; the rig is kept from race to race."""

    submission: Submission
    new_strategy: Callable[[int], Strategy]  # given the number of harts
    budget: Budget = field(default_factory=Budget)
    everything: bool = False  # every word that two harts touch is a point
    sequels: bool = True
    trace: DecisionTrace | None = None

    def explore(self, race: Race) -> RaceResult:
        """Every schedule that the strategy asks for, within the budget."""
        exploration = _Exploration(self, race)
        try:
            return exploration.result()
        finally:
            exploration.judge.close()

    def replay(self, race: Race, schedule: Schedule, points: tuple[int, ...], everything: bool = False) -> Replayed:
        """Runs one schedule once more; ``everything``: all that it did is told, not only what it is about."""
        return _Exploration(self, race).replayed(schedule, points, everything)

    def trace_of(self, kernel: Kernel) -> DecisionTrace:
        """What tells executions of the kernel."""
        if self.trace is None:
            self.trace = DecisionTrace(kernel)
        return self.trace

    def at(self, harts: int) -> Interleaver:
        """An interleaver on a rig of so many harts. The rig alone keeps it, and the submission keeps one rig."""
        rig = self.submission.rig(harts)
        assert isinstance(rig, Rig)  # interleaving is refused on other machines
        return Interleaver.of(rig)


@dataclass(frozen=True, slots=True)
class Replayed:
    """One schedule that was run once more."""

    execution: Execution
    harts: int
    violated: frozenset[str]
    state: int
    lines: tuple[Line, ...]


class _Exploration:
    """One race."""

    def __init__(self, explorer: Explorer, race: Race) -> None:
        self.explorer, self.race = explorer, race
        self.workload: Workload = scenario_workload(race.scenario(), race.spare, cached=True)
        self.harts = len(self.workload.gates)
        if self.harts < 2:
            raise CowcheckError(f"{race.name}: its processes never meet, so there is nothing to interleave")
        self.interleaver = explorer.at(self.harts)
        self.kernel = explorer.submission.kernel
        self.trace = explorer.trace_of(self.kernel)
        header = explorer.submission.header(self.harts, race.name)
        self.judge = ScheduleJudge(header, self.kernel, race.name, self.trace.wait_text)
        self.listener = Listener(self.workload, frozenset())
        self.analyst = Analyst(
            self.interleaver.board.ram,
            subject_of(self.interleaver),
            self.interleaver.shared["hot"],
            not self.workload.exhausts_memory,
        )
        self.findings: list[RaceFinding] = []
        self.data_races: dict[tuple[int, int, int], DataRace] = {}
        self.finals: set[int] = set()
        self.schedules = self.pruned = self.sequels = self.accesses = self.cut = 0
        self.strategy: Strategy | None = None

    def result(self) -> RaceResult:
        if self.workload.needs & inabilities(self.kernel.elf.data):
            return RaceResult(self.race.name, self.harts, problem=BEYOND, beyond=True)
        problem = self.interleaver.set_up(self.workload, self.judge.take, self.listener.hear)
        if problem:
            return RaceResult(self.race.name, self.harts, problem=problem)
        self.interleaver.cool(self.explorer.everything)
        before = self.judge.freeze()
        if before:
            return RaceResult(self.race.name, self.harts, problem=f"it goes wrong before its processes meet: {before}")
        for _ in range(MOST_ROUNDS):
            if not self._round():
                break
        assert self.strategy is not None
        return RaceResult(
            self.race.name,
            self.harts,
            schedules=self.schedules,
            pruned=self.pruned,
            points=len(self.interleaver.hot),
            complete=self.strategy.complete,
            exhausted=self.strategy.exhausted,
            left=self.strategy.left,
            finals=len(self.finals),
            sequels=self.sequels,
            cut=self.cut,
            findings=tuple(self.findings),
            data_races=self._data_races(),
        )

    def replayed(self, schedule: Schedule, points: tuple[int, ...], everything: bool) -> Replayed:
        """One schedule, with these preemption points. Raises :class:`CowcheckError` where the race cannot begin."""
        interleaver = self.interleaver
        problem = interleaver.set_up(self.workload, self.judge.take, self.listener.hear)
        if problem:
            raise CowcheckError(f"race {self.race.name} cannot be run: {problem}")
        interleaver.cool(self.explorer.everything)
        self.judge.freeze()
        interleaver.heat(points)
        execution = interleaver.run(schedule)
        state = interleaver.digest()
        found = self.judge.alone(execution)
        violated = {name for item in found for name in (item.invariant, *item.then)}
        if not found and execution.ending is None:
            listener = self.listener.copy()
            rows, texts = interleaver.finish(listener.hear, listener.close, SEQUEL_INSTRUCTIONS)
            violated |= {item.invariant for item in self.judge.alone(execution, (rows, texts))}
        frame = found[0].frame if found else None
        interleaver.restore()
        counts = counts_at(interleaver, frame) if frame is not None else None
        lines = self.trace.lines(interleaver.run(schedule), None if everything else frame, counts)
        return Replayed(execution, self.harts, frozenset(violated), state, lines)

    def _round(self) -> bool:
        """One search; True where it has met words that must be points, so that another has to follow."""
        self.strategy = self.explorer.new_strategy(self.harts)
        new: set[int] = set()
        for outcome in self.strategy.search(self._run):
            self._judge(outcome)
            new = self._points(outcome.analysis) - self.interleaver.hot
            if new or self._is_spent():
                break
        self.pruned += self.strategy.pruned
        self.interleaver.heat(sorted(new))
        return bool(new)

    def _is_spent(self) -> bool:
        return self.schedules >= self.explorer.budget.schedules or self.accesses >= self.explorer.budget.accesses

    def _run(self, schedule: Schedule) -> tuple[Execution, Analysis]:
        execution = self.interleaver.run(schedule)
        self.schedules += 1
        self.accesses += len(execution.log)
        return execution, self.analyst.analyse(execution.steps, execution.log, self.harts)

    def _points(self, analysis: Analysis) -> set[int]:
        words = {*analysis.atomics, *(race.address for race in analysis.races)}
        return {*analysis.locks, *words, *(analysis.shared if self.explorer.everything else ())}

    def _judge(self, outcome: Outcome) -> None:
        execution = outcome.execution
        for race in outcome.analysis.races:
            self.data_races.setdefault((race.address, race.first_pc, race.second_pc), race)
        at_once = self.judge.judge(execution)
        self.cut += execution.ending is Ending.BUDGET
        if self.explorer.sequels and execution.ending is None and not execution.waiting:
            final = self.interleaver.digest()
            if final not in self.finals:
                self.finals.add(final)
                if self.sequels < MOST_SEQUELS:
                    self.sequels += 1
                    listener = self.listener.copy()
                    rows, texts = self.interleaver.finish(listener.hear, listener.close, SEQUEL_INSTRUCTIONS)
                    self.judge.more(rows, texts)
        later = self.judge.found > len(self.findings) + at_once
        for number in range(len(self.findings), self.judge.found):
            is_later = later and number >= len(self.findings) + at_once
            self.findings.append(self._finding(self.judge.finding(number), outcome, is_later))

    def _finding(self, finding: Finding, outcome: Outcome, later: bool) -> RaceFinding:
        """The finding with a schedule that shows it and has no switch too many."""
        schedule, count = outcome.execution.switches, outcome.preemptions
        if not later and len(schedule) > 1:
            schedule = minimised(schedule, lambda shorter: self._shows(shorter, finding))
        interleaver = self.interleaver
        interleaver.restore()
        counts = counts_at(interleaver, finding.frame) if finding.frame is not None else None
        execution = interleaver.run(schedule, exact=True)
        state = interleaver.digest()
        if schedule != outcome.execution.switches:
            count = preemptions(execution)
        same = [item for item in self.judge.alone(execution) if item.invariant == finding.invariant]
        return RaceFinding(
            same[0] if same else finding,  # with the places of the exact run
            self.race.name,
            schedule,
            count,
            tuple(sorted(interleaver.hot)),
            self.schedules,
            self.harts,
            self.trace.lines(execution, finding.frame, counts),
            state,
            later,
            self.trace.windows(execution),
        )

    def _shows(self, schedule: Schedule, finding: Finding) -> bool:
        """Whether a schedule breaks the same by the same first wrong step."""
        return any(
            (item.invariant, place_of(item)) == (finding.invariant, place_of(finding))
            for item in self.judge.alone(self.interleaver.run(schedule))
        )

    def _data_races(self) -> tuple[str, ...]:
        """Those on the words that copy-on-write is about, in words."""
        subject = self.analyst.subject
        told = []
        for race in self.data_races.values():
            what = "" if race.address & IS_FRAME else subject.name_of(race.address)
            if what:
                first, second = self.kernel.place(race.first_pc), self.kernel.place(race.second_pc)
                verb = "writes" if race.second_writes else "reads"
                told.append(f"{what}: {second} {verb} it, and no lock of xv6's orders that after {first}")
        return tuple(dict.fromkeys(told))


def place_of(finding: Finding) -> str:
    """The kernel function whose step was the first wrong one."""
    return finding.first_wrong.place.split(" ")[0] if finding.first_wrong else ""


def subject_of(interleaver: Interleaver) -> Subject:
    """The ranges of memory that copy-on-write is about in this kernel."""
    observer = interleaver.recorder.observer
    return Subject(
        KERNBASE + int(observer["image_end"]) * PAGE,
        (int(observer["proc"]), int(observer["proc_end"])),
        (int(observer["count_first"]), int(observer["count_end"])),
        tuple((int(head), int(head) + 8) for head in observer["list_heads"][: int(observer["lists"])]),
        int(observer["count_base"]),
        int(observer["count_stride"]) if observer["counts"] == COUNTS_ARRAY else 0,
    )


def counts_at(interleaver: Interleaver, ppn: int) -> Counts | None:
    """Where the count of a frame is kept, and what it is now; None where the kernel keeps no array by frame."""
    observer = interleaver.recorder.observer
    frame = ppn - FIRST_PPN
    if observer["counts"] != COUNTS_ARRAY or not 0 <= frame < FRAMES:
        return None
    size = int(observer["count_width"])
    at = int(observer["count_base"]) + frame * int(observer["count_stride"])
    if at < observer["count_first"] or at + size > observer["count_end"]:
        return None
    value = int.from_bytes(interleaver.board.ram[at - KERNBASE : at - KERNBASE + size].tobytes(), "little", signed=True)
    return Counts(ppn, at, size, value - int(observer["count_offset"]))
