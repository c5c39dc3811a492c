"""Runs that a panic or a hang ends: what is told of where the kernel was, and which of them are one finding."""

from __future__ import annotations

from typing import Any

import pytest

from cowcheck.checker.verify.panics import MEANINGS, meaning
from cowcheck.machine.record.event import PID, Ending, EventKind
from tests.checker.verify.recordings import (
    KERNELTRAP,
    PIPEWRITE,
    SYS_FORK,
    at,
    only,
    panic,
    place,
    runs,
)
from tests.checker.verify.test_telling import printed


def panicked(toy_kernel: Any, *calls: int) -> Any:
    kernel = toy_kernel()
    place(kernel, 0x80000010, "acquire (kernel/spinlock.c:26)")
    place(kernel, PIPEWRITE, "pipewrite (kernel/pipe.c:90)")
    place(kernel, SYS_FORK, "sys_fork (kernel/sysproc.c:29)")
    kernel.play()
    panic(kernel, *calls)
    return kernel


def test_panics_at_one_line_with_one_caller_are_one_finding(toy_kernel: Any) -> None:
    calls = ((0x80000010, PIPEWRITE), (0x80000010, SYS_FORK), (0x80000010, PIPEWRITE, SYS_FORK))
    result = runs(*(panicked(toy_kernel, *them) for them in calls))
    assert [finding.stack[1] for finding in result.findings] == [
        "pipewrite (kernel/pipe.c:90)", "sys_fork (kernel/sysproc.c:29)",
    ]  # fmt: skip
    assert [finding.further for finding in result.findings] == [1, 0]


def test_a_panic_tells_its_calls_and_what_its_words_mean(toy_kernel: Any) -> None:
    result = panicked(toy_kernel, 0x80000010, PIPEWRITE, SYS_FORK).verify()
    finding = only(result)
    assert "already holds the spinlock" in finding.message
    assert finding.first_wrong is not None
    assert finding.first_wrong.called_at == "pipewrite (kernel/pipe.c:90)"
    text = printed(result)
    assert text.index("  acquire (kernel") < text.index("  pipewrite (kernel") < text.index("  sys_fork (kernel")


@pytest.mark.parametrize("text", [*MEANINGS, "acquire of my own", "kfree: refcount", "", "kerneltrap "])
def test_only_the_words_of_xv6_are_explained(text: str) -> None:
    assert bool(meaning(text)) == (text.strip() in MEANINGS)


def test_a_trap_of_the_kernels_own_is_decoded_and_tells_panics_apart(toy_kernel: Any) -> None:
    kernels = []
    for where, line in ((0x80001400, 377), (0x80001500, 410), (0x80001400, 377)):
        kernel = toy_kernel()
        place(kernel, KERNELTRAP, "kerneltrap (kernel/trap.c:188)")
        place(kernel, where, f"copyout (kernel/vm.c:{line})")
        kernel.play()
        kernel.event(EventKind.FAULT, "", 13, 0x10, where)
        at(kernel, where)
        panic(kernel, KERNELTRAP, where, text="kerneltrap")
        kernels.append(kernel)
    result = runs(*kernels)
    assert [finding.fault for finding in result.findings] == [
        f"load page fault (scause 13) at stval 0x10, in copyout (kernel/vm.c:{line}) (sepc {where:#x}); "
        "an address on page 0 is what following a null pointer gives"
        for where, line in ((0x80001400, 377), (0x80001500, 410))
    ]


def test_what_comes_later_in_a_run_is_said_to_be_perhaps_another_bug(toy_kernel: Any) -> None:
    kernel = toy_kernel(["copyout-shared"]).play()
    place(kernel, 0x80000010, "acquire (kernel/spinlock.c:26)")
    panic(kernel, 0x80000010)
    finding = only(kernel.verify())
    assert finding.also == (
        "Seen later in the same run; perhaps another bug: The kernel panicked: acquire. It was in "
        "acquire (kernel/spinlock.c:26).",
    )


def test_a_panic_that_another_run_showed_by_itself_is_that_one_again(toy_kernel: Any) -> None:
    later = toy_kernel(["copyout-shared"]).play()
    panic(later, 0x80000010, PIPEWRITE)
    first, second = runs(panicked(toy_kernel, 0x80000010, PIPEWRITE), later).findings
    assert (first.invariant, first.further) == ("kernel-survives", 1)
    assert (second.invariant, second.also) == ("isolation", ())


def test_where_nothing_moves_any_more_each_process_tells_where_it_waits(toy_kernel: Any) -> None:
    kernels = []
    for innermost in (PIPEWRITE, SYS_FORK):
        kernel = toy_kernel()
        place(kernel, 0x80000010, "sched (kernel/proc.c:480)")
        place(kernel, 0x80000020, "sleep (kernel/proc.c:540)")
        place(kernel, PIPEWRITE, "pipewrite (kernel/pipe.c:90)")
        place(kernel, SYS_FORK, "sys_fork (kernel/sysproc.c:29)")
        kernel.play()
        kernel.event(EventKind.NAME, "", 7, kernel.text("the worker"))
        for pid, calls in ((7, (0x80000010, 0x80000020, innermost)), (8, (0x80000010, 0x80000020, SYS_FORK))):
            for depth, pc in enumerate(calls):
                kernel.event(EventKind.CALL, "", depth)
                at(kernel, pc)
                kernel.rows[-1][PID] = pid
        kernels.append(kernel.end(Ending.HANG, "every process waits"))
    result = runs(*kernels)
    assert [finding.stack for finding in result.findings] == [
        ("the worker (pid 7): pipewrite (kernel/pipe.c:90)", "process 8: sys_fork (kernel/sysproc.c:29)"),
        ("the worker (pid 7): sys_fork (kernel/sysproc.c:29)", "process 8: sys_fork (kernel/sysproc.c:29)"),
    ]
    assert "Where it stands:" in printed(result)
