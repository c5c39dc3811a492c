"""C that is compiled at run time, once: a shared library is kept in the user's cache, named by all that made it.

The digest is of every text, of the flags, and of the compiler (its path, size and time). The program of a design is
compiled without optimisation: its steps are short, the search around them takes the time, and compiling it with -O1
takes twice as long to gain a tenth. The search, which is the same for every design, is optimised, and its object kept.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

COMPILERS = ("cc", "gcc", "clang")
COMMON_FLAGS = ("-c", "-std=gnu11", "-fwrapv", "-fPIC", "-w")
LINK_FLAGS = ("-shared",)
KEPT = 64  # files that stay in the cache
_TOLD_LINES = 8


class CompilerError(Exception):
    """The compiler does not compile what it is given."""


class Unit(NamedTuple):
    """One C file to compile. ``files`` are all that it is made of, by name; the first is the one to compile."""

    files: Mapping[str, str]
    level: str

    @property
    def main(self) -> str:
        return next(iter(self.files))


@cache
def find_compiler() -> Path | None:
    """The system's C compiler; None where there is none."""
    for name in COMPILERS:
        if found := shutil.which(name):
            return Path(found)
    return None


def built(units: tuple[Unit, ...], compiler: Path) -> Path:
    """The shared library of the units. Raises :class:`CompilerError`."""
    folder = _folder()
    library = folder / f"engine-{_digest(units, compiler)}.so"
    if _is_there(library):
        return library
    with _scratch(folder) as scratch:
        objects = [folder / f"part-{_digest((unit,), compiler)}.o" for unit in units]
        missing = [(unit, target) for unit, target in zip(units, objects, strict=True) if not _is_there(target)]
        running = [
            _start(unit, target, scratch / str(number), compiler) for number, (unit, target) in enumerate(missing)
        ]
        for process, (_, target) in zip(running, missing, strict=True):
            _finish(process, scratch, target)
        linked = scratch / "linked"
        command = [str(compiler), *LINK_FLAGS, "-o", str(linked), *map(str, objects)]
        _finish(_run(command, linked), scratch, library)
    _forget_old(folder)
    return library


# --- the compiler ---


class _Process(NamedTuple):
    name: str
    popen: subprocess.Popen[str]
    output: Path


def _start(unit: Unit, target: Path, folder: Path, compiler: Path) -> _Process:
    folder.mkdir()
    for name, text in unit.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    output = folder / target.name
    command = [str(compiler), *COMMON_FLAGS, unit.level, "-I", str(folder), "-o", str(output), str(folder / unit.main)]
    return _run(command, output)


def _run(command: list[str], output: Path) -> _Process:
    try:
        popen = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            encoding="utf-8", errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise CompilerError(f"{command[0]}: {error.strerror or error}") from error
    return _Process(command[0], popen, output)


def _finish(process: _Process, scratch: Path, target: Path) -> None:
    """Waits for the compiler; puts what it made where it is kept, all at once."""
    told, _ = process.popen.communicate()
    if process.popen.returncode != 0 or not process.output.is_file():
        lines = told.replace(str(scratch), "").splitlines()[:_TOLD_LINES]
        raise CompilerError("\n".join([f"{process.name} ended with {process.popen.returncode}", *lines]))
    os.replace(process.output, target)


def _digest(units: tuple[Unit, ...], compiler: Path) -> str:
    status = compiler.stat()
    found = sha256(repr((str(compiler), status.st_size, status.st_mtime_ns, COMMON_FLAGS, LINK_FLAGS)).encode())
    for unit in units:
        found.update(f"\0{unit.level}".encode())
        for name, text in unit.files.items():
            found.update(f"\0{name}\0{text}".encode())
    return found.hexdigest()[:32]


# --- the cache ---


def _folder() -> Path:
    """Where libraries are kept; a folder that ends with the process where the user's cache cannot be written."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(base) / "cowcheck" / "engines"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(folder)
    except OSError:
        return _passing()
    return folder


@cache
def _passing() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cowcheck-engines-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder beside those that are kept, so that what is made in it can be moved there at once."""
    scratch = Path(tempfile.mkdtemp(prefix="making-", dir=folder))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _is_there(path: Path) -> bool:
    """Whether it is kept; it counts as used now."""
    try:
        os.utime(path)
    except OSError:
        return False
    return True


def _forget_old(folder: Path) -> None:
    """Removes all but the files used last. Another process may be at it too."""
    files = []
    for path in (*folder.glob("engine-*.so"), *folder.glob("part-*.o")):
        try:
            files.append((path.stat().st_mtime, path))
        except OSError:
            continue
    for _, path in sorted(files)[:-KEPT]:
        path.unlink(missing_ok=True)
