"""What a person reads of a result: complete, within 80 columns, and with nothing in it that a terminal would obey."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from cowcheck.checker.verify import KernelResult
from cowcheck.checker.verify.report import print_result
from cowcheck.machine.record.event import Ending, EventKind


def printed(result: KernelResult, width: int = 80) -> str:
    stream = io.StringIO()
    print_result(Console(file=stream, width=width, highlight=False, markup=False, emoji=False), result)
    return stream.getvalue()


@pytest.mark.parametrize("bug", ["copyout-shared", "no-count", "leak"])
def test_a_finding_as_it_is_read(toy_kernel: Any, golden: Callable[[str, str], None], bug: str) -> None:
    kernel = toy_kernel([bug]).play()
    kernel.event(EventKind.REPORT, "", kernel.text("the parent waits for its child"), 1, 2, 3)
    kernel.event(EventKind.CONSOLE, "", kernel.text("$ cowtest"))
    text = printed(kernel.end(Ending.PANIC, "freewalk: leaf").verify())
    golden(f"verify-{bug}.txt", text)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("width", [20, 80, 200])
def test_every_finding_fits_the_width(toy_kernel: Any, width: int) -> None:
    for bug in ("parent-keeps-w", "free-at-one", "no-fence", "tag-everything", "eager"):
        text = printed(toy_kernel([bug]).play().end().verify(), width)
        assert max(map(len, text.splitlines())) <= min(max(width, 80), 120)


def test_control_characters_are_shown(toy_kernel: Any) -> None:
    bad = "\x1b[31m\x00\u202e"
    kernel = toy_kernel(["copyout-shared"])
    kernel.header = replace(kernel.header, kernel=bad, machine=bad, counts=None, no_counts=bad)
    for row in kernel.rows:
        if row[0] == EventKind.PLACE:
            kernel.texts[row[6]] += bad
    kernel.event(EventKind.CONSOLE, "", kernel.text(bad))
    kernel.event(EventKind.REPORT, "", kernel.text(bad), 0, 0, 0)
    text = printed(kernel.play().end(Ending.PANIC, bad).verify())
    assert not set("\x1b\x00\u202e") & set(text)
    assert text.count("\\x1b[31m\\x00\\u202e") >= 5


def test_many_users_and_many_findings_are_cut(toy_kernel: Any) -> None:
    kernel = toy_kernel(["parent-keeps-w"])
    for _ in range(10):
        kernel.fork()
    text = printed(kernel.end().verify())
    assert "and 3 pages more" in text or "The same was seen" in text


def test_an_incomplete_result_says_why(toy_kernel: Any) -> None:
    text = printed(toy_kernel(["eager"]).play().end(Ending.BUDGET, "10 instructions are over").verify())
    assert "incomplete: toy: 10 instructions are over" in text
    assert text.splitlines()[-1].startswith("inconclusive: ")
