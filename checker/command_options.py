"""What several commands share: the version, ``--report``, a word where the first run takes longer."""

from __future__ import annotations

from importlib import metadata

import click

from cowcheck.checker.streams import tell


def version() -> str:
    """The version of the installed package."""
    try:
        return metadata.version("cowcheck")
    except metadata.PackageNotFoundError:
        return "0 (not installed)"


report_option = click.option(
    "--report",
    "report_file",
    metavar="FILE",
    help="Write an HTML page of the result, with every step of what is shown.",
)


def tell_of_compiling() -> None:
    """Says why the first command of a version takes longer."""
    from cowcheck.machine.native_cache import ROOT, is_compiled

    if not is_compiled(ROOT / "machine" / "record" / "hooks.py"):
        tell("compiling the emulator's callbacks, which is done once and takes about half a minute ...")
