"""The texts of events: cut where they are too long, between two words."""

from __future__ import annotations

LONGEST_TEXT = 1200  # characters


def shortened(text: str, most: int = LONGEST_TEXT) -> str:
    """A text of at most so many characters: of a longer one, the words that fit."""
    if len(text) <= most:
        return text
    cut = text[: most - 4]
    return f"{cut.rpartition(' ')[0] or cut} ..."
