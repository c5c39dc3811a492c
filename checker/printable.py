"""Text from outside (a path, a name, a line of source) with nothing in it that a terminal would obey.

A control character in a file's name could move the cursor, colour a verdict or retitle the window. Every character that
``str.isprintable`` refuses is shown as Python writes it: ``\\x1b``, ``\\n``, ``\\u202e``.
"""

from __future__ import annotations

from rich.text import Text


def printable(text: str) -> str:
    """The text on one line, every character that is not printable escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def printable_line(line: Text) -> Text:
    """The same of a styled text; its own line breaks stay."""
    bad = [index for index, c in enumerate(line.plain) if c != "\n" and not c.isprintable()]
    if not bad:
        return line
    shown = line.blank_copy()
    for piece in line.divide([at for index in bad for at in (index, index + 1)]):
        if piece.plain.replace("\n", "").isprintable():
            shown.append_text(piece)
        else:  # one character; its spans reach over all that is shown for it
            text = Text(printable(piece.plain), piece.style)
            for span in piece.spans:
                text.stylize(span.style)
            shown.append_text(text)
    return shown
