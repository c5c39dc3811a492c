"""The options of every command that judges, for the formats that other programs read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--junit", "junit_file", metavar="FILE", help="Write JUnit XML."),
    click.option("--sarif", "sarif_file", metavar="FILE", help="Write SARIF 2.1.0, for code scanning."),
    click.option("--github", is_flag=True, help="Annotate a GitHub workflow, and write its step summary."),
    click.option("--gradescope", "gradescope_file", metavar="FILE", help="Write Gradescope's results.json."),
    click.option("--rubric", "rubric_file", metavar="FILE", help="Points for --gradescope (docs/autograder)."),
)


def format_options(function: Function) -> Function:
    """Adds the options to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """The options as they were given."""

    junit_file: str | None = None
    sarif_file: str | None = None
    github: bool = False
    gradescope_file: str | None = None
    rubric_file: str | None = None

    @classmethod
    def out_of(cls, options: dict[str, Any]) -> FormatOptions:
        """Takes its own out of all options of a command."""
        return cls(**{field.name: options.pop(field.name) for field in fields(cls)})

    def files(self) -> dict[str, str]:
        """The files to write, by option."""
        named = {"--junit": self.junit_file, "--sarif": self.sarif_file, "--gradescope": self.gradescope_file}
        return {option: file for option, file in named.items() if file is not None}
