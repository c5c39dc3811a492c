"""``cowcheck check`` and ``cowcheck record``: from a submission to text, JSON, a trace file and an exit status."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from cowcheck.checker.check.build import build
from cowcheck.checker.check.conduct import conduct, is_endless, not_run
from cowcheck.checker.check.consumer import Consumer
from cowcheck.checker.check.options import CheckOptions
from cowcheck.checker.check.plan import Plan, plan
from cowcheck.checker.check.program import check_program, find_image, run_program
from cowcheck.checker.check.subject import Subject, open_kernel
from cowcheck.checker.console import Stdout
from cowcheck.checker.exit_status import ExitStatus
from cowcheck.checker.html import page_of_kernel, write_report
from cowcheck.checker.interleave.report import races_told
from cowcheck.checker.interleave.verdict import races_alone, with_races
from cowcheck.checker.interleave.wanted import RacesWanted, wanted
from cowcheck.checker.output import check_report, check_writable, write_text
from cowcheck.checker.printable import printable
from cowcheck.checker.progress_line import ProgressLine
from cowcheck.checker.streams import tell
from cowcheck.checker.verify.bad_event import BadEvent
from cowcheck.checker.verify.report import print_result
from cowcheck.checker.verify.result import KernelResult, document
from cowcheck.checker.verify.verifier import Verifier
from cowcheck.checker.verify_command import STATUS
from cowcheck.machine.interruption import Terminated, raised
from cowcheck.machine.machine import BOARD, MACHINES
from cowcheck.machine.program import Workload, inabilities, steps_beyond
from cowcheck.machine.record.recorder import Rows
from cowcheck.machine.rig import NotBooted
from cowcheck.machine.trace.writer import TraceWriter
from cowcheck.model.errors import CowcheckError

MOST_COMMANDS = 5
CONSOLE_LINES = 6
ENDLESS_RUNS, ENDLESS_INSTRUCTIONS = 3, 2_000_000_000  # that came to no end: a kernel that always hangs is told soon
LONGEST_LINE = 200


def check_command(options: CheckOptions) -> ExitStatus:
    """Checks a kernel, or records it. Raises :class:`CowcheckError` for bad input."""
    for option, file in (("--json", options.json_file), ("-o", options.trace_file)):
        if file is not None and file != "-":
            check_writable(Path(file), option)
    check_report(options.report_file, options.json_file, options.trace_file, options.save_file, options.kernel)
    MACHINES[options.machine].title()  # an error where it is not installed, before anything is built
    if options.seed and not MACHINES[options.machine].draws_turns:
        raise CowcheckError(f"--seed: nothing is drawn on --machine {options.machine}; leave it out")
    chosen = plan(options.workloads, options.harts) if options.program is None else Plan(())
    if options.program is not None and options.workloads:
        raise CowcheckError("--run and --workload: give one of them")
    races = wanted(options)
    if options.races and not options.workloads:
        chosen = Plan(())
    if options.build:
        build(Path(options.kernel))
    image = find_image(options.kernel) if options.program is not None else b""
    if options.program is not None:
        check_program(image, options.program)
    subject = open_kernel(options.kernel, options.seed, options.machine)
    line = ProgressLine(sys.stderr)
    try:
        return _checked(subject, chosen, races, image, options, line)
    except NotBooted as failure:
        line.clear()
        return _not_booted(subject, failure, options)
    finally:
        line.clear()


def _not_booted(subject: Subject, failure: NotBooted, options: CheckOptions) -> ExitStatus:
    """Nothing can be checked: that is said as a result, with what the kernel printed."""
    subject.counts = "the kernel did not boot"
    verifier = Verifier(subject.header(options.harts or 1, ""))
    printed = " / ".join(line[:LONGEST_LINE] for line in failure.console.strip().splitlines()[-CONSOLE_LINES:])
    said = f" It printed: {printed}" if printed else ""
    return _told(verifier.finish(f"{failure} Mend that first.{said}"), options)


def _checked(
    subject: Subject,
    chosen: Plan,
    races: RacesWanted | None,
    image: bytes,
    options: CheckOptions,
    line: ProgressLine,
) -> ExitStatus:
    reasons = {workload.name: left_out(workload, subject, options) for workload, _ in chosen.steps}
    steps = [(workload, harts) for workload, harts in chosen.steps if not reasons[workload.name]]
    if line.wanted:
        line.say(f"booting {options.kernel}")
    try:
        harts = subject.rig(
            steps[0][1] if steps else options.harts or 1
        ).harts  # the rig itself is kept by subject alone
    except (KeyboardInterrupt, Terminated):
        line.clear()
        tell("nothing was done: the kernel had not come to its first process")
        raise
    what = options.program or ", ".join(options.workloads) or all_but(reasons)
    header = subject.header(max(chosen.harts, harts), what)
    with ExitStack() as stack:
        consumers: list[Consumer] = []
        verifier = Verifier(header, oracle=options.oracle == "z3") if options.verify else None
        if options.trace_file is not None:
            file = stack.enter_context(Path(options.trace_file).open("wb"))
            consumers.append(_Writing(stack.enter_context(TraceWriter(file, header, options.trace_file))))
        if verifier is not None:
            consumers.append(_Verifying(verifier))  # after the trace, which then has what a signal keeps from it
        both = _All(consumers)
        done, endless = 0, list[int]()
        try:
            if options.program is not None:
                run_program(subject.rig(harts), image, options.program, both)
            for workload, harts in steps:
                if line.wanted:
                    line.say(f"{done} of {len(steps)} workloads done: {workload.name}")
                runs = conduct(subject.rig(harts), workload, both)
                done += 1
                endless += [run.instructions for run in runs if is_endless(run, workload)]
                if len(endless) >= ENDLESS_RUNS and sum(endless) >= ENDLESS_INSTRUCTIONS and done < len(steps):
                    both.begin(f"{len(steps) - done} more workloads")
                    both.take(*not_run("they were not run: too many before them came to no end; mend those first"))
                    break
        except (KeyboardInterrupt, Terminated) as signal:
            line.clear()
            both.consumers = [consumer for consumer in consumers if isinstance(consumer, _Writing)]
            if subject.kept is not None:
                subject.kept.stop("interrupted" if isinstance(signal, KeyboardInterrupt) else "terminated")
            tell(_so_far(done, len(steps), verifier, options))
            raise
    line.clear()
    for workload, _ in chosen.steps:
        if reason := reasons[workload.name]:
            tell(f"{workload.name} was not run: {reason}")
        elif beyond := steps_beyond(workload, subject.kernel.elf.data):
            texts = ", ".join(step.text for step in workload.steps if step.number in beyond)
            tell(f"{workload.name}: {texts}: not run; xv6 itself, of the year of this kernel, panics there")
    if verifier is None:
        tell(f"{options.trace_file}: written; `cowcheck verify {options.trace_file}` judges it")
        return ExitStatus.PASS
    result = verifier.finish()
    verifier = None
    consumers.clear()  # what has verified the workloads is not needed for races, and is large
    if races is None or not (result.shares or not chosen.steps):
        return _told(result, options)
    try:
        told = races.explore(subject, line)
    except (KeyboardInterrupt, Terminated):
        line.clear()
        if chosen.steps:
            _told(result, options)
        tell("the races were not all explored")
        raise
    line.clear()
    races.save(subject, told, options.save_file)
    result = with_races(result, told) if chosen.steps else races_alone(result, told, options.bound)
    return _told(result, options)


def left_out(workload: Workload, subject: Subject, options: CheckOptions) -> str:
    """Why a workload is not run; empty where it is."""
    if workload.needs & inabilities(subject.kernel.elf.data):
        return "xv6 itself, of the year of this kernel, panics there"
    asked_for = workload.name in options.workloads
    if workload.exhausts_memory and not asked_for and not MACHINES[options.machine].exhausts_memory:
        return f"it takes every frame, which takes {options.machine} minutes (--workload runs it all the same)"
    return ""


def all_but(reasons: Mapping[str, str]) -> str:
    """What was run, where that is not everything: for the header, so that a recording says it too."""
    without: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        if reason:
            without.setdefault(reason, []).append(name)
    told = (f"{', '.join(names)}: {reason}" for reason, names in without.items())
    return f"all but {'; '.join(told)}" if without else ""


def _so_far(done: int, steps: int, verifier: Verifier | None, options: CheckOptions) -> str:
    """How far a check came that a signal ended."""
    said = f"{done} of {steps} workloads were done" if options.program is None else f"{options.program} was not done"
    if verifier is not None:
        found = sorted(verifier.court.violated)
        said += f"; violated until then: {', '.join(found)}" if found else "; no violation was found until then"
    if options.trace_file is not None:
        said += f"; {options.trace_file} holds what was recorded"
    return said


def _told(result: KernelResult, options: CheckOptions) -> ExitStatus:
    options.heard(result)
    if options.json_file is not None:
        text = json.dumps(document([result]), indent=1) + "\n"
        if options.json_file == "-":
            sys.stdout.write(text)
        else:
            write_text(Path(options.json_file), text)
    if options.report_file is not None:
        commands = [line.strip() for line in again(result, options)[1:]]
        write_report(options.report_file, page_of_kernel(result, commands))
    if options.json_file != "-":
        console = Stdout()
        print_result(console, result, races_told)
        for command in again(result, options):
            console.print(command, soft_wrap=True, markup=False, highlight=False)
    return STATUS[result.verdict]


def again(result: KernelResult, options: CheckOptions) -> list[str]:
    """The commands that run again what went wrong, and nothing else."""
    if options.program is not None or len(options.workloads) == 1:
        return []
    names = list(dict.fromkeys(option_of(finding.run) for finding in result.findings))[:MOST_COMMANDS]
    extra = f" --machine {options.machine}" if options.machine != BOARD else ""
    extra += f" --harts {options.harts}" if options.harts else ""
    extra += f" --seed {options.seed}" if options.seed else ""
    told = [f"  cowcheck check {shlex.quote(options.kernel)} {name}{extra}" for name in names if name]
    return ["To run again what went wrong:", *(printable(item) for item in told)] if told else []


def option_of(run: str) -> str:
    """What runs a workload or a race by itself; nothing for a run without a name."""
    if run.startswith("race "):
        return f"--race {run.removeprefix('race ')}"
    return f"--workload {run.split(',', maxsplit=1)[0]}" if run else ""


class RecorderFault(Exception):
    """The recorder's events contradict each other: a fault of cowcheck's own, whatever the kernel did."""


class _Verifying:
    """A verifier as a consumer."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier

    def begin(self, name: str) -> None:
        self.verifier.begin(name)

    def take(self, rows: Rows, texts: Sequence[str]) -> None:
        try:
            with raised():
                self.verifier.feed(rows, texts)
        except BadEvent as error:
            raise RecorderFault(f"event {error.number} of the recording cannot be: {error.problem}") from error


class _Writing:
    """A trace file as a consumer."""

    def __init__(self, writer: TraceWriter) -> None:
        self.writer = writer

    def begin(self, name: str) -> None:
        self.writer.begin(name)

    def take(self, rows: Rows, texts: Sequence[str]) -> None:
        self.writer.write(rows, texts)


class _All:
    """Several consumers as one."""

    def __init__(self, consumers: Sequence[Consumer]) -> None:
        self.consumers = consumers

    def begin(self, name: str) -> None:
        for consumer in self.consumers:
            consumer.begin(name)

    def take(self, rows: Rows, texts: Sequence[str]) -> None:
        for consumer in self.consumers:
            consumer.take(rows, texts)
