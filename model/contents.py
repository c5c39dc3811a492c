"""What a page holds, as one number: the token in its first word, and the token that fills the rest of it.

A store and a ``copyout`` change the word; ``memset`` and a copy of a page change both. So a page that should have been
copied and was not shows, though its new owner has stored to it. Tokens below 8 are fixed (zeros, junk, the image) and
fill pages; those from 8 on are what operations store.
"""

from __future__ import annotations

REST_BITS = 3
REST_MASK = (1 << REST_BITS) - 1
FIRST_STORE_TOKEN = 1 << REST_BITS


def filled(token: int) -> int:
    """The contents of a page that holds a token everywhere."""
    return token << REST_BITS | token & REST_MASK


def with_word(contents: int, token: int) -> int:
    """The contents after the first word has been changed."""
    return token << REST_BITS | contents & REST_MASK


def word_of(contents: int) -> int:
    """The token in the first word."""
    return contents >> REST_BITS


def rest_of(contents: int) -> int:
    """The token that fills the rest."""
    return contents & REST_MASK
