"""The commands about kernels: ``check``, ``record``, ``verify``; and ``diff``, which compares results of any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cowcheck.checker import exit_status
from cowcheck.checker.command_options import report_option, tell_of_compiling, version
from cowcheck.checker.formats.options import format_options

_machine_option = click.option(
    "--machine",
    type=click.Choice(["board", "qemu"]),
    default="board",
    show_default=True,
    help="What runs the kernel: the built-in board, or QEMU where it is installed.",
)


@click.command(epilog="\b\n" + exit_status.HELP)
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
@report_option
@format_options
@click.pass_context
def check(context: click.Context, /, **options: Any) -> None:
    """Check a kernel: boot it, run it under every workload, verify every state.

    KERNEL is an xv6 tree that was built, or its kernel/kernel. It is not changed, and runs only inside an emulator.
    """
    tell_of_compiling()
    from cowcheck.checker.check.options import CheckOptions
    from cowcheck.checker.check_command import check_command
    from cowcheck.checker.formats.writing import writing

    with writing("check", options, version()) as formats:
        context.exit(check_command(CheckOptions(heard=formats.kernel, **options)))


@click.command(epilog="\b\n" + exit_status.HELP)
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
    tell_of_compiling()
    from cowcheck.checker.check.options import CheckOptions
    from cowcheck.checker.check_command import check_command

    context.exit(check_command(CheckOptions(verify=False, **options)))


@click.command(epilog="\b\n" + exit_status.HELP)
@click.argument("file", metavar="FILE")
@click.option("--oracle", type=click.Choice(["z3"]), help="Let z3 itself judge every view, not the compiled form.")
@click.option("--json", "json_file", metavar="FILE", help="Write the result as JSON; - is stdout, and only that.")
@report_option
@format_options
@click.pass_context
def verify(context: click.Context, /, **options: Any) -> None:
    """Verify a recording of a kernel: a trace file (plain, .gz or .zst), or - for stdin.

    docs/trace.md describes the format, and how another emulator can write it.
    """
    from cowcheck.checker.formats.writing import writing
    from cowcheck.checker.verify_command import verify_command

    with writing("verify", options, version()) as formats:
        oracle = options.pop("oracle") == "z3"
        context.exit(verify_command(**options, oracle=oracle, heard=formats.kernel))


@click.command()
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
