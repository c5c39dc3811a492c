"""The commands about designs, and those about what there is: ``explore``, ``list``, ``replay``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cowcheck.checker import exit_status
from cowcheck.checker.command_options import report_option, tell_of_compiling, version
from cowcheck.checker.formats.options import format_options
from cowcheck.checker.printable import printable
from cowcheck.model.errors import CowcheckError


@click.command(epilog="\b\n" + exit_status.HELP)
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
@click.option(
    "--engine",
    type=click.Choice(["auto", "native", "reference"]),
    default="auto",
    help="What runs the design: C, compiled (where there is a compiler), or the reference interpreter. [default: auto]",
)
@click.option("--no-symmetry", is_flag=True, help="Tell states apart that differ in the names of frames or harts only.")
@click.option(
    "--merge",
    type=click.Choice(["never", "large", "always"]),
    default="large",
    help="When a process that holds a lock runs on to its release in one step: in searches that become large, or in "
    "all. [default: large]",
)
@click.option("--no-reduction", is_flag=True, help="The plain graph: --no-symmetry and --merge never.")
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
@report_option
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


@click.command("list")
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


@click.command()
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
        tell_of_compiling()
        from cowcheck.checker.interleave.replay import replay_schedules

        context.exit(replay_schedules(Path(file), number, kernel, step))
    if kernel is not None or step:
        raise CowcheckError(f"--kernel and --step are for schedules of a kernel; {file} holds none")
    from cowcheck.checker.replay_command import replay_command

    context.exit(replay_command(Path(file), number, oracle == "z3"))
