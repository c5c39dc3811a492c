"""HTML from text that is not trusted: every text is escaped, and nothing that is not printable comes through.

A submission chooses its file names, its symbols and what it prints. Of all that, markup becomes text, and a control
character, a terminal's escape or a mark that turns the direction of writing is shown as Python writes it
(:func:`~cowcheck.checker.printable.printable`).
"""

from __future__ import annotations

import html
import json
from typing import Any

from cowcheck.checker.printable import printable

_EMPTY = frozenset({"input", "meta"})
_ON_A_LINE = frozenset((
    "body", "details", "div", "h1", "h2", "h3", "head", "header", "html", "li", "main", "meta", "nav", "ol", "p", "pre",
    "script", "section", "style", "table", "title", "tr", "ul",
))  # fmt: skip
"""What begins on a line of its own, where a line break means nothing: for who reads the file, or compares two."""


class Markup(str):
    """HTML that is right as it stands."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """A text as HTML; what is HTML already stays."""
    return text if isinstance(text, Markup) else Markup(html.escape(printable(text)))


def together(*parts: str) -> Markup:
    """Texts and HTML, one after another."""
    return Markup("".join(escaped(part) for part in parts))


def element(name: str, /, *children: str, **attributes: str | int | bool | None) -> Markup:
    """An element. An attribute that is True stands without a value, one that is False or None not at all; ``_`` in a
    name is ``-``, but for one at its end (``class_``)."""
    written = []
    for key, value in attributes.items():
        if value is True:
            written.append(f" {key.rstrip('_').replace('_', '-')}")
        elif value is not False and value is not None:
            written.append(f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"')
    start = ("\n" if name in _ON_A_LINE else "") + f"<{name}{''.join(written)}>"
    return Markup(start if name in _EMPTY else f"{start}{together(*children)}</{name}>")


def data_element(values: Any, **attributes: str) -> Markup:
    """A script element that only holds JSON: no character in it can end it, or begin a comment."""
    text = json.dumps(_printable(values), separators=(",", ":"), ensure_ascii=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return element("script", Markup(text), type="application/json", **attributes)


def _printable(values: Any) -> Any:
    """The values with every text in them printable."""
    if isinstance(values, str):
        return printable(values)
    if isinstance(values, dict):
        return {printable(key): _printable(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [_printable(value) for value in values]
    return values
