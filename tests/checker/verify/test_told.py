"""What a finding tells beside its sentence: callers, names, lost frames, the first wrong step; and what makes two of
them one."""

from __future__ import annotations

from typing import Any

import pytest

from cowcheck.machine.record.event import BY, Came, Ending, EventKind, Role
from cowcheck.model.sv39 import PTE_COW, PTE_W, make_pte, pte_ppn
from tests.checker.verify.recordings import (
    COWFAULT,
    ENGINES,
    FORK,
    PIPEWRITE,
    STORE_FAULT,
    SYS_FORK,
    only,
    place,
    runs,
)
from tests.checker.verify.test_telling import printed

# --- callers ---


def mapped_writable(toy_kernel: Any, caller: int, page: int = 3) -> Any:
    """A shared page is mapped once more, writable, by mappages, which is called from ``caller``."""
    kernel = toy_kernel()
    place(kernel, PIPEWRITE, "uvmcopy (kernel/vm.c:320)")
    place(kernel, SYS_FORK, "cowfault (kernel/vm.c:400)")
    kernel.fork()
    kernel.trap(STORE_FAULT, page << 12)
    pte = kernel.pages[1][page]
    kernel.pte(1, page, pte | PTE_W, "mappages")
    kernel.rows[-1][BY] = caller
    kernel.user()
    return kernel.end()


def test_two_bugs_that_both_end_in_mappages_are_two_findings(toy_kernel: Any) -> None:
    result = runs(*(mapped_writable(toy_kernel, caller) for caller in (PIPEWRITE, SYS_FORK, PIPEWRITE)))
    writable = [finding for finding in result.findings if finding.invariant == "no-writable-shared-frame"]
    assert [finding.first_wrong.called_at for finding in writable if finding.first_wrong] == [
        "uvmcopy (kernel/vm.c:320)", "cowfault (kernel/vm.c:400)",
    ]  # fmt: skip
    assert [finding.further for finding in writable] == [1, 0]
    assert "mappages (kernel/vm.c:768), called from uvmcopy (kernel/vm.c:320)" in printed(result, 100)


# --- faults that are taken for ever ---


@ENGINES
def test_the_first_wrong_step_of_a_fault_for_ever_is_its_handlers(toy_kernel: Any, reference: bool) -> None:
    kernel = toy_kernel()
    for _ in range(8):
        kernel.trap(STORE_FAULT, 0x2010)
        frame = kernel.kalloc()
        kernel.pte(1, 2, make_pte(frame, kernel.pages[1][2] & 0x3FF), "mappages")
        kernel.rows[-1][BY] = COWFAULT
        kernel.user()
    finding = next(it for it in kernel.end().verify(reference=reference).findings if it.invariant == "progress")
    assert finding.first_wrong is not None
    assert finding.first_wrong.what.startswith("unshare: process 1's page 0x2 comes here")
    assert finding.first_wrong.called_at.startswith("cowfault")


@ENGINES
def test_a_handler_that_does_nothing_has_no_first_wrong_step(toy_kernel: Any, reference: bool) -> None:
    kernel = toy_kernel()
    kernel.fork()  # which changes the page's PTE, long before
    for _ in range(2):
        kernel.trap(STORE_FAULT, 0x2010)
        kernel.user()
    finding = only(kernel.end().verify(reference=reference))
    assert (finding.invariant, finding.first_wrong) == ("progress", None)


# --- the first wrong step ---


@ENGINES
def test_a_frame_that_looks_right_between_two_halves_of_a_step_is_not(toy_kernel: Any, reference: bool) -> None:
    """A handler keeps a reference; then, in the same path, another process's page goes, the count first."""
    kernel = toy_kernel(["no-drop"])
    child, other = kernel.fork(), kernel.fork()
    kernel.switch(child)
    kernel.trap(8)
    kernel.cow(3)
    kernel.unmap(other, 3)
    kernel.user()
    found = {finding.invariant: finding for finding in kernel.end().verify(reference=reference).findings}
    first = found["refcount-equals-mappings"].first_wrong
    assert first is not None
    assert first.what.startswith("unshare: process 2's page 0x3")


@ENGINES
@pytest.mark.parametrize("bare", [True, False])
def test_a_reference_that_is_dropped_twice_is_wrong_from_the_second_drop_on(
    toy_kernel: Any, reference: bool, bare: bool
) -> None:
    kernel = toy_kernel()
    child, _ = kernel.fork(), kernel.fork()
    kernel.switch(child)
    kernel.trap(8)
    old = pte_ppn(kernel.pages[child][3])
    frame = kernel.kalloc()
    kernel.kfree(old)
    kernel.pte(child, 3, make_pte(frame, kernel.pages[child][3] & 0x3FF), "cowfault")
    if bare:
        kernel.count(old, kernel.refs[old] - 1, "cowfault")
    else:
        kernel.kfree(old)
    kernel.user()
    found = {finding.invariant: finding for finding in kernel.end().verify(reference=reference).findings}
    first = found["refcount-equals-mappings"].first_wrong
    assert first is not None
    assert first.what == "drop: reference count 2 -> 1"


