"""The project's own files agree: pyproject.toml with what is there to ship, the Makefile with its help."""

import importlib
import os
import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("checker", "machine", "model", "specs")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]


def shipped_files(folder: str) -> list[Path]:
    """Every file below `folder`, relative to the root, without what Python and editors leave there."""
    files = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file())
    return sorted(path for path in files if "__pycache__" not in path.parts and not path.name.startswith("."))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_package_is_typed(folder: str) -> None:
    assert (ROOT / folder / "py.typed").is_file()


def test_pyproject_lists_every_package() -> None:
    """A package that is not listed works in an editable install, and is missing from the wheel."""
    folders = {path.parent for folder in FOLDERS for path in shipped_files(folder) if path.suffix == ".py"}
    assert sorted(SETUPTOOLS["packages"]) == sorted(".".join(["cowcheck", *path.parts]) for path in folders)


@pytest.mark.parametrize("package", SETUPTOOLS["packages"])
def test_a_package_is_imported_from_its_folder(package: str) -> None:
    """The tests test this tree, not some other cowcheck that is installed."""
    folder = ROOT.joinpath(*package.split(".")[1:])
    assert (folder / "__init__.py").is_file()
    assert Path(str(importlib.import_module(package).__file__)).parent.samefile(folder)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_in_the_wheel(folder: str) -> None:
    """Python files are; any other file must match a pattern in [tool.setuptools.package-data]."""
    data: dict[str, list[str]] = SETUPTOOLS["package-data"]
    missing = []
    for path in shipped_files(folder):
        package = ".".join(["cowcheck", *path.parent.parts])
        patterns = ["*.py", *data.get("*", []), *data.get(package, [])]
        if not any(fnmatch(path.name, pattern) for pattern in patterns):
            missing.append(str(path))
    assert not missing


def test_the_installed_version_is_pyprojects() -> None:
    assert metadata.version("cowcheck") == PYPROJECT["project"]["version"]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):(?!=)", makefile, re.MULTILINE))
    assert {"help", "explore", "test", "check", "format", "docs", "clean"} <= targets
    outer_make = ("MAKE", "MFLAGS")  # `make test` would hand its own flags down
    environment = {name: value for name, value in os.environ.items() if not name.startswith(outer_make)}
    for arguments in (["help"], []):
        command = ["make", "--no-print-directory", *arguments]
        printed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        assert set(re.findall(r"^make ([\w-]+) +\S", printed.stdout, re.MULTILINE)) == targets
