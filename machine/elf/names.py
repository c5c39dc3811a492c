"""Names out of a file as text that may be shown: a kernel could well call a section ``\\x1b[2J``."""

from __future__ import annotations


def shown(text: str) -> str:
    """The text with what is not printable escaped as in Python: on one line, and harmless to a terminal."""
    if text.isprintable():
        return text
    return "".join(item if item.isprintable() else ascii(item)[1:-1] for item in text)


def name_from(raw: bytes) -> str:
    """The text of a name in a file."""
    return shown(raw.decode("utf-8", "replace"))