@ENGINES
@pytest.mark.parametrize("guessed", [True, False])
def test_a_lost_frame_is_blamed_on_the_last_that_the_kernel_did_to_it(
    toy_kernel: Any, reference: bool, guessed: bool
) -> None:
    """The recorder tells it later, and may take the frame for the kernel's own before."""
    kernel = toy_kernel()
    child = kernel.fork()
    kernel.switch(child)
    kernel.trap(8)
    old = pte_ppn(kernel.pages[child][3])
    for pid in (1, child):
        kernel.pte(pid, 3, make_pte(kernel.kalloc(), kernel.pages[pid][3] & 0x3FF), "cowfault")
    if guessed:
        kernel.event(EventKind.OWN, "", old, Role.OBJECT)
    kernel.count(old, 0, "kfree")
    kernel.event(EventKind.OWN, "", old, Role.LOST)
    kernel.user()
    found = {finding.invariant: finding for finding in kernel.end().verify(reference=reference).findings}
    first = found["no-leak"].first_wrong
    assert first is not None
    assert first.what == "drop: reference count 2 -> 0"


# --- processes of the workload ---


def test_each_process_is_named_and_was_where_it_said_itself(toy_kernel: Any) -> None:
    kernel = toy_kernel(["copyout-shared"])
    for pid, name in ((1, "the coordinator"), (2, "the worker")):
        kernel.event(EventKind.NAME, "", pid, kernel.text(name))
    child = kernel.fork()
    kernel.switch(child)
    kernel.event(EventKind.REPORT, "", kernel.text("read() into a shared page"), 1, 2, 3)
    kernel.switch(1)
    kernel.event(EventKind.REPORT, "", kernel.text("wait()"), 1, 2, 3)
    kernel.switch(child)
    kernel.copyout(3)
    finding = only(kernel.end().verify())
    assert finding.during == "the worker (pid 2) was at: read() into a shared page"
    assert "ran for the worker (pid 2) wrote to frame" in finding.message
    assert "which the coordinator (pid 1) maps" in finding.message
    assert any(user.startswith("page 0x3 of the coordinator (pid 1)") for user in finding.users)


# --- frames that are no frames, frames that are lost ---


@ENGINES
def test_a_mapping_of_physical_address_zero_has_its_step(toy_kernel: Any, reference: bool) -> None:
    kernel = toy_kernel()
    kernel.fork()
    kernel.trap(STORE_FAULT, 0x3010)
    kernel.pte(1, 3, make_pte(0, kernel.pages[1][3] & 0x3FF | PTE_W & ~PTE_COW), "cowfault")
    kernel.user()
    finding = next(it for it in kernel.end().verify(reference=reference).findings if it.invariant == "mapping-in-ram")
    assert finding.frame == 0
    assert finding.users == ("process 1's page 0x3 (RW-UC)",)
    assert finding.first_wrong is not None
    assert finding.first_wrong.place.startswith("cowfault")


@ENGINES
def test_a_census_names_the_frames_that_are_lost(toy_kernel: Any, reference: bool) -> None:
    kernel = toy_kernel(ownership=False)
    kernel.fork()
    kernel.event(EventKind.CENSUS, "", len(kernel.free), -1)
    kernel.event(EventKind.REPORT, "", kernel.text("pipe()"), 1, 2, 3)
    kernel.trap(8)
    frame = kernel.kalloc()
    kernel.rows[-1][BY] = FORK
    kernel.user()
    kernel.event(EventKind.REPORT, "", kernel.text("exit()"), 1, 2, 3)
    kernel.event(EventKind.CENSUS, "", len(kernel.free), len(kernel.free) + 1)
    result = kernel.end().verify(reference=reference)
    (lost,) = only(result).lost
    assert lost.startswith(f"frame {frame:#x}: last in kalloc (kernel/vm.c:256), called from fork")
    assert lost.endswith("process 1 was at: pipe()")
    assert f"frame {frame:#x}" in printed(result)


@ENGINES
def test_a_frame_that_the_recorder_found_lost_is_named_with_what_had_it_before(
    toy_kernel: Any, reference: bool
) -> None:
    kernel = toy_kernel()
    kernel.fork()
    kernel.trap(8)
    frame = kernel.kalloc()
    kernel.event(EventKind.OWN, "", frame, Role.OBJECT)
    kernel.user()
    kernel.event(EventKind.OWN, "", frame, Role.LOST)
    finding = next(it for it in kernel.end().verify(reference=reference).findings if it.invariant == "no-leak")
    assert finding.frame == frame


# --- what was not checked ---


def test_what_a_workload_could_not_do_is_told(toy_kernel: Any) -> None:
    kernel = toy_kernel().play()
    kernel.event(EventKind.NOTE, "", kernel.text("memory never ran out"))
    result = kernel.end().verify()
    assert (result.verdict, result.unchecked) == ("pass", ("toy: memory never ran out",))
    assert "not checked, because: toy: memory never ran out" in printed(result)


def test_what_holds_in_runs_that_are_not_whole_says_so(toy_kernel: Any) -> None:
    cut = toy_kernel().play().end(Ending.BUDGET, "186 steps were not run")
    text = printed(runs(toy_kernel().play().end(), cut))
    assert text.count("(1/2 runs whole)") >= 8
    assert "runs whole" not in printed(runs(toy_kernel().play().end()))


def test_a_value_that_the_allocator_fills_pages_with_is_said_to_be_one(toy_kernel: Any) -> None:
    kernel = toy_kernel().play()
    kernel.event(EventKind.OUTCOME, "", kernel.text("a load: saw 0x505050505050505"), 1, Came.SAW_WRONG, 0)
    assert "xv6's kalloc fills a page with" in only(kernel.end().verify()).message
