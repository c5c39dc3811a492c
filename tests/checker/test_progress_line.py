"""The progress line stands on terminals only, on one line, and goes away."""

from __future__ import annotations

import io

import pytest

from cowcheck.checker.explore import Progress
from cowcheck.checker.job import Job
from cowcheck.checker.jobs import Running
from cowcheck.checker.progress_line import ProgressLine, words

ONE = Running(0, 1, ((Job("lab-plan", "two-stores"), Progress(40960, 210, 812, 2.0)),))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_words() -> None:
    assert words(ONE) == "40,960 states, depth 210, 20,480/s, frontier 812: lab-plan two-stores"
    begun = Running(3, 9, ((Job("a", "b"), Progress(0, 0, 0, 0.0)), *ONE.jobs))
    assert words(begun) == f"3 of 9 done: {words(ONE).split(': ')[0]}: a b, lab-plan two-stores"
    two = Running(3, 9, ONE.jobs * 2)
    assert words(two).startswith("3 of 9 done: 81,920 states, depth 210, 40,960/s, frontier 1,624: ")


def test_it_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert ProgressLine(Terminal()).wanted
    assert not ProgressLine(io.StringIO()).wanted
    monkeypatch.setenv("TERM", "dumb")
    assert not ProgressLine(Terminal()).wanted


def test_it_is_drawn_now_and_then_and_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    times = iter([0.0, 0.01, 1.0])
    stream = Terminal()
    line = ProgressLine(stream, lambda: next(times))
    for _ in range(3):
        line.show(ONE)
    assert stream.getvalue() == f"\r\x1b[K{words(ONE)[:29]}" * 2
    line.clear()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_what_was_never_drawn_is_not_cleared() -> None:
    stream = Terminal()
    ProgressLine(stream).clear()
    assert stream.getvalue() == ""
