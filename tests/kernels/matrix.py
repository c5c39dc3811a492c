"""The detection matrix: what a check says of every mutant and every variant of the test kernel, by running it.

    python tests/kernels/matrix.py docs/detection.md

Nothing here knows what is expected: the page is what the runs said. A mutant is run until the first workload or race
that shows a violation, the quick workloads first, then the races, then the slow workloads; a right kernel is run under
all of them. Two kernels are checked at a time.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from cowcheck.checker.check import Plan, Subject, conduct, open_kernel, plan
from cowcheck.checker.interleave.conduct import conduct as explore
from cowcheck.checker.interleave.plan import InterleaveOptions
from cowcheck.checker.interleave.plan import jobs as races_of
from cowcheck.checker.interleave.result import RaceResult
from cowcheck.checker.interleave.verdict import findings, with_races
from cowcheck.checker.result import Verdict
from cowcheck.checker.verify.verifier import Verifier
from cowcheck.machine.program import Workload, inabilities
from cowcheck.machine.rig import NotBooted
from cowcheck.model.errors import CowcheckError

HERE = Path(__file__).resolve().parent
WORKERS = 2
SLOW = ("allocations", "allocations-many-pages")


class Job(NamedTuple):
    """A kernel to be checked. ``pattern`` is 0 for one that is right."""

    name: str
    pattern: int
    summary: str
    concurrent: bool
    flags: tuple[str, ...]


class Row(NamedTuple):
    """What became of a kernel."""

    job: Job
    verdict: str
    booted: bool
    invariants: tuple[str, ...]  # in the order in which they were found
    shown_by: str  # a workload or a race
    after: str  # events of the check until then, or schedules of the race
    said: tuple[str, ...]  # why not everything could be checked

    @property
    def caught(self) -> bool:
        return self.verdict == Verdict.FAIL or not self.booted


def load(name: str) -> ModuleType:
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(f"test_kernel_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def jobs() -> list[Job]:
    """Every mutant, and then every kernel that is right."""
    mutants = load("mutants")
    return [
        *(Job(item.name, item.pattern, item.summary, item.concurrent, (item.flag,)) for item in mutants.MUTANTS),
        Job("right", 0, "the kernel as it is", False, ()),
        *(Job(item.name, 0, item.summary, False, (item.flag,)) for item in mutants.VARIANTS),
    ]


def in_order(chosen: Plan) -> list[tuple[Workload, int]]:
    """The workloads, the slow ones last."""
    return sorted(chosen.steps, key=lambda step: step[0].name in SLOW)


class _Verifying:
    """A verifier as a consumer."""

    def __init__(self, verifier: Verifier) -> None:
        self.begin = verifier.begin
        self.take = verifier.feed


def row(job: Job) -> Row:
    """Builds and checks one kernel."""
    try:
        subject = open_kernel(load("build").build(job.flags))
        chosen = plan((), None)
        subject.rig(1)
    except (NotBooted, CowcheckError) as failure:
        return Row(job, Verdict.INCONCLUSIVE, not isinstance(failure, NotBooted), (), "", "", (str(failure),))
    verifier = Verifier(subject.header(chosen.harts, ""))
    workloads = in_order(chosen)
    slow = [item for item in workloads if item[0].name in SLOW]
    _run(subject, verifier, workloads[: len(workloads) - len(slow)], bool(job.pattern))
    races = () if job.pattern and verifier.court.violated else _explore(subject, bool(job.pattern))
    if not (job.pattern and (verifier.court.violated or any(item.findings for item in races))):
        _run(subject, verifier, slow, bool(job.pattern))
    result = with_races(verifier.finish(), races)
    found = tuple(dict.fromkeys(name for finding in result.findings for name in (finding.invariant, *finding.then)))
    first = result.findings[0] if result.findings else None
    after = f"{first.event:,} events" if first else ""
    for item in findings(races):
        if first is not None and first.run == f"race {item.race}":
            after = f"{_some(item.after, 'schedule')}; {_some(item.preemptions, 'preemption')}"
            break
    return Row(job, result.verdict, True, found, first.run.split(",")[0] if first else "", after, result.incomplete)


def _run(subject: Subject, verifier: Verifier, workloads: Iterable[tuple[Workload, int]], until_found: bool) -> None:
    """Runs workloads, all or until one shows a violation."""
    for workload, harts in workloads:
        if not workload.needs & inabilities(subject.kernel.elf.data):
            conduct(subject.rig(harts), workload, _Verifying(verifier))
        if verifier.court.violated and until_found:
            return


def _explore(subject: Subject, until_found: bool) -> tuple[RaceResult, ...]:
    """Explores the races of a check, all or until one shows a violation."""
    options = InterleaveOptions()
    results: list[RaceResult] = []
    for job in races_of(options):
        results += explore(subject, (job,), options, lambda text: None)
        if until_found and results[-1].findings:
            break
    return tuple(results)


def page(rows: Iterable[Row]) -> str:
    """The Markdown page."""
    bad = [item for item in rows if item.job.pattern]
    right = [item for item in rows if not item.job.pattern]
    missed = [item for item in bad if not item.caught]
    races = sum(item.job.concurrent for item in missed)
    by_violation, dead = sum(item.verdict == Verdict.FAIL for item in bad), sum(not item.booted for item in bad)
    accused = sum(item.verdict == Verdict.FAIL for item in right)
    lines = [
        "# What is caught",
        "",
        "Made by a run (`make matrix`): what `cowcheck check` says of the test kernel of `tests/kernels`, built once",
        "with each bug, and once in each other way that is as right. The numbers are those of a catalogue of bugs that",
        "copy-on-write kernels really have had.",
        "",
        "A bug that needs two kernel paths to meet is marked *race*. A check runs each workload on one schedule; what",
        "needs another one is found by exploring schedules ([interleave.md](interleave.md)).",
        "",
        f"Of {len(bad)} mutants {by_violation} are shown by a violation; {dead} never come to their first process,",
        f"which is told with what is wrong; {len(missed)} are missed ({races} of them races). "
        f"Of {len(right)} right kernels {accused} are accused.",
        "",
        "A mutant is run until the first workload or race that shows a violation. That one is named, with every",
        "invariant that it showed to be violated, the first found first; and after how much: the events of the whole",
        "check until then, or the schedules of the race.",
        "",
        "| pattern | mutant | verdict | what is violated | shown by | after |",
        "|---|---|---|---|---|---|",
    ]
    for item in bad:
        job = item.job
        told = ", ".join(item.invariants) or ("**missed**" if item.booted else _short(item.said))
        shown = f"{item.shown_by} | {item.after}" if item.shown_by else "|"
        race = " *(race)*" if job.concurrent else ""
        lines.append(f"| {job.pattern} | {job.name}{race}: {job.summary} | {item.verdict} | {told} | {shown} |")
    lines += ["", "## Right kernels", "", "| kernel | verdict | what is said |", "|---|---|---|"]
    for item in right:
        told = ", ".join(item.invariants) or _short(item.said) or "every invariant holds that could be checked"
        lines.append(f"| {item.job.name}: {item.job.summary} | {item.verdict} | {told} |")
    return "\n".join(lines) + "\n"


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _short(said: Iterable[str]) -> str:
    """The beginning, on one line of a table."""
    return "; ".join(said)[:160].replace("|", "/").replace("\n", " ")


def main(target: Path) -> None:
    """Writes the page; what is found is told on stderr as it comes."""
    rows = []
    with ProcessPoolExecutor(WORKERS) as pool:
        for item in pool.map(row, jobs()):
            rows.append(item)
            sys.stderr.write(f"{item.job.name}: {item.verdict} {', '.join(item.invariants)} {item.shown_by}\n")
    target.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
