"""``cowcheck explore``: from its options to results, files, text and an exit status."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from cowcheck.checker.catalogue import Design, design_names, find_design, is_path, scenario_names, shipped_files
from cowcheck.checker.console import Stdout
from cowcheck.checker.coverage import unreached_lines
from cowcheck.checker.engines import EngineName, prepare
from cowcheck.checker.exit_status import ExitStatus, exit_status
from cowcheck.checker.explore import Budget
from cowcheck.checker.graph import FORMATS
from cowcheck.checker.html import page_of_exploration, write_report
from cowcheck.checker.job import Job, load
from cowcheck.checker.jobs import DEFAULT_MEMORY_MIB, LEAST_MEMORY_MIB, run_shared
from cowcheck.checker.merging import Refused, merging_of
from cowcheck.checker.native import Merge
from cowcheck.checker.output import check_apart, check_writable, write_text
from cowcheck.checker.progress_line import ProgressLine
from cowcheck.checker.report import Explored, Report, Shown, shortest
from cowcheck.checker.result import Coverage, Result, document
from cowcheck.checker.saved import digests, saved_from, write_saved
from cowcheck.checker.streams import tell
from cowcheck.model.errors import CowcheckError
from cowcheck.model.scenario import Scenario
from cowcheck.model.system import Model


@dataclass(frozen=True, slots=True)
class Options:
    """The options as they were given; None where one was not."""

    designs: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    invariants: tuple[str, ...] = ()
    harts: int | None = None
    frames: int | None = None
    pages: int | None = None
    max_states: int | None = None
    timeout: float | None = None
    max_memory: int | None = None
    jobs: int | None = None
    oracle: str | None = None
    no_symmetry: bool = False
    keep_going: bool = True
    json_file: str | None = None
    graph_file: str | None = None
    save_file: str | None = None
    engine: str = EngineName.AUTO
    merge: str = Merge.LARGE
    no_reduction: bool = False
    report_file: str | None = None


def explore_command(options: Options, heard: Callable[[Sequence[Result]], None] = lambda results: None) -> ExitStatus:
    """Explores, writes and prints. ``heard`` is told the results. Raises :class:`CowcheckError` for bad input, before
    anything is explored."""
    _check(options)
    jobs = _jobs(options)
    loaded = [load(job) for job in jobs]  # bad input is told before anything is explored
    _prepare(options, jobs, loaded)
    line = ProgressLine(sys.stderr)
    try:
        memory_mib = options.max_memory or DEFAULT_MEMORY_MIB
        results = run_shared(jobs, options.jobs, memory_mib, line.show if line.wanted else None)
    finally:
        line.clear()
    heard(results)
    explored = [Explored(job, result) for job, result in zip(jobs, results, strict=True)]
    coverage = _coverage(explored)
    shown = shortest(explored)
    saved = _save(options.save_file, shown)
    if options.json_file is not None:
        text = json.dumps(document(results, coverage), indent=1) + "\n"
        if options.json_file == "-":
            sys.stdout.write(text)
        else:
            write_text(Path(options.json_file), text)
    if options.report_file is not None:
        write_report(options.report_file, page_of_exploration(explored, shown, coverage, saved))
    if options.json_file != "-":
        Report(Stdout(), explored).print(shown, coverage, saved)
    for line_of_error in _errors(results):
        tell(line_of_error)
    return exit_status(results)


def _check(options: Options) -> None:
    for name, value, least in (
        ("--max-states", options.max_states, 1),
        ("--jobs", options.jobs, 1),
        ("--max-memory", options.max_memory, LEAST_MEMORY_MIB),
    ):
        if value is not None and value < least:
            raise CowcheckError(f"{name} {value}: give a number from {least} on")
    if options.timeout is not None and not (options.timeout > 0 and math.isfinite(options.timeout)):
        raise CowcheckError(f"--timeout {options.timeout:g}: give a number of seconds greater than 0")
    if options.graph_file is not None and Path(options.graph_file).suffix not in FORMATS:
        raise CowcheckError(f"--graph {options.graph_file}: give a file that ends in {', '.join(FORMATS)}")
    outputs = {
        "--json": options.json_file,
        "--graph": options.graph_file,
        "--save": options.save_file,
        "--report": options.report_file,
    }
    if options.json_file == "-":
        del outputs["--json"]
    files = {option: file for option, file in outputs.items() if file is not None}
    for option, file in files.items():
        if file == "-":
            raise CowcheckError(f"{option} -: only --json writes to stdout; name a file (./- is one)")
        check_writable(Path(file), option)
    check_apart(files, (*shipped_files(), *map(Path, filter(is_path, (*options.designs, *options.scenarios)))))


def _jobs(options: Options) -> list[Job]:
    """Every design in every scenario, each once, in the order in which they were named."""
    designs = list(dict.fromkeys(options.designs)) or design_names()
    scenarios = list(dict.fromkeys(options.scenarios)) or scenario_names()
    count = len(designs) * len(scenarios)
    if options.graph_file is not None and count != 1:
        raise CowcheckError(
            f"--graph {options.graph_file}: a graph is of one exploration, and these are {count}; "
            "name one --design and one --scenario"
        )
    budget = Budget(options.max_states, options.timeout)
    return [
        Job(
            design, scenario, options.harts, options.frames, options.pages, budget, options.oracle == "z3",
            not (options.no_symmetry or options.no_reduction), options.keep_going, options.invariants,
            options.graph_file or "", EngineName(options.engine),
            Merge.NEVER if options.no_reduction else Merge(options.merge),
        )
        for design in designs
        for scenario in scenarios
    ]  # fmt: skip


def _prepare(options: Options, jobs: Sequence[Job], loaded: Sequence[tuple[Design, Scenario]]) -> None:
    """Compiles what is to be explored, each design once; says where the reference interpreter explores instead."""
    wanted = EngineName(options.engine)
    if option := jobs[0].needs_reference:
        if wanted is EngineName.NATIVE:
            tell(f"cowcheck: {option} needs the reference interpreter, which explores here")
        return
    if jobs[0].merge is Merge.ALWAYS:
        _tell_refusals(wanted, loaded)
    of_program = {id(design.program): (design, scenario) for design, scenario in loaded}
    prepare([Model(design.program, scenario) for design, scenario in of_program.values()], wanted, tell)


def _tell_refusals(wanted: EngineName, loaded: Sequence[tuple[Design, Scenario]]) -> None:
    if wanted is EngineName.REFERENCE:
        tell("cowcheck: --merge always: the reference interpreter merges no runs")
        return
    for design in {id(design.program): design for design, _ in loaded}.values():
        try:
            merging_of(design.program)
        except Refused as error:
            tell(f"cowcheck: no runs of {design.name} are merged: {error}")


def _coverage(explored: Sequence[Explored]) -> list[Coverage]:
    """What no scenario reached, for each design that was explored in more than one."""
    found = []
    for reference, group in groupby(explored, lambda item: item.job.design):
        results = [item.result for item in group if item.result.error is None]
        if len(results) > 1:
            design = find_design(reference)
            lines = unreached_lines(design, (result.reached for result in results))
            found.append(Coverage(design.name, len(results), lines))
    return found


def _errors(results: Sequence[Result]) -> Iterator[str]:
    """What could not be explored and why: one line for all scenarios that say the same of a design."""
    scenarios: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if result.error is not None:
            scenarios.setdefault((result.subject.design, result.error.message), []).append(result.subject.scenario)
    for (design, message), names in scenarios.items():
        yield f"cowcheck: {design} in {', '.join(names)}: {message}"


def _save(file: str | None, shown: Sequence[Shown]) -> str:
    """Writes the counterexamples; the file's name, or nothing where there are none."""
    if file is None:
        return ""
    if not shown:
        tell(f"cowcheck: --save {file}: no violation was found, so nothing was written")
        return ""
    items = []
    for (job, result), violation, _ in shown:
        items.append(saved_from(job, result.subject, violation, digests(*load(job))))
    write_saved(Path(file), items)
    return file
