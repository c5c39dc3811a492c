"""The command line: ``cowcheck explore``, ``check``, ``record``, ``verify``, ``list`` and ``replay``.

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
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from cowcheck.checker import exit_status
from cowcheck.checker.exit_status import ExitStatus
from cowcheck.checker.formats.options import format_options
from cowcheck.checker.printable import printable
from cowcheck.checker.streams import is_of_stdout, open_closed_streams, silence_stdout, tell
from cowcheck.machine import interruption
from cowcheck.model.errors import CowcheckError


def version() -> str:
    """The version of the installed package."""
    try:
        return metadata.version("cowcheck")
    except metadata.PackageNotFoundError:
        return "0 (not installed)"


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\n" + exit_status.HELP,
)
@click.version_option(version(), prog_name="cowcheck")
def cli() -> None:
    """A model checker for copy-on-write fork in xv6."""


@cli.command(epilog="\b\n" + exit_status.HELP)
@click.option(
    "--design", "designs", multiple=True, metavar="NAME|FILE", help="A design; again for more. [default: all]"
)
@click.option(
    "--scenario", "scenarios", multiple=True, metavar="NAME|FILE", help="A scenario; again for more. [default: all]"
)
@click.option("--invariant", "invariants", multiple=True, metavar="NAME", help="Judge this one only; again for more.")
@click.option("--harts", type=int, metavar="N", help="Harts, instead of the scenario's own number.")
@click.option("--frames", type=int, metavar="N", help="Frames of RAM, instead of the scenario's own number.")
@click.option("--pages", type=int, metavar="N", help="Pages of the program's image, instead of the scenario's own.")
@click.option("--max-states", type=int, metavar="N", help="End an exploration after so many states.")
@click.option("--timeout", type=float, metavar="S", help="End an exploration after so many seconds.")
@click.option("--max-memory", type=int, metavar="MIB", help="Memory for all workers together. [default: 1024]")
@click.option("--jobs", type=int, metavar="N", help="Worker processes, at most one a core. [default: all cores]")
@click.option("--oracle", type=click.Choice(["z3"]), help="Let z3 itself judge every view, not the compiled form.")
@click.option("--no-symmetry", is_flag=True, help="Tell states apart that differ in the names of frames or harts only.")
@click.option(
    "--keep-going/--stop-at-first",
    default=True,
    help="Find every kind of violation, or end an exploration at its first. [default: keep going]",
)
@click.option(
    "--json", "json_file", metavar="FILE", help="Write the results as JSON; - is stdout, with nothing else on it."
)
@click.option(
    "--graph", "graph_file", metavar="FILE", help="Write the state graph (.graphml, .dot or .json) of one exploration."
)
@click.option(
    "--save",
    "save_file",
    metavar="FILE",
    help="Write the counterexamples that are shown, all to this file, for `cowcheck replay FILE`.",
)
@format_options
@click.pass_context
def explore(context: click.Context, /, **options: Any) -> None:
    """Explore every interleaving of designs in scenarios.

    Without options: every design that cowcheck ships, in every scenario.
    """
    from cowcheck.checker.explore_command import Options, explore_command
    from cowcheck.checker.formats.writing import writing

    with writing("explore", options, version()) as formats:
        context.exit(explore_command(Options(**options), formats.designs))


@cli.command("list")
@click.argument("kind", type=click.Choice(["designs", "scenarios", "invariants", "races"]))
def list_command(kind: str) -> None:
    """List what there is, a line each, the name first."""
    from cowcheck.checker.catalogue import design_infos, scenarios
    from cowcheck.specs.invariants import INVARIANTS

    if kind == "designs":
        rows = [(name, info.title) for name, info in design_infos().items()]
    elif kind == "scenarios":
        rows = [(name, scenario.title) for name, scenario in scenarios().items()]
    elif kind == "races":
        from cowcheck.specs.races import races

        rows = [(race.name, race.title) for race in races()]
    else:
        rows = [(invariant.name, invariant.summary) for invariant in INVARIANTS]
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        click.echo(f"{name:{width}}  {printable(text)}")


@cli.command()
@click.argument("file", metavar="FILE")
@click.option("--number", type=int, metavar="N", help="Only the N-th counterexample of the file. [default: all]")
@click.option("--oracle", type=click.Choice(["z3"]), help="Let z3 itself judge every view, not the compiled form.")
@click.option("--kernel", metavar="KERNEL", help="Of a schedule of a kernel: where that kernel is now.")
@click.option("--step", is_flag=True, help="Of a schedule of a kernel: show every step, at a terminal one at a time.")
@click.pass_context
def replay(
    context: click.Context, file: str, number: int | None, oracle: str | None, kernel: str | None, step: bool
) -> None:
    """Run saved counterexamples again, step by step, to the same violation.

    FILE is of `explore --save` (designs), or of `check --save` (schedules of a kernel's own code).

    Exit status: 1 where every one is reached again; 2 where the file is damaged, or of a design or a kernel that has
    changed.
    """
    from cowcheck.checker.interleave.saved import is_schedules

    if is_schedules(Path(file)):
        _tell_of_compiling()
        from cowcheck.checker.interleave.replay import replay_schedules

        context.exit(replay_schedules(Path(file), number, kernel, step))
    if kernel is not None or step:
        raise CowcheckError(f"--kernel and --step are for schedules of a kernel; {file} holds none")
    from cowcheck.checker.replay_command import replay_command

    context.exit(replay_command(Path(file), number, oracle == "z3"))


_machine_option = click.option(
    "--machine",
    type=click.Choice(["board", "qemu"]),
    default="board",
    show_default=True,
    help="What runs the kernel: the built-in board, or QEMU where it is installed.",
)


@cli.command(epilog="\b\n" + exit_status.HELP)
@click.argument("kernel", metavar="KERNEL")
@click.option("--workload", "workloads", multiple=True, metavar="NAME", help="Run only this workload; may be repeated.")
@click.option("--run", "program", metavar="COMMAND", help="Run this program of the submission's own disk instead.")
@click.option("--build", is_flag=True, help="First build the tree with its own Makefile (which runs on this machine).")
@_machine_option
@click.option("--harts", type=click.IntRange(1, 8), help="Run every workload on so many harts.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Draws the harts' turns.")
@click.option("--oracle", type=click.Choice(["z3"]), help="Let z3 itself judge every view, not the compiled form.")
@click.option("--json", "json_file", metavar="FILE", help="Write the result as JSON; - is stdout, and only that.")
@click.option("--trace", "trace_file", metavar="FILE", help="Write the recording too (.gz, .zst: compressed).")
@click.option(
    "--interleave/--no-interleave",
    default=None,
    help="Explore the schedules of the kernel's own code too (the default, but with --workload, --run and --trace).",
)
@click.option(
    "--race", "races", multiple=True, metavar="NAME", help="Explore only this race or scenario, or `all`; no workloads."
)
@click.option("--bound", type=int, default=2, show_default=True, help="The most preemptions of a schedule.")
@click.option("--budget", type=int, metavar="N", help="The most schedules of a race; by default what takes seconds.")
@click.option("--strategy", default="bounding", show_default=True, metavar="NAME", help="How schedules are chosen.")
@click.option("--save", "save_file", metavar="FILE", help="Write the schedules that show violations, for `replay`.")
@format_options
@click.pass_context
def check(context: click.Context, /, **options: Any) -> None:
    """Check a kernel: boot it, run it under every workload, verify every state.

    KERNEL is an xv6 tree that was built, or its kernel/kernel. It is not changed, and runs only inside an emulator.
    """
    _tell_of_compiling()
    from cowcheck.checker.check.options import CheckOptions
    from cowcheck.checker.check_command import check_command
    from cowcheck.checker.formats.writing import writing

    with writing("check", options, version()) as formats:
        context.exit(check_command(CheckOptions(heard=formats.kernel, **options)))


@cli.command(epilog="\b\n" + exit_status.HELP)
@click.argument("kernel", metavar="KERNEL")
@click.option("-o", "trace_file", required=True, metavar="FILE", help="The trace file to write (.gz, .zst: packed).")
@click.option("--workload", "workloads", multiple=True, metavar="NAME", help="Run only this workload; may be repeated.")
@click.option("--run", "program", metavar="COMMAND", help="Run this program of the submission's own disk instead.")
@click.option("--build", is_flag=True, help="First build the tree with its own Makefile (which runs on this machine).")
@_machine_option
@click.option("--harts", type=click.IntRange(1, 8), help="Run every workload on so many harts.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Draws the harts' turns.")
@click.pass_context
def record(context: click.Context, /, **options: Any) -> None:
    """Record a kernel under the workloads, for `cowcheck verify` to judge later."""
    _tell_of_compiling()
    from cowcheck.checker.check.options import CheckOptions
    from cowcheck.checker.check_command import check_command

    context.exit(check_command(CheckOptions(verify=False, **options)))


@cli.command(epilog="\b\n" + exit_status.HELP)
@click.argument("file", metavar="FILE")
@click.option("--oracle", type=click.Choice(["z3"]), help="Let z3 itself judge every view, not the compiled form.")
@click.option("--json", "json_file", metavar="FILE", help="Write the result as JSON; - is stdout, and only that.")
@format_options
@click.pass_context
def verify(context: click.Context, /, **options: Any) -> None:
    """Verify a recording of a kernel: a trace file (plain, .gz or .zst), or - for stdin.

    docs/trace.md describes the format, and how another emulator can write it.
    """
    from cowcheck.checker.formats.writing import writing
    from cowcheck.checker.verify_command import verify_command

    with writing("verify", options, version()) as formats:
        context.exit(verify_command(options["file"], options["json_file"], options["oracle"] == "z3", formats.kernel))


@cli.command()
@click.argument("old", metavar="OLD.json")
@click.argument("new", metavar="NEW.json")
@click.option(
    "--slower",
    "factor",
    type=click.FloatRange(1.0),
    default=1.5,
    show_default=True,
    metavar="FACTOR",
    help="How much more than before is told as slower.",
)
@click.pass_context
def diff(context: click.Context, old: str, new: str, factor: float) -> None:
    """Compare two results of `--json`: what is new, fixed, still there, and slower.

    Both are of `explore`, or both of `check` or `verify`.

    Exit status: 0 nothing new is violated; 1 something is; 2 a file is no such result.
    """
    from cowcheck.checker.formats.diff_command import diff_command

    context.exit(diff_command(Path(old), Path(new), factor))


def _tell_of_compiling() -> None:
    """Says why the first command of a version takes longer."""
    from cowcheck.machine.native_cache import ROOT, is_compiled

    if not is_compiled(ROOT / "machine" / "record" / "hooks.py"):
        tell("compiling the emulator's callbacks, which is done once and takes about half a minute ...")


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
