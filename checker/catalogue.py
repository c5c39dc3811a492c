"""What cowcheck ships, the designs and scenarios in ``specs``, found by listing the folders; and a user's own files.

Adding a design or a scenario is adding a file; nothing else knows their names.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from cowcheck.model.errors import CowcheckError, Place, SourceError
from cowcheck.model.ir import Program
from cowcheck.model.link import Linked, link, load_base
from cowcheck.model.lower import lower
from cowcheck.model.scenario import Scenario
from cowcheck.model.scenario_file import load_scenario
from cowcheck.model.source import DesignInfo, Unit, load_unit


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


def shipped_files() -> list[Path]:
    """Every file that a run of what cowcheck ships may read: the designs, the scenarios, the base kernel."""
    return [path for folder in ("designs", "scenarios", "xv6") for path in _files(folder)]


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
def _design_units() -> dict[str, tuple[Path, DesignInfo]]:
    found: dict[str, tuple[Path, DesignInfo]] = {}
    for path in _files("designs"):
        unit = load_unit(path, f"specs/designs/{path.name}")
        if unit.info is None:
            raise SourceError(
                unit.place(1), "the file declares no design", "add DESIGN = Design(name='...', title='...')"
            )
        if unit.info.name in found:
            raise SourceError(unit.place(1), f"another design is called '{unit.info.name}' too", "give it another name")
        found[unit.info.name] = (path, unit.info)
    return dict(sorted(found.items(), key=lambda item: (item[1][1].variant_of != "", item[0])))


def design_infos() -> dict[str, DesignInfo]:
    """What the designs that cowcheck ships say of themselves: first the published ones, then their variants."""
    return {name: info for name, (_, info) in _design_units().items()}


def design_names() -> list[str]:
    """The names of the designs that cowcheck ships, in their order."""
    return list(design_infos())


@cache
def shipped_design(name: str) -> Design:
    """The design of that name, compiled; no other one is."""
    path, _ = _design_units()[name]
    return load_design(path, f"specs/designs/{path.name}")


def designs() -> dict[str, Design]:
    """The designs that cowcheck ships, by name."""
    return {name: shipped_design(name) for name in design_infos()}


@cache
def scenarios() -> dict[str, Scenario]:
    """The scenarios that cowcheck ships, by name."""
    found: dict[str, Scenario] = {}
    for path in _files("scenarios"):
        scenario = load_scenario(path, f"specs/scenarios/{path.name}")
        if scenario.name in found:
            place = Place(scenario.shown, 1)
            raise SourceError(place, f"another scenario is called '{scenario.name}' too", "give it another name")
        found[scenario.name] = scenario
    return dict(sorted(found.items()))


def scenario_names() -> list[str]:
    """The names of the scenarios that cowcheck ships, in their order."""
    return list(scenarios())


@lru_cache(maxsize=16)
def _user_design(name: str, version: tuple[int, int]) -> Design:
    """The design in a user's file. Many scenarios ask for the same one, and compiling takes a moment."""
    return load_design(Path(name))


def _version(name: str) -> tuple[int, int]:
    try:
        status = Path(name).stat()
    except OSError:
        return 0, 0  # reading it will say why
    return status.st_mtime_ns, status.st_size


def is_path(name: str) -> bool:
    """Whether a design or a scenario is named by its file."""
    return name.endswith(".py") or "/" in name


def find_design(name: str) -> Design:
    """The design of that name, or in that file. Raises :class:`CowcheckError`."""
    if is_path(name):
        return _user_design(name, _version(name))
    if name not in design_infos():
        raise CowcheckError(f"unknown design '{name}'; known: {', '.join(design_infos())}, or a path that ends in .py")
    return shipped_design(name)


def find_scenario(name: str) -> Scenario:
    """The scenario of that name, or in that file. Raises :class:`CowcheckError`."""
    if is_path(name):
        return load_scenario(Path(name), name)
    if name not in scenarios():
        raise CowcheckError(f"unknown scenario '{name}'; known: {', '.join(scenarios())}, or a path that ends in .py")
    return scenarios()[name]
