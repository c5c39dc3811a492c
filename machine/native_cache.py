"""Where compiled code is kept: folders of the user's cache, each named by everything that its code was compiled from.

numba keeps a function for as long as its own file is unchanged, although the code has constants, record layouts and
whole functions of other files in it, all of which it got by importing. So a file's code is kept in a folder that is
named by a digest of the file and of every file of ours that it imports, directly or not, and of the versions of Python,
numba, llvmlite, numpy and Unicorn. A change starts a new folder for each file that it can reach, and for no other.
"""

from __future__ import annotations

import ast
import atexit
import os
import shutil
import sys
import tempfile
import time
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path

STARTED = time.time()
ROOT = Path(__file__).resolve().parent.parent  # the folder of our packages
PACKAGE = "cowcheck"
VERSIONED = ("numba", "llvmlite", "numpy", "unicorn")
KEPT = 4  # folders of a file's other versions that stay


@cache
def cache_directory(source: Path) -> Path:
    """The folder for the code of this file; made where that can be, else one that ends with the process."""
    source = source.resolve()
    if any(path.stat().st_mtime >= STARTED for path in imported_files(source)):
        return _passing()  # what was imported may not be what is in the files now
    folder = _lasting(source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(folder)
        os.utime(folder)
        _forget_old(folder)
    except OSError:
        return _passing()
    return folder


@cache
def _passing() -> Path:
    """A folder that ends with the process."""
    folder = Path(tempfile.mkdtemp(prefix="cowcheck-native-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _lasting(source: Path) -> Path:
    """The folder in the user's cache, made or not."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    inside = source.relative_to(ROOT).with_suffix("") if source.is_relative_to(ROOT) else Path(source.stem)
    return Path(base) / "cowcheck" / "native" / ".".join(inside.parts) / digest(source)


def is_compiled(source: Path) -> bool:
    """Whether the code of this file was compiled before: if not, whoever imports it waits."""
    folder = _lasting(source.resolve())
    return folder.is_dir() and any(folder.iterdir())


def digest(source: Path, root: Path = ROOT) -> str:
    """A digest of a Python file, of what it imports of ours, and of what compiles and runs it."""
    found = sha256(_versions())
    for path in sorted(imported_files(source, root)):
        text = _text_and_names(path, root)[0]
        found.update(f"\0{os.path.relpath(path, root)}\0{len(text)}\0".encode() + text)
    return found.hexdigest()[:24]


@cache
def _versions() -> bytes:
    return "\0".join((sys.version, *(metadata.version(name) for name in VERSIONED))).encode()


def imported_files(source: Path, root: Path = ROOT) -> set[Path]:
    """The file, and every file below ``root`` that it imports, anywhere in it, directly or through another.

    The packages that a module lies in are none of them: they are run, but nothing is taken from them.
    """
    found, waiting = {source}, [source]
    while waiting:
        for name in _text_and_names(waiting.pop(), root)[1]:
            path = _file_of(name, root)
            if path is not None and path not in found:
                found.add(path)
                waiting.append(path)
    return found


def _file_of(name: str, root: Path) -> Path | None:
    """The module of ours that a name is, or is in; None where it is not ours."""
    top, *parts = name.split(".")
    folder, found = root, None
    for part in parts if top == PACKAGE else []:
        folder /= part
        module, package = folder.with_name(f"{part}.py"), folder / "__init__.py"
        if module.is_file():
            return module
        if not folder.is_dir():
            break
        found = package if package.is_file() else found
    return found


@cache
def _text_and_names(path: Path, root: Path) -> tuple[bytes, frozenset[str]]:
    """A file's contents, and the names that it imports, made absolute; ``from a import b`` is ``a.b``."""
    text, names = path.read_bytes(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = [PACKAGE, *path.relative_to(root).parent.parts] if node.level else []
            above = start[: len(start) - node.level + 1]
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return text, frozenset(names)


def _forget_old(current: Path) -> None:
    """Removes all but the folders used last, of those for the same file."""
    others = [item for item in current.parent.iterdir() if item != current]
    for item in sorted(others, key=lambda item: item.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(item, ignore_errors=True)
