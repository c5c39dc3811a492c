"""``cowcheck check`` and ``cowcheck record``: from a submission to text, JSON, a trace file and an exit status."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cowcheck.checker.check.build import build
from cowcheck.checker.check.conduct import Consumer, conduct
from cowcheck.checker.check.plan import Plan, plan
from cowcheck.checker.check.program import check_program, find_image, run_program
from cowcheck.checker.check.subject import Subject, open_kernel
from cowcheck.checker.console import Stdout
from cowcheck.checker.exit_status import ExitStatus
from cowcheck.checker.output import check_writable, write_text
from cowcheck.checker.printable import printable
from cowcheck.checker.progress_line import ProgressLine
from cowcheck.checker.streams import tell
from cowcheck.checker.verify.report import print_result
from cowcheck.checker.verify.result import KernelResult, document
from cowcheck.checker.verify.verifier import Verifier
from cowcheck.checker.verify_command import STATUS
from cowcheck.machine.program import Workload, inabilities
from cowcheck.machine.record.recorder import Rows
from cowcheck.machine.rig import NotBooted
from cowcheck.machine.trace.writer import TraceWriter
from cowcheck.model.errors import CowcheckError

MOST_COMMANDS = 5
CONSOLE_LINES = 6


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """The options as they were given."""

    kernel: str
    workloads: tuple[str, ...] = ()
    harts: int | None = None
    seed: int = 0
    oracle: str | None = None
    json_file: str | None = None
    trace_file: str | None = None
    verify: bool = True
    program: str | None = None  # --run
    build: bool = False


def check_command(options: CheckOptions) -> ExitStatus:
    """Checks a kernel, or records it. Raises :class:`CowcheckError` for bad input."""
    for option, file in (("--json", options.json_file), ("-o", options.trace_file)):
        if file is not None and file != "-":
            check_writable(Path(file), option)
    chosen = plan(options.workloads, options.harts) if options.program is None else Plan(())
    if options.program is not None and options.workloads:
        raise CowcheckError("--run and --workload: give one of them")
    if options.build:
        build(Path(options.kernel))
    image = find_image(options.kernel) if options.program is not None else b""
    if options.program is not None:
        check_program(image, options.program)
    subject = open_kernel(options.kernel, options.seed)
    line = ProgressLine(sys.stderr)
    try:
        return _checked(subject, chosen, image, options, line)
    except NotBooted as failure:
        line.clear()
        return _not_booted(subject, failure, options)
    finally:
        line.clear()


def _not_booted(subject: Subject, failure: NotBooted, options: CheckOptions) -> ExitStatus:
    """Nothing can be checked: that is said as a result, with what the kernel printed."""
    subject.counts = "the kernel did not boot"
    verifier = Verifier(subject.header(options.harts or 1, ""))
    printed = " / ".join(failure.console.strip().splitlines()[-CONSOLE_LINES:])
    said = f" It printed: {printed}" if printed else ""
    return _told(verifier.finish(f"{failure} QEMU shows the same; mend that first.{said}"), options)


def _checked(subject: Subject, chosen: Plan, image: bytes, options: CheckOptions, line: ProgressLine) -> ExitStatus:
    steps = [(workload, harts) for workload, harts in chosen.steps if not too_new(workload, subject)]
    if line.wanted:
        line.say(f"booting {options.kernel}")
    first = subject.rig(steps[0][1] if steps else options.harts or 1)
    header = subject.header(max(chosen.harts, first.harts), options.program or ", ".join(options.workloads))
    with ExitStack() as stack:
        consumers: list[Consumer] = []
        verifier = Verifier(header, oracle=options.oracle == "z3") if options.verify else None
        if verifier is not None:
            consumers.append(_Verifying(verifier))
        if options.trace_file is not None:
            file = stack.enter_context(Path(options.trace_file).open("wb"))
            consumers.append(_Writing(stack.enter_context(TraceWriter(file, header, options.trace_file))))
        both = _All(consumers)
        if options.program is not None:
            run_program(first, image, options.program, both)
        for number, (workload, harts) in enumerate(steps):
            if line.wanted:
                line.say(f"{number} of {len(steps)} workloads done: {workload.name}")
            conduct(subject.rig(harts), workload, both)
    line.clear()
    for workload, _ in chosen.steps:
        if too_new(workload, subject):
            tell(f"{workload.name} was not run: xv6 itself, of the year of this kernel, panics there")
    if verifier is None:
        tell(f"{options.trace_file}: written; `cowcheck verify {options.trace_file}` judges it")
        return ExitStatus.PASS
    return _told(verifier.finish(), options)


def too_new(workload: Workload, subject: Subject) -> bool:
    """Whether the workload asks for what xv6 itself could not do when this kernel was begun."""
    return bool(workload.needs & inabilities(subject.kernel.elf.data))


def _told(result: KernelResult, options: CheckOptions) -> ExitStatus:
    if options.json_file is not None:
        text = json.dumps(document([result]), indent=1) + "\n"
        if options.json_file == "-":
            sys.stdout.write(text)
        else:
            write_text(Path(options.json_file), text)
    if options.json_file != "-":
        console = Stdout()
        print_result(console, result)
        for command in again(result, options):
            console.print(command, soft_wrap=True, markup=False, highlight=False)
    return STATUS[result.verdict]


def again(result: KernelResult, options: CheckOptions) -> list[str]:
    """The commands that run again what went wrong, and nothing else."""
    if options.program is not None or len(options.workloads) == 1:
        return []
    names = list(dict.fromkeys(finding.run.split(",")[0] for finding in result.findings))[:MOST_COMMANDS]
    extra = f" --harts {options.harts}" if options.harts else ""
    extra += f" --seed {options.seed}" if options.seed else ""
    told = [f"  cowcheck check {shlex.quote(options.kernel)} --workload {name}{extra}" for name in names if name]
    return ["To run again what went wrong:", *(printable(item) for item in told)] if told else []


class _Verifying:
    """A verifier as a consumer."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier

    def begin(self, name: str) -> None:
        self.verifier.begin(name)

    def take(self, rows: Rows, texts: Sequence[str]) -> None:
        self.verifier.feed(rows, texts)


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
