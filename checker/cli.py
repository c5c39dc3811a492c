"""The command line: its commands together, the signals, and every exit status.

Only this module prints and exits. It sets every exit status itself (``checker/exit_status.py``), because a Python
traceback, click's own errors and a broken pipe in click or rich would all exit with 1, which means a violation.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from cowcheck.checker import exit_status
from cowcheck.checker.command_options import version
from cowcheck.checker.design_commands import explore, list_command, replay
from cowcheck.checker.exit_status import ExitStatus
from cowcheck.checker.export_command import export
from cowcheck.checker.kernel_commands import check, diff, record, verify
from cowcheck.checker.streams import is_of_stdout, open_closed_streams, silence_stdout, tell
from cowcheck.machine import interruption
from cowcheck.model.errors import CowcheckError


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\n" + exit_status.HELP,
)
@click.version_option(version(), prog_name="cowcheck")
def cli() -> None:
    """A model checker for copy-on-write fork in xv6."""


for command in (explore, export, list_command, replay, check, record, verify, diff):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit status."""
    open_closed_streams()
    try:
        with _signals_raised():
            status = _run(sys.argv[1:] if arguments is None else list(arguments))
            sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
        status = ExitStatus.BROKEN_PIPE
    except OSError as error:
        silence_stdout()
        tell(f"cowcheck: standard output: cannot be written ({error.strerror or error})")
        status = ExitStatus.BAD_INPUT
    return int(status)


@contextmanager
def _signals_raised() -> Iterator[None]:
    """Ctrl-C and SIGTERM are exceptions. A signal that is ignored stays so: a command in a shell's background."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interruption.forget()
    before = {}
    for number, kind in ((signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, interruption.Terminated)):
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, lambda *_, kind=kind: interruption.interrupt(kind))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(arguments: list[str]) -> int:
    try:
        with cli.make_context("cowcheck", arguments) as context:
            cli.invoke(context)
        return ExitStatus.PASS
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        _tell_usage(error)
        return ExitStatus.BAD_INPUT
    except CowcheckError as error:
        tell(f"cowcheck: {error}")
        return ExitStatus.BAD_INPUT
    except (KeyboardInterrupt, click.Abort):
        tell("cowcheck: interrupted")
        return ExitStatus.INTERRUPTED
    except interruption.Terminated:
        tell("cowcheck: terminated")
        return ExitStatus.TERMINATED
    except BrokenPipeError:
        raise
    except Exception as error:
        if is_of_stdout(error):
            raise
        if os.environ.get("COWCHECK_DEBUG"):
            traceback.print_exc()
        tell(f"cowcheck: a fault of its own: {type(error).__name__}: {error}")
        tell("Please report it, with the command and what COWCHECK_DEBUG=1 makes it print.")
        return ExitStatus.OWN_FAULT


def _tell_usage(error: click.ClickException) -> None:
    """click's own text, which holds what was typed."""
    text = io.StringIO()
    error.show(text)
    for line in text.getvalue().splitlines():
        tell(line)
