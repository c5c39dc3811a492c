"""What of a check's options asks for races, and exploring them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cowcheck.checker.check.options import CheckOptions
from cowcheck.checker.check.subject import Subject
from cowcheck.checker.interleave.plan import InterleaveOptions, Job, jobs
from cowcheck.checker.interleave.result import RaceResult
from cowcheck.checker.output import check_writable
from cowcheck.checker.progress_line import ProgressLine
from cowcheck.machine.machine import BOARD
from cowcheck.model.errors import CowcheckError


@dataclass(frozen=True, slots=True)
class RacesWanted:
    """The races that are to be explored."""

    jobs: tuple[Job, ...]
    options: InterleaveOptions

    def explore(self, subject: Subject, line: ProgressLine) -> tuple[RaceResult, ...]:
        """The results. ``line`` shows how far it is."""
        from cowcheck.checker.interleave.conduct import conduct

        return conduct(subject, self.jobs, self.options, line.say if line.wanted else lambda text: None)

    def save(self, subject: Subject, results: tuple[RaceResult, ...], file: str | None) -> None:
        """Writes the schedules that show violations, if a file was named."""
        from cowcheck.checker.interleave.saved import write_schedules
        from cowcheck.checker.interleave.verdict import findings

        if file is not None:
            elf = subject.kernel.elf
            write_schedules(Path(file), str(elf.path), elf.build_id, findings(results))


def wanted(options: CheckOptions) -> RacesWanted | None:
    """The races that the options ask for; None for none. Raises :class:`CowcheckError` for what cannot be."""
    asked = InterleaveOptions(options.races, options.bound, options.budget, options.strategy, options.seed)
    chosen = jobs(asked)
    if options.save_file is not None:
        check_writable(Path(options.save_file), "--save")
    narrowed = options.workloads or options.program is not None or options.trace_file is not None
    if options.interleave is False and options.races:
        raise CowcheckError("--race and --no-interleave: give one of them")
    if not options.verify or options.interleave is False or (narrowed and not options.races and not options.interleave):
        if options.save_file is not None:
            raise CowcheckError("--save: no schedules are explored, so there is none to write; add --interleave")
        return None
    if options.machine != BOARD:
        if options.races or options.interleave or options.save_file is not None:
            raise CowcheckError(f"--machine {options.machine} cannot interleave: only the board stops a hart at will")
        return None
    return RacesWanted(chosen, asked)
