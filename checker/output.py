"""Files that the user asked for: whether they can be written is asked before an exploration, not after it."""

from __future__ import annotations

import os
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


def write_text(path: Path, text: str) -> None:
    """Writes a file. Raises :class:`CowcheckError` where it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CowcheckError(f"{path}: cannot be written ({error.strerror or error})") from error
