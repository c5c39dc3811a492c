"""Places in source files: read from ``function (file:line)``, and written as paths that a repository knows."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from cowcheck.checker.formats.case import Source

UNKNOWN = "unknown"  # what a file is called that has no name

Locate = Callable[[str], str]

_PLACE = re.compile(r"(?P<function>[^\s(]+) \((?P<file>[^()]*[^():]):(?P<line>\d{1,7})\)")
_KERNEL = ("kernel", "kernel")  # where a tree has its kernel


def source_of(place: str) -> Source | None:
    """The source of ``uvmcopy (kernel/vm.c:314)``; None where the text names no file."""
    found = _PLACE.match(place)
    return Source(found["file"], int(found["line"]), found["function"]) if found else None


def tree_of(kernel: str) -> str:
    """The folder that the paths of a kernel's debugging information begin in: its tree's."""
    path = Path(kernel)
    return str(path.parent.parent if path.parts[-2:] == _KERNEL else path.parent)


def relative_to(folder: str, tree: str) -> Locate:
    """What writes a file's name relative to ``folder``, slashes between, as a repository names it.

    A relative name is looked for in ``tree``, then in the folder. What does not lie in the folder keeps its name,
    without its root and without ``..``: a place in a repository never leads out of it.
    """
    base = os.path.abspath(folder)

    def locate(file: str) -> str:
        file = file.replace("\0", "")
        places = [os.path.normpath(os.path.join(base, start, file)) for start in (tree, "")]
        place = next((place for place in places if os.path.lexists(place)), places[0])
        parts = Path(os.path.relpath(place, base)).parts
        if ".." in parts:
            parts = tuple(part for part in Path(file).parts if part not in ("..", Path(file).anchor))
        return "/".join(parts) or UNKNOWN

    return locate


def uri(path: str) -> str:
    """A relative path as a URI reference (RFC 3986): everything but letters, digits, ``-._~`` and ``/`` escaped."""
    return quote(path.encode("utf-8", "backslashreplace"), safe="/")
