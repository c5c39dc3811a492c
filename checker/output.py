"""Files that the user asked for: whether they can be written is asked before an exploration, not after it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from cowcheck.model.errors import CowcheckError


def check_writable(path: Path, option: str) -> None:
    """Raises :class:`CowcheckError` where nothing can be written to ``path``."""
    folder = path.parent
    if path.is_dir():
        problem = "it is a folder; name a file in it"
    elif not folder.is_dir():
        problem = f"there is no folder '{folder}'; make it first"
    elif not os.access(path if path.exists() else folder, os.W_OK):
        problem = "permission denied; name a file that you may write"
    else:
        return
    raise CowcheckError(f"{option} {path}: cannot be written: {problem}")


def check_report(file: str | None, *others: str | None) -> None:
    """The same for the file of ``--report``, which never is stdout, nor a file that the call reads or writes too."""
    if file is None:
        return
    if file == "-":
        raise CowcheckError("--report -: a page is for a browser; name a file (./- is one)")
    path = Path(file)
    check_writable(path, "--report")
    for other in others:
        if other is not None and other != "-" and Path(other).resolve() == path.resolve():
            raise CowcheckError(f"--report {file}: that is another file of this call; name one of its own")


def check_apart(outputs: Mapping[str, str], inputs: Iterable[Path]) -> None:
    """Raises :class:`CowcheckError` where an output, by its option, would overwrite an input or another output.

    Links are followed. What is no regular file (``/dev/null``) loses nothing.
    """
    read = {path.resolve() for path in inputs}
    written: dict[Path, str] = {}
    for option, file in outputs.items():
        path = Path(file).resolve()
        if path.exists() and not path.is_file():
            continue
        if path in read or (path.exists() and any(other.exists() and other.samefile(path) for other in read)):
            raise CowcheckError(
                f"{option} {file}: that would overwrite a design, a scenario or a kernel; name another file"
            )
        for other, before in written.items():
            if other == path or (other.exists() and path.exists() and other.samefile(path)):
                raise CowcheckError(f"{option} {file}: {before} writes that file too; name another one")
        written[path] = option


def replace_text(path: Path, text: str) -> None:
    """Writes a file at one stroke: whoever reads it, and whatever ends this process, finds the old text or the new one.

    Raises :class:`CowcheckError` where it cannot be written.
    """
    path = path.resolve()
    beside = path.with_name(f".{path.name[:100]}.{os.getpid()}")
    try:
        if path.exists() and not path.is_file():
            raise OSError  # a device is written to
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        write_text(path, text)


def write_text(path: Path, text: str) -> None:
    """Writes a file. Raises :class:`CowcheckError` where it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CowcheckError(f"{path}: cannot be written ({error.strerror or error})") from error
