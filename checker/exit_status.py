"""What the exit statuses of the command line mean, and which one some results have."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum

from cowcheck.checker.result import Result, Verdict


class ExitStatus(IntEnum):
    """Never ``PASS`` for a thing that was not checked."""

    PASS = 0
    VIOLATION = 1
    BAD_INPUT = 2
    INCONCLUSIVE = 3
    OWN_FAULT = 4
    INTERRUPTED = 130  # 128 + SIGINT
    BROKEN_PIPE = 141  # 128 + SIGPIPE
    TERMINATED = 143  # 128 + SIGTERM


HELP = """\
Exit status: 0 every invariant that could be checked holds, or the recording was written;
1 a violation was found; 2 the input or the call is wrong; 3 inconclusive (a budget ended the search,
the kernel does not boot, a recording is incomplete, or nothing was shared); 4 a fault of cowcheck's own;
130 interrupted (Ctrl-C); 141 nobody reads the output any more; 143 terminated.
A violation wins over inconclusive; what could not be run at all (2, 4) wins over both."""


def exit_status(results: Collection[Result]) -> ExitStatus:
    """The status of some results: the first of these that there is, own fault, bad input, violation, inconclusive."""
    kinds = {result.error.kind for result in results if result.error is not None}
    verdicts = {result.verdict for result in results}
    if kinds - {"input"}:
        return ExitStatus.OWN_FAULT
    if kinds:
        return ExitStatus.BAD_INPUT
    if Verdict.FAIL in verdicts:
        return ExitStatus.VIOLATION
    if Verdict.INCONCLUSIVE in verdicts or not results:
        return ExitStatus.INCONCLUSIVE
    return ExitStatus.PASS
