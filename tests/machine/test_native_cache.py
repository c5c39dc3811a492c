"""Compiled code is kept under everything that it was compiled from: a change reaches what it can reach, and no more."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cowcheck.machine import native_cache
from cowcheck.machine.native import compiled
from cowcheck.machine.native_cache import KEPT, ROOT, cache_directory, digest, imported_files, is_compiled

TREE = {
    "machine/base.py": "LIMIT = 3\n",
    "machine/uses.py": "import os\nfrom cowcheck.machine.base import LIMIT\n",
    "machine/deep.py": "from cowcheck.machine import uses\n",
    "machine/late.py": "def f():\n    from cowcheck.machine.base import LIMIT\n    return LIMIT\n",
    "machine/relative.py": "from .base import LIMIT\nfrom . import uses\n",
    "machine/package/__init__.py": "from cowcheck.machine.package.inner import NAME\n",
    "machine/package/inner.py": "NAME = 1\n",
    "machine/package/other.py": "NAME = 2\n",
    "machine/by_package.py": "from cowcheck.machine.package import NAME\n",
    "machine/in_package.py": "import cowcheck.machine.package.other\n",
    "machine/circle.py": "import cowcheck.machine.ring\n",
    "machine/ring.py": "import cowcheck.machine.circle\n",
    "machine/missing.py": "from cowcheck.machine.nothing import X\nimport numpy\n",
    "machine/alone.py": "A = 1\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """What was read of files is forgotten: they change here."""
    forget()
    yield
    forget()


def forget() -> None:
    native_cache._text_and_names.cache_clear()
    cache_directory.cache_clear()


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("uses", {"uses", "base"}),
        ("deep", {"deep", "uses", "base"}),
        ("late", {"late", "base"}),
        ("relative", {"relative", "uses", "base"}),
        ("by_package", {"by_package", "package/__init__", "package/inner"}),
        ("in_package", {"in_package", "package/other"}),
        ("circle", {"circle", "ring"}),
        ("missing", {"missing"}),
        ("alone", {"alone"}),
    ],
)
def test_what_a_file_is_made_of(tree: Path, file: str, expected: set[str]) -> None:
    found = imported_files(tree / "machine" / f"{file}.py", tree)
    assert {path.relative_to(tree / "machine").with_suffix("").as_posix() for path in found} == expected


def test_a_change_reaches_what_imports_it(tree: Path) -> None:
    files = [tree / name for name in TREE]
    before = {path: digest(path, tree) for path in files}
    assert len(set(before.values())) == len(before) - 1  # the two that import each other are made of the same
    (tree / "machine/base.py").write_text("LIMIT = 4\n", encoding="utf-8")
    forget()
    changed = {path.stem for path in files if digest(path, tree) != before[path]}
    assert changed == {"base", "uses", "deep", "late", "relative"}


def test_another_version_of_the_compiler(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(tree / "machine/alone.py", tree)
    monkeypatch.setattr(native_cache, "_versions", lambda: b"other")
    assert digest(tree / "machine/alone.py", tree) != before


def test_what_compiled_code_is_made_of() -> None:
    """The record layouts and the PTE's bits are in the recorder's code; QEMU and the disk are not."""
    names = {path.relative_to(ROOT).as_posix() for path in imported_files(ROOT / "machine/record/hooks.py")}
    assert {"machine/native.py", "machine/board/state.py", "machine/record/observer.py", "model/sv39.py"} <= names
    assert not {name for name in names if name.startswith(("machine/qemu", "machine/disk", "machine/elf", "checker"))}


@pytest.fixture
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def source(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes a file that was there before the process began."""
    monkeypatch.setattr(native_cache, "ROOT", tree)

    def write(text: str) -> Path:
        path = tree / "machine/alone.py"
        path.write_text(text, encoding="utf-8")
        os.utime(path, (1, 1))
        forget()
        return path

    return write


def test_the_last_few_folders_stay(cache_home: Path, source: Callable[[str], Path]) -> None:
    folders = []
    for number in range(KEPT + 3):
        folders.append(cache_directory(source(f"A = {number}\n")))
        os.utime(folders[-1], (number, number))
    assert folders[0].parent == cache_home / "cowcheck" / "native" / "machine.alone"
    assert [folder.is_dir() for folder in folders] == [False, False] + [True] * (KEPT + 1)
    assert cache_directory(source("A = 3\n")) == folders[3]


def test_a_file_that_changed_since_it_was_imported_is_not_kept(cache_home: Path, source: Callable[[str], Path]) -> None:
    path = source("A = 1\n")
    os.utime(path, (time.time() + 1, time.time() + 1))
    forget()
    assert cache_home not in cache_directory(path).parents


def test_a_cache_that_cannot_be_written(cache_home: Path, source: Callable[[str], Path]) -> None:
    cache_home.write_text("no folder", encoding="utf-8")
    folder = cache_directory(source("A = 1\n"))
    assert folder.is_dir()
    assert cache_home not in folder.parents


def test_whether_code_is_kept_already(cache_home: Path, source: Callable[[str], Path]) -> None:
    path = source("A = 1\n")
    assert not is_compiled(path)
    folder = cache_directory(path)
    assert not is_compiled(path)
    (folder / "something").mkdir()
    assert is_compiled(path)


def test_a_function_is_kept_in_its_files_folder(cache_home: Path) -> None:
    twice = compiled(doubled)
    assert twice(21) == 42
    here = cache_directory(Path(__file__))
    assert list(here.rglob("*doubled*"))


def doubled(value: int) -> int:
    return 2 * value
