"""The page of explorations of designs: tables of what was explored, and a story for each counterexample shown.

A story's steps stand in the result. Its pictures are of the states between them, which do not: the schedule is run
again, as replaying a saved counterexample does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from cowcheck.checker.counterexample import short_names, sizes
from cowcheck.checker.html.of_state import pictures
from cowcheck.checker.html.page import Page, Passage, Source, Step, Story, Table
from cowcheck.checker.html.picture import Picture
from cowcheck.checker.job import load
from cowcheck.checker.ranking import worst
from cowcheck.checker.report import Explored, Shown, replay_lines, summary_line
from cowcheck.checker.result import Coverage, Result, Verdict, Violation, setup_length
from cowcheck.checker.trace import Step as Told
from cowcheck.checker.trace import Teller
from cowcheck.specs.invariants import INVARIANTS, find_invariant

_FLAGS = "R read, W write, X execute, U user, C copy-on-write mark"


def page_of_exploration(
    explored: Sequence[Explored], shown: Sequence[Shown], coverage: Sequence[Coverage], saved: str = ""
) -> Page:
    """The page; ``saved`` is the file that the counterexamples were written to, in their order, empty for none."""
    results = [item.result for item in explored]
    designs = list(dict.fromkeys(result.subject.design for result in results))
    what = designs[0] if len(designs) == 1 else f"{len(designs)} designs"
    scenarios = list(dict.fromkeys(result.subject.scenario for result in results))
    where = scenarios[0] if len(scenarios) == 1 else f"{len(scenarios)} scenarios"
    return Page(
        title=f"{what} in {where}",
        verdict=str(worst(results)),
        summary=summary_line(explored).plain,
        subject=(sizes(results[0].subject),) if len(results) == 1 else (),
        warnings=tuple(_warnings(results)),
        stories=tuple(
            _story(item, saved, number if len(shown) > 1 else 0) for number, item in enumerate(shown, start=1)
        ),
        tables=(_invariants(results), _explorations(results), *_outcomes(results)),
        passages=tuple(_unreached(item) for item in coverage),
    )


# --- tables ---


def _invariants(results: Sequence[Result]) -> Table:
    """For each invariant, in how many explorations it was judged, on how many states, and what came of it."""
    rows = []
    searched = [result for result in results if result.error is None]
    for invariant in INVARIANTS:
        judged = [result for result in searched if invariant.name not in result.not_checked]
        violated = [item for item in judged if any(v.invariant == invariant.name for v in item.violations)]
        reasons = dict.fromkeys(
            result.not_checked[invariant.name] for result in searched if invariant.name in result.not_checked
        )
        reasons |= dict.fromkeys(result.error.message for result in results if result.error is not None)
        status = "violated" if violated else "holds" if judged else "not checked"
        if judged and not violated and any(not result.stats.complete for result in judged):
            status = "holds so far"
        told = []
        if judged:
            states = sum(result.stats.states for result in judged)
            told.append(f"judged in {_counted(len(judged), 'exploration')}, {_counted(states, 'state')}")
        if violated:
            told.append(f"violated in {', '.join(dict.fromkeys(item.subject.scenario for item in violated))}")
        if reasons:
            missing = len(results) - len(judged)
            some = f" in {missing} of {len(results)}" if judged else ""
            told.append(f"not checked{some}, because {'; '.join(reasons)}")
        rows.append((invariant.name, status, "; ".join(told), invariant.summary))
    return Table("Invariants", ("invariant", "status", "how much was judged", "what it says"), tuple(rows), state=1)


def _explorations(results: Sequence[Result]) -> Table:
    headers = ("design", "scenario", "verdict", "states", "transitions", "depth", "found")
    rows = []
    for result in results:
        found = [("then " if item.after else "") + item.invariant for item in result.violations]
        if result.stats.stopped:
            found.append(f"ended by: {result.stats.stopped}")
        if result.error is not None:
            found.append(f"not explored: {result.error.message}")
        stats = result.stats
        rows.append(
            (
                result.subject.design, result.subject.scenario, str(result.verdict), f"{stats.states:,}",
                f"{stats.transitions:,}", str(stats.depth), ", ".join(found) or "nothing",
            )
        )  # fmt: skip
    return Table("Explorations", headers, tuple(rows), state=2)


def _outcomes(results: Sequence[Result]) -> Iterator[Table]:
    """What the end states leave to be seen."""
    rows = tuple(
        (result.subject.design, result.subject.scenario, outcome, f"{count:,}")
        for result in results
        for outcome, count in result.outcomes.items()
    )
    if rows:
        yield Table("Outcomes", ("design", "scenario", "left at the end", "end states"), rows, folded=len(results) > 1)


def _unreached(coverage: Coverage) -> Passage:
    lines = tuple(
        f"{line.source}  {line.code.partition('  # ')[0]}" + ("  (it only panics)" if line.panic else "")
        for line in coverage.unreached
    )
    title = f"{coverage.design}: lines that none of the {coverage.scenarios} scenarios reached"
    return Passage(title, lines or ("none: every line was reached",))


def _warnings(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        if result.verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR):
            why = result.stats.stopped if result.error is None else result.error.message
            yield f"{result.subject.design} in {result.subject.scenario}: {result.verdict}, because of {why}"


# --- stories ---


def _story(shown: Shown, saved: str, number: int) -> Story:
    result = shown.explored.result
    violation = shown.violation
    skipped = setup_length(violation.steps)
    told = (*violation.steps[skipped:], *violation.cycle)
    files = short_names(part.place.file for step in told for part in step.parts)
    full = tuple(file for file, short in files.items() if file != short)
    things = re.findall(r"\bframe \d+|[\w-]+'s page \d+", violation.message, re.IGNORECASE)
    about = re.compile("|".join(rf"\b{re.escape(thing)}\b" for thing in things) or r"(?!)", re.IGNORECASE)
    remarks = [f"It follows from a violation of {violation.after}, at step {violation.after_step}."] * bool(
        violation.after
    )
    if shown.others:
        others = ", ".join(scenario for scenario, _ in shown.others)
        remarks.append(f"Violated as well in {others}.")
    if violation.invariant == "progress" and not violation.cycle:
        remarks.append("After the last step no process can take another one.")
    return Story(
        title=f"{violation.invariant}: {result.subject.design} in {result.subject.scenario}",
        claim=f"This violates {violation.invariant}: {find_invariant(violation.invariant).summary}.",
        message=violation.message,
        remarks=tuple(remarks),
        start=Passage(
            f"Boot and setup, {skipped} steps in which one process runs at a time, leave this ({_FLAGS}):",
            violation.setup,
        ),
        harts=tuple((hart, f"hart {hart}") for hart in sorted({step.hart for step in told})),
        steps=tuple(
            _step(step, files, about, repeats=number >= len(violation.steps) - skipped)
            for number, step in enumerate(told)
        ),
        pictures=_pictures(shown, violation, skipped),
        passages=(Passage("Files", full),) if full else (),
        commands=tuple(
            line[line.index("cowcheck ") :] for line in replay_lines(shown, saved, number) if "cowcheck " in line
        ),
    )


def _step(step: Told, files: Mapping[str, str], about: re.Pattern[str], *, repeats: bool) -> Step:
    _, colon, words = step.action.partition(": ")
    seen = []
    if step.action == "timer interrupt":
        seen.append(step.action)
    elif words == "page fault" or (colon and words.startswith("reads")):
        seen.append(words)
    sources = [
        Source(
            part.function,
            f"{files[part.place.file]}:{part.place.line}",
            part.code.partition("  # ")[0],
            (*(seen if number == 0 else ()), *part.changes),
        )
        for number, part in enumerate(step.parts)
    ]
    return Step(
        number=f"#{step.number}",
        hart=step.hart,
        who=step.process,
        sources=tuple(sources),
        marked=any(about.search(text) for text in (*seen, *step.changes)),
        repeats=repeats,
    )


def _pictures(shown: Shown, violation: Violation, skipped: int) -> tuple[Picture, ...]:
    """Of the state that the setup leaves, and after each step from there."""
    teller = Teller(*load(shown.explored.job))
    states = [teller.state]
    states += [teller.state for _ in teller.steps(violation.schedule)]
    return pictures(teller.model, states[skipped:])


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
