"""What a recording shows of page faults: those that are taken for ever, and processes that are killed rightly."""

from __future__ import annotations

from typing import Any

import pytest

from cowcheck.checker.result import Verdict
from cowcheck.checker.verify import Finding, KernelResult
from cowcheck.machine.record.event import EventKind
from cowcheck.model.sv39 import PTE_COW, PTE_R, PTE_V, PTE_W, make_pte, pte_ppn

ENGINES = pytest.mark.parametrize("reference", [False, True], ids=["native", "reference"])


def only(result: KernelResult) -> Finding:
    (finding,) = result.findings
    return finding


@ENGINES
def test_a_fault_that_is_taken_for_ever(toy_kernel: Any, reference: bool) -> None:
    kernel = toy_kernel(["nothing-done"])
    kernel.switch(kernel.fork())
    kernel.store(1)
    assert kernel.verify(reference=reference).findings == ()
    kernel.store(1)
    finding = only(kernel.verify(reference=reference))
    assert finding.invariant == "progress"
    assert finding.message.startswith("Process 2 takes the same fault for ever: its store at 0x1010 (user pc 0x40)")


def test_a_fault_that_is_served_again_and_again_in_vain(toy_kernel: Any) -> None:
    kernel = toy_kernel()
    for _ in range(8):
        kernel.trap(15, 2 << 12)  # the guard page
        old = pte_ppn(kernel.pages[1][2])
        frame = kernel.kalloc()
        kernel.kfree(old)
        kernel.pte(1, 2, make_pte(frame, PTE_V | PTE_R | PTE_W | PTE_COW), "cowfault")
        kernel.user()
    assert only(kernel.verify()).invariant == "progress"


def test_a_timer_between_two_faults_is_no_progress(toy_kernel: Any) -> None:
    kernel = toy_kernel(["nothing-done"])
    kernel.switch(kernel.fork())
    kernel.store(1)
    kernel.switch(2)
    kernel.store(1)
    assert only(kernel.verify()).invariant == "progress"


def test_a_kill_that_another_process_asked_for_is_right(toy_kernel: Any) -> None:
    kernel = toy_kernel()
    child = kernel.fork()
    kernel.trap(8)
    kernel.event(EventKind.KILLED, "", child)
    kernel.user()
    kernel.switch(child)
    kernel.trap(15, (1 << 12) + 16)
    kernel.die()
    assert kernel.end().verify().verdict is Verdict.PASS


def test_a_handler_may_set_killed_and_clear_it_again(toy_kernel: Any) -> None:
    kernel = toy_kernel()
    child = kernel.fork()
    kernel.switch(child)
    kernel.trap(15, (1 << 12) + 16)
    kernel.event(EventKind.KILLED, "cowfault", child)
    kernel.cow(1)
    kernel.user()
    kernel.trap(15, 1 << 30)
    kernel.die()
    assert kernel.end().verify().verdict is Verdict.PASS


def test_an_access_above_the_size_may_kill(toy_kernel: Any) -> None:
    kernel = toy_kernel()
    child = kernel.fork()
    kernel.event(EventKind.SIZE, "", child, (4 << 12) + 8)
    kernel.switch(child)
    kernel.trap(15, (4 << 12) + 16)
    kernel.die()
    assert kernel.end().verify().verdict is Verdict.PASS
