"""Signals that end a command (Ctrl-C, SIGTERM): raised at once, or when what must not be left half done is over.

Python runs a signal's handler between two of its own instructions. Where these are a callback that the emulator called,
an exception may be lost in the C code around it: so it is held until the emulator comes back, which is soon, because
every turn of a hart is short. Elsewhere a handler's exception ends whatever is in progress. One that was lost all the
same (numba's compiler has callbacks too) is raised again after the next turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class Terminated(BaseException):
    """SIGTERM: what was begun is ended as after Ctrl-C."""


@dataclass(slots=True)
class _Signals:
    """What came, and whether it may be raised."""

    held: bool = False
    came: type[BaseException] | None = None  # the last one
    due: bool = False  # it came while it was held, and was not raised yet


_signals = _Signals()


def interrupt(kind: type[BaseException]) -> None:
    """What a signal's handler does: raises ``kind``, now or later."""
    _signals.came = kind
    if _signals.held:
        _signals.due = True
    else:
        raise kind


def forget() -> None:
    """A command begins: no signal has come."""
    _signals.held, _signals.came, _signals.due = False, None, False


@contextmanager
def held() -> Iterator[None]:
    """What is done in here is done whole: a signal is raised behind it."""
    before, _signals.held = _signals.held, True
    try:
        yield
    finally:
        _signals.held = before
    if _signals.due:
        _raise()


@contextmanager
def raised() -> Iterator[None]:
    """What is done in here may be left at once, though what is around it is held."""
    before, _signals.held = _signals.held, False
    try:
        if _signals.due:
            _raise()
        yield
    finally:
        _signals.held = before


def hold() -> None:
    """Before a turn of the emulator: a signal is raised by :func:`release`. Cheaper than :func:`held`."""
    _signals.held = True


def release() -> None:
    """After a turn of the emulator: raises what came in it, or came before and was lost."""
    _signals.held = False
    if _signals.came is not None:
        _raise()


def _raise() -> None:
    if _signals.held or _signals.came is None:
        return
    _signals.due = False
    raise _signals.came
