"""``cowcheck export``: a design in a scenario, written as a model for another checker."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cowcheck.checker.exit_status import ExitStatus
from cowcheck.model.errors import CowcheckError


@click.command()
@click.option("--design", required=True, metavar="NAME|FILE", help="The design.")
@click.option("--scenario", required=True, metavar="NAME|FILE", help="The scenario.")
@click.option("--format", "kind", default="promela", show_default=True, metavar="NAME", help="What to write: promela.")
@click.option("-o", "file", required=True, metavar="FILE", help="The file to write; - is stdout.")
@click.option("--harts", type=int, metavar="N", help="Harts, instead of the scenario's own number.")
@click.option("--frames", type=int, metavar="N", help="Frames of RAM, instead of the scenario's own number.")
@click.option("--pages", type=int, metavar="N", help="Pages of the program's image, instead of the scenario's own.")
def export(
    design: str, scenario: str, kind: str, file: str, harts: int | None, frames: int | None, pages: int | None
) -> None:
    """Write a design in a scenario as a model for another checker.

    It is the same program, step for step: SPIN counts the states that `explore --no-symmetry` counts. docs/export.md
    says how to run it.
    """
    from cowcheck.checker.catalogue import is_path, shipped_files
    from cowcheck.checker.export.formats import FORMATS
    from cowcheck.checker.job import Job, load
    from cowcheck.checker.output import check_apart, check_writable, write_text

    if kind not in FORMATS:
        raise CowcheckError(f"--format {kind}: unknown format; known: {', '.join(FORMATS)}")
    if file != "-":
        check_writable(Path(file), "-o")
        check_apart({"-o": file}, (*shipped_files(), *map(Path, filter(is_path, (design, scenario)))))
    text = FORMATS[kind](*load(Job(design, scenario, harts, frames, pages)))
    if file == "-":
        sys.stdout.write(text)
    else:
        write_text(Path(file), text)
    click.get_current_context().exit(ExitStatus.PASS)
