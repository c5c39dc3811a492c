"""Imports run one way: `specs` and `machine` use `model`, `checker` all three, and nothing uses `checker`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ARROWS = {  # a folder, and the other folders whose modules it may import
    "model": set[str](),
    "machine": {"model"},
    "specs": {"model"},
    "checker": {"model", "machine", "specs"},
}


def imported_modules(source: str, package: str) -> Iterator[tuple[int, str]]:
    """The line and the absolute name of all that a module of `package` imports, functions' imports included.

    `from a import b` yields `a.b`, because `b` may be a module.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            anchor = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*anchor, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def forbidden_imports(source: str, package: str) -> list[str]:
    """What is wrong with the imports of a module of `package` (`cowcheck.specs.designs`, say)."""
    folder = package.split(".")[1]
    found = []
    for line, name in imported_modules(source, package):
        top, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        reason = None
        if top in ARROWS or top == "tests":
            reason = "folders are imported as cowcheck.*, and tests not at all"
        elif top == "cowcheck" and target not in ARROWS:
            reason = f"cowcheck holds only {', '.join(sorted(ARROWS))}"
        elif top == "cowcheck" and target != folder and target not in ARROWS[folder]:
            reason = f"of the other folders, {folder} may import {sorted(ARROWS[folder]) or 'none'}"
        if reason:
            found.append(f"{line}: imports {name}: {reason}")
    return found


@pytest.mark.parametrize("folder", sorted(ARROWS))
def test_every_import_follows_the_arrows(folder: str) -> None:
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        place = path.relative_to(ROOT)
        package = ".".join(["cowcheck", *place.parent.parts])
        found += [f"{place}:{reason}" for reason in forbidden_imports(path.read_text("utf-8"), package)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("cowcheck.model", "import cowcheck.specs.invariants"),
        ("cowcheck.model", "from cowcheck import machine"),
        ("cowcheck.model", "from ..specs import invariants"),
        ("cowcheck.model", "def late():\n    from cowcheck.checker.explore import search"),
        ("cowcheck.machine", "from .. import specs"),
        ("cowcheck.specs", "import re, cowcheck.machine as m"),
        ("cowcheck.specs.designs", "from ...checker import cli"),
        ("cowcheck.checker", "import model.views"),
        ("cowcheck.checker", "from cowcheck import utils"),
        ("cowcheck.checker", "import cowcheck"),
        ("cowcheck.checker", "from tests.toys import counter"),
    ],
)
def test_a_forbidden_import_is_found(package: str, source: str) -> None:
    assert len(forbidden_imports(source, package)) == 1


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("cowcheck.model", "import z3\nfrom . import views\nfrom .views import FrameView"),
        ("cowcheck.model", "from cowcheck.model.views import FrameView"),
        ("cowcheck.machine", "from cowcheck.model import views"),
        ("cowcheck.specs.designs", "from ...model import views\nfrom . import lab_plan"),
        ("cowcheck.checker", "from cowcheck.specs import invariants\nfrom cowcheck import machine, model"),
    ],
)
def test_an_allowed_import_passes(package: str, source: str) -> None:
    assert forbidden_imports(source, package) == []
