"""What a recording shows of a run as a whole: how it ends, what its program saw, and whether anything was checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cowcheck.checker.result import Verdict
from cowcheck.checker.verify import Finding, KernelResult, Status
from cowcheck.machine.record.event import Came, Ending, EventKind
from cowcheck.model.sv39 import pte_ppn


def status(result: KernelResult, invariant: str) -> Status:
    return next(check.status for check in result.checks if check.invariant == invariant)


def only(result: KernelResult) -> Finding:
    (finding,) = result.findings
    return finding


ENDINGS: dict[Ending, tuple[Verdict, str]] = {
    Ending.DONE: (Verdict.PASS, ""),
    Ending.PANIC: (Verdict.FAIL, "kernel-survives"),
    Ending.HANG: (Verdict.FAIL, "progress"),
    Ending.BUDGET: (Verdict.INCONCLUSIVE, ""),
    Ending.BROKEN: (Verdict.FAIL, "kernel-survives"),
    Ending.DAMAGED: (Verdict.INCONCLUSIVE, ""),
}


@pytest.mark.parametrize("how", Ending)
def test_how_a_run_ends(toy_kernel: Any, how: Ending) -> None:
    kernel = toy_kernel().play()
    kernel.event(EventKind.CONSOLE, "", kernel.text("it said this"))
    result = kernel.end(how, "remap").verify()
    verdict, invariant = ENDINGS[how]
    assert result.verdict is verdict
    assert [finding.invariant for finding in result.findings] == ([invariant] if invariant else [])
    for finding in result.findings:
        assert "remap" in finding.message
        assert finding.console == ("it said this",)


def test_a_panic_is_told_once_and_follows_from_what_went_wrong_before(toy_kernel: Any) -> None:
    kernel = toy_kernel(["copyout-shared"]).play()
    kernel.event(EventKind.PANIC, "", kernel.text("freewalk: leaf"))
    result = kernel.end(Ending.PANIC, "freewalk: leaf").verify()
    finding = only(result)
    assert (finding.invariant, finding.then) == ("isolation", ("kernel-survives",))
    assert finding.also == ("Seen later in the same run; perhaps another bug: The kernel panicked: freewalk: leaf.",)
    assert status(result, "kernel-survives") is Status.VIOLATED


def test_a_recording_without_an_end_is_inconclusive(toy_kernel: Any) -> None:
    result = toy_kernel().play().verify()
    assert (result.verdict, result.incomplete) == (
        Verdict.INCONCLUSIVE, ("toy: the recording stops without an end event",)
    )  # fmt: skip


def test_where_nothing_is_forked_nothing_is_checked(toy_kernel: Any) -> None:
    result = toy_kernel().end().verify()
    assert (result.verdict, result.incomplete) == (
        Verdict.INCONCLUSIVE, ("no process was forked, so nothing was shared",)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "invariant"),
    [
        ((1, Came.WORKED, 0), ""),
        ((1, Came.FAILED, 0), "no-undue-failure"),
        ((1, Came.KILLED, 0), "no-undue-failure"),
        ((1, Came.FAILED, 1), ""),
        ((0, Came.WORKED, 0), "no-permission-gained"),
        ((0, Came.KILLED, 0), ""),
        ((1, Came.SAW_WRONG, 0), "isolation"),
        ((1, Came.SAW_RIGHT, 0), ""),
    ],
)
def test_outcomes_of_a_program(toy_kernel: Any, fields: tuple[int, ...], invariant: str) -> None:
    kernel = toy_kernel().play()
    kernel.event(EventKind.OUTCOME, "", kernel.text("what the program did"), *fields)
    result = kernel.end().verify()
    assert [finding.invariant for finding in result.findings] == ([invariant] if invariant else [])


def test_a_load_that_sees_another_processs_store(toy_kernel: Any) -> None:
    kernel = toy_kernel().play()
    kernel.event(EventKind.LOAD, "", 4, 7, 5)
    finding = only(kernel.end().verify())
    assert finding.message.startswith("Process 1's load from page 0x4 saw contents 7, but contents 5 were due")
    assert finding.frame == pte_ppn(kernel.pages[1][4])


def test_fork_is_counted_when_a_child_becomes_runnable(toy_kernel: Callable[..., Any]) -> None:
    assert toy_kernel().play().end().verify().forks == 2
