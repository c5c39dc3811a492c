"""``cowcheck verify``: from a trace file to text, JSON and an exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from cowcheck.checker.console import Stdout
from cowcheck.checker.exit_status import ExitStatus
from cowcheck.checker.html import page_of_kernel, write_report
from cowcheck.checker.output import check_report, check_writable, write_text
from cowcheck.checker.result import Verdict
from cowcheck.checker.verify.report import print_result
from cowcheck.checker.verify.result import KernelResult, document
from cowcheck.checker.verify.trace_file import verify_trace
from cowcheck.model.errors import CowcheckError

STATUS = {
    Verdict.PASS: ExitStatus.PASS,
    Verdict.FAIL: ExitStatus.VIOLATION,
    Verdict.INCONCLUSIVE: ExitStatus.INCONCLUSIVE,
    Verdict.ERROR: ExitStatus.BAD_INPUT,
}


def verify_command(
    file: str,
    json_file: str | None,
    oracle: bool,
    report_file: str | None = None,
    heard: Callable[[KernelResult], None] = lambda result: None,
) -> ExitStatus:
    """Verifies one file; ``-`` is stdin. ``heard`` is told the result.

    Raises :class:`CowcheckError` where the file is no trace.
    """
    if json_file not in (None, "-"):
        assert json_file is not None
        check_writable(Path(json_file), "--json")
        if Path(json_file).exists() and file != "-" and Path(file).exists() and Path(json_file).samefile(file):
            raise CowcheckError(f"--json {json_file}: that would overwrite the trace; name another file")
    check_report(report_file, json_file, file)
    result = _verify(file, oracle)
    heard(result)
    if json_file is not None:
        text = json.dumps(document([result]), indent=1) + "\n"
        if json_file == "-":
            sys.stdout.write(text)
        else:
            write_text(Path(json_file), text)
    if report_file is not None:
        write_report(report_file, page_of_kernel(result))
    if json_file != "-":
        print_result(Stdout(), result)
    return STATUS[result.verdict]


def _verify(file: str, oracle: bool) -> KernelResult:
    if file == "-":
        return verify_trace(sys.stdin.buffer, "<stdin>", oracle=oracle)
    path = Path(file)
    if path.is_dir():
        raise CowcheckError(f"{file}: a folder; name a trace file")
    try:
        with path.open("rb") as stream:
            return verify_trace(stream, file, oracle=oracle)
    except OSError as error:
        raise CowcheckError(f"{file}: cannot be read ({error.strerror or error})") from error
