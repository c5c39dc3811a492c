"""Writes the formats that a call asked for, whatever comes of it.

Each file is there from the start, and says that the check has not come to its end; what is found takes its place. So a
file is never the one of an earlier run, and is valid even where this process is killed. A fault, of the input or of
cowcheck's own, is written as what it is.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cowcheck.checker.catalogue import is_path, shipped_files
from cowcheck.checker.formats.case import Fault, Report, Suite
from cowcheck.checker.formats.github import go_on, stop_commands, summary, workflow_commands
from cowcheck.checker.formats.gradescope import Points, gradescope
from cowcheck.checker.formats.junit import junit
from cowcheck.checker.formats.of_designs import suites_of_designs
from cowcheck.checker.formats.options import FormatOptions
from cowcheck.checker.formats.places import relative_to, tree_of
from cowcheck.checker.formats.rubric import DEFAULT_RUBRICS, read_rubric
from cowcheck.checker.formats.sarif import sarif
from cowcheck.checker.formats.scope import scope_of
from cowcheck.checker.output import check_apart, check_writable, replace_text
from cowcheck.checker.result import Result
from cowcheck.checker.streams import tell
from cowcheck.checker.verify.result import KernelResult
from cowcheck.machine.interruption import Terminated
from cowcheck.model.errors import CowcheckError

UNFINISHED = Fault("unfinished", "cowcheck has not come to its end")
STEP_SUMMARY, WORKSPACE = "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"  # of GitHub's runner
_OTHER_OUTPUTS = {
    "json_file": "--json",
    "graph_file": "--graph",
    "report_file": "--report",
    "save_file": "--save",
    "trace_file": "--trace",
}


@contextmanager
def writing(command: str, options: dict[str, Any], version: str) -> Iterator[Writing]:
    """Takes the options of the formats out of ``options``, and writes the formats when the command has ended."""
    formats = Writing(command, FormatOptions.out_of(options), options, version)
    formats.begin()
    try:
        yield formats
    except BaseException as error:
        formats.end(fault_of(error))
        raise
    formats.end(None)


def fault_of(error: BaseException) -> Fault | None:
    """What a command ended by; None for an end as it should be."""
    match error:
        case click.exceptions.Exit():
            return None
        case CowcheckError():
            return Fault("input", str(error))
        case KeyboardInterrupt() | click.Abort():
            return Fault("signal", "it was interrupted")
        case Terminated():
            return Fault("signal", "it was terminated")
        case BrokenPipeError():
            return None  # all was found, and nobody reads the text
    return Fault("internal", f"a fault of cowcheck's own: {type(error).__name__}: {error}")


class Writing:
    """The formats of one call, and what has been found for them."""

    def __init__(self, command: str, wanted: FormatOptions, options: Mapping[str, Any], version: str) -> None:
        self.command, self.wanted, self.options, self.version = command, wanted, options, version
        self.token = secrets.token_hex(16)
        self.tree = "."
        self._suites: Callable[[], tuple[Suite, ...]] = tuple
        self._points: Points = {}

    def designs(self, results: Sequence[Result]) -> None:
        """Explorations have come to their end."""
        self._suites = lambda: suites_of_designs(results)

    def kernel(self, result: KernelResult) -> None:
        """A kernel has been judged; a later result takes the place of an earlier one."""
        from cowcheck.checker.formats.of_kernels import suite_of_kernel

        self.tree = tree_of(result.header.kernel)
        self._suites = lambda: (suite_of_kernel(result),)

    # --- writing ---

    def begin(self) -> None:
        """Holds that everything can be written, and writes that nothing is known yet. Raises :class:`CowcheckError`."""
        files = self.wanted.files()
        others = {
            option: str(file)
            for name, option in _OTHER_OUTPUTS.items()
            if (file := self.options.get(name)) not in (None, "-")
        }
        for option, file in files.items():
            if file == "-":
                raise CowcheckError(f"{option} -: only --json writes to stdout; name a file (./- is one)")
            check_writable(Path(file), option)
        if files:
            check_apart({**others, **files}, self._inputs())
        if self.wanted.github and self.options.get("json_file") == "-":
            raise CowcheckError("--github and --json -: both write to stdout; name a file for --json")
        if self.wanted.gradescope_file is not None:
            self._prepare_points()
        elif self.wanted.rubric_file is not None:
            raise CowcheckError("--rubric: points are for --gradescope alone; give that too")
        self._write(Report(self.command, fault=UNFINISHED))
        if self.wanted.github:
            _say(stop_commands(self.token))

    def end(self, fault: Fault | None) -> None:
        """Writes what was found. Where that fails by a fault of our own, it writes that, and raises it."""
        wrong: Exception | None = None
        try:
            report = Report(self.command, self._suites(), fault)
            self._write(report)
        except CowcheckError:
            raise
        except Exception as error:
            wrong = error
            report = Report(self.command, fault=fault_of(error))
            self._write(report)
        if self.wanted.github:
            self._annotate(report)
        if wrong is not None:
            raise wrong

    def _inputs(self) -> Iterator[Path]:
        yield from shipped_files()
        named = (self.options.get("kernel"), self.options.get("file"), self.wanted.rubric_file)
        yield from (Path(name) for name in named if name is not None)
        yield Path(self.options.get("kernel") or ".") / "kernel" / "kernel"
        several = (*(self.options.get("designs") or ()), *(self.options.get("scenarios") or ()))
        yield from (Path(name) for name in several if is_path(name))

    def _prepare_points(self) -> None:
        """The points of each item. Where the rubric is wrong, results that say so are written by the usual one."""
        scope = scope_of(self.command, self.options)
        self._points = DEFAULT_RUBRICS[self.command].items(scope.planned)
        if self.wanted.rubric_file is not None:
            try:
                rubric = read_rubric(Path(self.wanted.rubric_file), scope.known)
            except CowcheckError as error:
                self._write(Report(self.command, fault=Fault("input", str(error))))
                raise
            self._points = rubric.items(scope.planned)

    def _write(self, report: Report) -> None:
        wanted = self.wanted
        if wanted.gradescope_file is not None:  # first: nobody can mend it by hand
            replace_text(Path(wanted.gradescope_file), gradescope(report, self._points))
        if wanted.junit_file is not None:
            replace_text(Path(wanted.junit_file), junit(report))
        if wanted.sarif_file is not None:
            replace_text(Path(wanted.sarif_file), sarif(report, self.version, self._locate))

    def _locate(self, file: str) -> str:
        return relative_to(os.environ.get(WORKSPACE) or ".", os.path.abspath(self.tree))(file)

    def _annotate(self, report: Report) -> None:
        _say("\n".join((go_on(self.token), *workflow_commands(report, self._locate))))
        if file := os.environ.get(STEP_SUMMARY):
            try:
                with Path(file).open("a", encoding="utf-8") as stream:
                    stream.write(summary(report))
            except OSError as error:
                tell(f"cowcheck: {STEP_SUMMARY} {file}: cannot be written ({error.strerror or error})")


def _say(text: str) -> None:
    """Commands for GitHub's runner, in their place among all that stdout and stderr tell it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
