"""What cowcheck ships, the designs and scenarios in ``specs``, found by listing the folders; and a user's own files.

Adding a design or a scenario is adding a file; nothing else knows their names.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from cowcheck.model.errors import CowcheckError
from cowcheck.model.ir import Program
from cowcheck.model.lower import lower
from cowcheck.model.scenario import Scenario, load_scenario
from cowcheck.model.source import Linked, Unit, link, load_base


class Design(NamedTuple):
    """A design, ready to run. ``path`` is the file that it was read from."""

    path: Path
    linked: Linked
    program: Program

    @property
    def name(self) -> str:
        return self.linked.info.name


def specs_directory() -> Path:
    """The folder of ``cowcheck.specs``, wherever the package is installed."""
    import cowcheck.specs

    assert cowcheck.specs.__file__ is not None
    return Path(cowcheck.specs.__file__).resolve().parent


@cache
def _base() -> tuple[Unit, ...]:
    return load_base(specs_directory() / "xv6")


def _files(folder: str) -> list[Path]:
    return sorted(path for path in (specs_directory() / folder).glob("*.py") if path.name != "__init__.py")


def load_design(path: Path, shown: str | None = None) -> Design:
    """The design in a file. Raises :class:`CowcheckError`."""
    linked = link(path, shown or str(path), _base(), specs_directory() / "designs")
    return Design(path, linked, lower(linked))


@cache
def designs() -> dict[str, Design]:
    """The designs that cowcheck ships, by name: first the five published ones, then their variants."""
    found = [load_design(path, f"specs/designs/{path.name}") for path in _files("designs")]
    found.sort(key=lambda design: (design.linked.info.variant_of != "", design.name))
    return {design.name: design for design in found}


@cache
def scenarios() -> dict[str, Scenario]:
    """The scenarios that cowcheck ships, by name."""
    found = [load_scenario(path, f"specs/scenarios/{path.name}") for path in _files("scenarios")]
    return {scenario.name: scenario for scenario in sorted(found, key=lambda scenario: scenario.name)}


def _is_file(name: str) -> bool:
    return name.endswith(".py") or "/" in name


def find_design(name: str) -> Design:
    """The design of that name, or in that file. Raises :class:`CowcheckError`."""
    if _is_file(name):
        return load_design(Path(name))
    if name not in designs():
        raise CowcheckError(f"unknown design '{name}'; known: {', '.join(designs())}, or a path that ends in .py")
    return designs()[name]


def find_scenario(name: str) -> Scenario:
    """The scenario of that name, or in that file. Raises :class:`CowcheckError`."""
    if _is_file(name):
        return load_scenario(Path(name), name)
    if name not in scenarios():
        raise CowcheckError(f"unknown scenario '{name}'; known: {', '.join(scenarios())}, or a path that ends in .py")
    return scenarios()[name]
