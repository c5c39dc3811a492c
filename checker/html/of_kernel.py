"""The page of a kernel: what was checked on it, a story for each finding, and the schedules that were explored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cowcheck.checker.html.of_effects import pictures
from cowcheck.checker.html.page import Page, Passage, Source, Step, Story, Table
from cowcheck.checker.interleave.decision_trace import MOST_LINES
from cowcheck.checker.interleave.report import MOST_WARNINGS, data_races, titles_of
from cowcheck.checker.interleave.result import Line, RaceFinding, RaceResult
from cowcheck.checker.interleave.verdict import findings
from cowcheck.checker.verify.finding import Finding
from cowcheck.checker.verify.finding import Step as Recorded
from cowcheck.checker.verify.report import OF_A_RACE
from cowcheck.checker.verify.result import KernelResult, Status
from cowcheck.specs.invariants import find_invariant


def page_of_kernel(result: KernelResult, commands: Sequence[str] = ()) -> Page:
    """The page; ``commands`` run again what went wrong."""
    header = result.header
    counts = {status: sum(check.status is status for check in result.checks) for status in Status}
    told = ", ".join(f"{count} {'hold' if status is Status.HOLDS else status}" for status, count in counts.items())
    runs = len(result.runs)
    return Page(
        title=header.kernel or "a kernel",
        verdict=str(result.verdict),
        summary=f"{told}; {result.events:,} events in {runs} run{'' if runs == 1 else 's'}",
        subject=tuple(_subject(result)),
        warnings=(
            *(f"Incomplete: {reason}" for reason in result.incomplete),
            *(f"Not checked, because: {reason}" for reason in result.unchecked),
        ),
        stories=tuple(_stories(result, tuple(commands))),
        tables=(_invariants(result), *_tables(result)),
        passages=tuple(_data_races(result.races or ())),
    )


def _subject(result: KernelResult) -> Iterator[str]:
    header = result.header
    harts = f"{header.harts} hart{'' if header.harts == 1 else 's'}"
    yield f"on {header.machine}, {harts}" if header.machine else harts
    if header.workload:
        yield f"workload: {header.workload}"
    if header.build_id:
        yield f"build {header.build_id}"


# --- tables ---


def _invariants(result: KernelResult) -> Table:
    done, runs = sum(run.ending == "done" for run in result.runs), len(result.runs)
    partly = f" ({done}/{runs} runs whole)" if done != runs else ""
    rows = []
    for check in result.checks:
        told = f"not checked, because {check.because}" if check.status is Status.NOT_CHECKED else ""
        if not told:
            times = f"judged {check.judged:,} time{'' if check.judged == 1 else 's'}"
            told = f"{times}, {check.because}" if check.because else times
            told += partly if check.status is Status.HOLDS else ""
        rows.append((check.invariant, str(check.status), told, find_invariant(check.invariant).summary))
    return Table("Invariants", ("invariant", "status", "how much was judged", "what it says"), tuple(rows), state=1)


def _tables(result: KernelResult) -> Iterator[Table]:
    if result.races:
        headers = ("race", "schedules", "every one up to", "final states", "violations", "remark")
        yield Table("Schedules explored", headers, tuple(_race(race) for race in result.races))
    if result.runs:
        rows = tuple((run.name, f"{run.events:,}", run.ending or "cut off", run.text) for run in result.runs)
        yield Table("Runs", ("workload", "events", "ending", "told"), rows, folded=True)


def _race(race: RaceResult) -> tuple[str, ...]:
    bound = f"{race.complete} preemption{'' if race.complete == 1 else 's'}" if race.complete >= 0 else "in part"
    remarks = [f"not explored, because {race.problem}"] if race.problem else []
    remarks += [f"at least {race.left:,} schedules left; --budget raises it"] if race.left else []
    remarks += [f"{race.cut:,} judged in part"] if race.cut else []
    return (
        race.race, f"{race.schedules:,}", "" if race.problem else bound, f"{race.finals:,}",
        str(len(race.findings)), "; ".join(remarks),
    )  # fmt: skip


def _data_races(races: Sequence[RaceResult]) -> Iterator[Passage]:
    lines = data_races([race for race in races if not race.problem])
    if lines:
        more = [f"and {len(lines) - MOST_WARNINGS} more, which --json writes"] * (len(lines) > MOST_WARNINGS)
        yield Passage("Data races that broke nothing in these schedules", (*lines[:MOST_WARNINGS], *more))


# --- stories ---


def _stories(result: KernelResult, commands: tuple[str, ...]) -> Iterator[Story]:
    for finding in result.findings:
        if not finding.run.startswith(OF_A_RACE):
            yield _of_finding(finding, commands)
    keys = {(item.invariant, item.message) for item in result.findings if item.run.startswith(OF_A_RACE)}
    for item in findings(result.races or ()):
        if (item.finding.invariant, item.finding.message) in keys:
            yield _of_race(item, commands)


def _of_finding(finding: Finding, commands: tuple[str, ...]) -> Story:
    first = finding.first_wrong
    steps = list(finding.steps)
    if first is not None and first not in steps:
        steps.insert(0, first)
    effects = [step.effect for step in steps]
    if first is not None and first not in finding.steps:
        effects[0] = None  # steps are missing between it and the others
    harts = sorted({step.hart for step in steps})
    return Story(
        title=f"{finding.invariant}: {finding.run or 'the recording'}, event {finding.event:,}",
        claim=f"This violates {finding.invariant}: {find_invariant(finding.invariant).summary}.",
        message=finding.message,
        remarks=(f"The kernel itself took this trap: {finding.fault}.",) if finding.fault else (),
        start=_start(len(steps)),
        harts=tuple((hart, f"hart {hart}") for hart in harts),
        steps=tuple(_recorded(step, marked=step == first) for step in steps),
        pictures=pictures(effects, finding.mappings) if steps else (),
        passages=tuple(_passages(finding)),
        commands=_of(finding.run, commands),
    )


def _start(steps: int) -> Passage:
    told = "Before the steps that touched the frame last. A star marks the first wrong step." if steps else ""
    return Passage(told, ())


def _recorded(step: Recorded, *, marked: bool) -> Step:
    who = f"process {step.pid}" if step.pid else "no process"
    called = (_source(f"called from {step.called_at}"),) if step.called_at else ()
    sources = (_source(step.place, step.what), *called)
    return Step(f"event {step.event:,}", step.hart, who, sources, marked)


def _of_race(item: RaceFinding, commands: tuple[str, ...]) -> Story:
    finding = item.finding
    how = "a race" if item.is_race else "no race: it happens without a preemption too"
    count = f"{item.preemptions} preemption{'' if item.preemptions == 1 else 's'}"
    remarks = [f"It takes {count}; {how}. It was found after {item.after:,} schedules."]
    if item.later:
        remarks.append("It shows when the processes go on from where this schedule ends.")
    whole = len(item.lines) < MOST_LINES
    titles = titles_of(item.lines)
    return Story(
        title=f"{finding.invariant}: race {item.race}",
        claim=f"This violates {finding.invariant}: {find_invariant(finding.invariant).summary}.",
        message=finding.message,
        remarks=tuple(remarks),
        start=Passage("Before the schedule: the processes are about to enter the kernel, each on its own hart.", ()),
        harts=tuple(sorted(titles.items())),
        steps=tuple(_line(line, finding.first_wrong) for line in item.lines),
        pictures=pictures(
            [line.effect for line in item.lines],
            () if item.later or not whole else finding.mappings,
            of_one=finding.frame is not None,
        ),
        passages=tuple(_passages(finding)),
        commands=_of(f"{OF_A_RACE}{item.race}", commands),
    )


def _line(line: Line, first: Recorded | None) -> Step:
    who = f"process {line.pid}" if line.pid else ""
    wrong = first is not None and (line.place, line.text) == (first.place, first.what)
    return Step("", line.hart, who, (_source(line.place, line.text),), marked=wrong, stops=line.switch)


def _source(place: str, *told: str) -> Source:
    """Of ``uvmcopy (kernel/vm.c:314), inlined in fork``, the function and the rest."""
    function, space, rest = place.partition(" (")
    return Source(function, rest.replace(")", "", 1) if space else "", told=told)


def _more(finding: Finding) -> Iterator[str]:
    if finding.began:
        yield f"The kernel was last entered by {finding.began}."
    if finding.during:
        yield f"In the workload, {finding.during}."
    if finding.then:
        yield f"Then, of the same frame or in the same run: {', '.join(finding.then)}."
    yield from finding.also
    if finding.further:
        yield f"The same was seen {finding.further:,} more time{'' if finding.further == 1 else 's'}."


def _passages(finding: Finding) -> Iterator[Passage]:
    if finding.frame is not None:
        name = f"Frame {finding.frame:#x} (physical address {finding.frame << 12:#x})"
        yield Passage(f"{name} is mapped by", finding.users or ("no process",))
    if more := tuple(_more(finding)):
        yield Passage("What else is known", more)
    if finding.stack:
        yield Passage("Where the kernel stopped, the innermost call first", finding.stack)
    if finding.lost:
        yield Passage("Lost", finding.lost)
    if finding.elsewhere:
        yield Passage("Seen again, where", finding.elsewhere)
    if finding.console:
        yield Passage("The kernel's last lines", finding.console)


def _of(run: str, commands: tuple[str, ...]) -> tuple[str, ...]:
    """The commands that are about this run; all where none names it."""
    name = run.removeprefix(OF_A_RACE).split(",", maxsplit=1)[0]
    return tuple(command for command in commands if name in command.split()) or commands
