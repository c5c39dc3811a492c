"""What a recording shows of a kernel: nothing of a right one, and each mistake by its own invariant, step and words."""

from __future__ import annotations

from typing import Any

import pytest

from cowcheck.checker.result import Verdict
from cowcheck.checker.verify import Finding, KernelResult, Status
from cowcheck.machine.record.event import EventKind, ProcessState, Role
from cowcheck.model.sv39 import PTE_COW, PTE_R, PTE_U, PTE_V, PTE_W, make_pte, pte_ppn

ENGINES = pytest.mark.parametrize("reference", [False, True], ids=["native", "reference"])


def status(result: KernelResult, invariant: str) -> Status:
    return next(check.status for check in result.checks if check.invariant == invariant)


def because(result: KernelResult, invariant: str) -> str:
    return next(check.because for check in result.checks if check.invariant == invariant)


def only(result: KernelResult) -> Finding:
    (finding,) = result.findings
    return finding


@ENGINES
def test_a_right_kernel_passes(toy_kernel: Any, reference: bool) -> None:
    result = toy_kernel().play().end().verify(reference=reference)
    assert result.verdict is Verdict.PASS
    assert result.shares
    unchecked = {check.invariant for check in result.checks if check.status is Status.NOT_CHECKED}
    assert unchecked == {"out-of-memory-kills"}
    assert {check.judged > 0 for check in result.checks if check.status is Status.HOLDS} == {True}


BUGS = {  # the bug: invariant, the function of the first wrong step, a word of what it did
    "parent-keeps-w": ("no-writable-shared-frame", "mappages", "map:"),
    "tag-everything": ("no-permission-gained", "cowfault", "unshare:"),
    "drop-mark": ("no-undue-failure", "", ""),
    "no-count": ("refcount-equals-mappings", "mappages", "map:"),
    "junk-first": ("isolation", "kfree", "contents are written"),
    "free-at-one": ("isolation", "kfree", "contents are written"),
    "no-drop": ("refcount-equals-mappings", "cowfault", "unshare:"),
    "double-drop": ("isolation", "kfree", "contents are written"),
    "copyout-shared": ("isolation", "copyout", "contents are written"),
    "any-fault": ("no-permission-gained", "cowfault", "unshare:"),
    "leak": ("no-leak", "uvmunmap", "unmap:"),
    "no-fence": ("no-stale-translation", "uvmcopy", "share:"),
    "eager": ("", "", ""),
}


@ENGINES
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_found_by_its_invariant_and_step(toy_kernel: Any, bug: str, reference: bool) -> None:
    kernel = toy_kernel([bug])
    if bug == "drop-mark":
        child = kernel.fork()
        kernel.switch(child)
        grandchild = kernel.fork()
        kernel.switch(grandchild)
        kernel.store(4)
    else:
        kernel.play()
    result = kernel.end().verify(reference=reference)
    invariant, function, words = BUGS[bug]
    if not invariant:
        assert (result.verdict, result.findings) == (Verdict.INCONCLUSIVE, ())
        assert result.incomplete[0].startswith("fork copied every page: this kernel shares nothing")
        assert status(result, "no-writable-shared-frame") is Status.NOT_CHECKED
        return
    assert result.verdict is Verdict.FAIL
    assert status(result, invariant) is Status.VIOLATED
    finding = next(finding for finding in result.findings if finding.invariant == invariant)
    if function:
        assert finding.first_wrong is not None
        assert finding.first_wrong.place.startswith(function)
        assert words in finding.first_wrong.what
        assert finding.began


@ENGINES
def test_both_engines_tell_the_same_findings(toy_kernel: Any, reference: bool) -> None:
    for bug in BUGS:
        kernel = toy_kernel([bug]).play().end()
        assert kernel.verify() == kernel.verify(reference=reference)


def test_z3_gives_the_same_result(toy_kernel: Any) -> None:
    kernel = toy_kernel(["free-at-one"]).play().end()
    ours, theirs = kernel.verify(), kernel.verify(oracle=True)
    assert (ours.findings, ours.checks, theirs.oracle) == (theirs.findings, theirs.checks, "z3")


def test_a_cause_is_told_once_with_what_follows(toy_kernel: Any) -> None:
    result = toy_kernel(["no-count"]).play().end().verify()
    finding = only(result)
    assert finding.further > 1
    assert {"no-free-frame-mapped", "freed-once"} <= set(finding.then)
    assert "reference count of 1, but the number of page-table entries that map it is 2" in finding.message
    assert finding.users == ("process 1's page 0x0 (R-XU-)", "process 2's page 0x0 (R-XU-)")


def test_counts_that_are_not_known_are_not_judged(toy_kernel: Any) -> None:
    result = toy_kernel(["no-count"], counts=False).play().end().verify()
    assert status(result, "refcount-equals-mappings") is Status.NOT_CHECKED
    assert status(result, "no-free-frame-mapped") is Status.VIOLATED


def test_without_ownership_leaks_are_found_by_census_only(toy_kernel: Any) -> None:
    kernel = toy_kernel(["leak"], counts=False, ownership=False).play()
    assert status(kernel.verify(), "no-leak") is Status.NOT_CHECKED
    kernel.event(EventKind.CENSUS, "", 20, 20)
    assert status(kernel.verify(), "no-leak") is Status.HOLDS
    kernel.event(EventKind.CENSUS, "", 18, 20)
    assert only(kernel.end().verify()).message.startswith("2 frames are lost: 18 stand on the free list, and 20 should")


# --- memory runs out ---


def starved(toy_kernel: Any, *bugs: str) -> Any:
    """A store fault that finds no memory."""
    kernel = toy_kernel(bugs)
    child = kernel.fork()
    kernel.switch(child)
    kernel.trap(8)
    while kernel.free:
        frame = kernel.kalloc()
        kernel.event(EventKind.OWN, "", frame, Role.OBJECT)
    kernel.user()
    kernel.store(1)
    return kernel.end()


def test_a_kill_for_lack_of_memory_is_right(toy_kernel: Any) -> None:
    result = starved(toy_kernel).verify()
    assert result.verdict is Verdict.PASS
    assert status(result, "out-of-memory-kills") is Status.HOLDS


@ENGINES
def test_a_fault_without_memory_that_maps_page_zero(toy_kernel: Any, reference: bool) -> None:
    result = starved(toy_kernel, "map-zero").verify(reference=reference)
    invariants = [finding.invariant for finding in result.findings]
    assert invariants == ["mapping-in-ram", "out-of-memory-kills", "refcount-equals-mappings"]


# --- what right kernels do ---


def test_a_fork_that_fails_half_way_leaves_pages_that_the_next_store_mends(toy_kernel: Any) -> None:
    kernel = toy_kernel()
    kernel.play()  # so that something is shared
    kernel.trap(8)
    kernel.pages[9] = {}
    kernel.event(EventKind.STATE, "fork", 9, ProcessState.USED)
    for vpn in (0, 1):
        pte = kernel.pages[1][vpn]
        shared = (pte & ~PTE_W) | PTE_COW if pte & PTE_W else pte
        kernel.count(pte_ppn(pte), kernel.refs[pte_ppn(pte)] + 1, "uvmcopy")
        kernel.pte(9, vpn, shared, "mappages")
        kernel.pte(1, vpn, shared, "uvmcopy")
    kernel.event(EventKind.ALLOC, "kalloc", 0)
    for vpn in (0, 1):
        kernel.unmap(9, vpn)
    kernel.event(EventKind.STATE, "fork", 9, ProcessState.UNUSED)
    kernel.user()
    kernel.store(1)
    assert kernel.end().verify().verdict is Verdict.PASS


def test_exec_may_make_a_text_page_a_data_page(toy_kernel: Any) -> None:
    kernel = toy_kernel().play()
    kernel.trap(8)
    old = dict(kernel.pages[1])
    new = {vpn: make_pte(kernel.kalloc(), PTE_V | PTE_R | PTE_W | PTE_U) for vpn in (0, 1)}
    for vpn in old:
        kernel.pte(1, vpn, 0, "exec")
        del kernel.pages[1][vpn]
    for vpn, pte in new.items():
        kernel.pte(1, vpn, pte, "exec")
    for pte in old.values():
        kernel.kfree(pte_ppn(pte))
    kernel.user()
    assert kernel.end().verify().verdict is Verdict.PASS


def test_the_same_without_exec_is_a_permission_gained(toy_kernel: Any) -> None:
    """copyout gives a read-only page a writable copy."""
    kernel = toy_kernel()
    kernel.trap(8)
    old, frame = pte_ppn(kernel.pages[1][0]), kernel.kalloc()
    kernel.pte(1, 0, make_pte(frame, PTE_V | PTE_R | PTE_W | PTE_U), "copyout")
    kernel.kfree(old)
    kernel.user()
    assert only(kernel.verify()).invariant == "no-permission-gained"


def test_copyout_to_a_read_only_page_of_its_own_process(toy_kernel: Any) -> None:
    kernel = toy_kernel().play()
    kernel.trap(8)
    kernel.event(EventKind.STORE, "copyout", pte_ppn(kernel.pages[1][0]))
    kernel.user()
    finding = only(kernel.end().verify())
    assert finding.invariant == "no-permission-gained"
    assert "a store of kernel code, for process 1, to its read-only page 0x0 succeeded" in finding.message.lower()


def test_a_page_table_page_that_a_process_still_maps(toy_kernel: Any) -> None:
    kernel = toy_kernel()
    kernel.trap(8)
    kernel.event(EventKind.OWN, "", pte_ppn(kernel.pages[1][1]), Role.PAGE_TABLE)
    kernel.user()
    assert only(kernel.verify()).invariant == "no-writable-shared-frame"


def test_a_dead_process_keeps_no_page(toy_kernel: Any) -> None:
    kernel = toy_kernel()
    child = kernel.fork()
    kernel.switch(child)
    kernel.store(1)
    kernel.exit()
    kernel.trap(8)
    kernel.event(EventKind.STATE, "wait", child, ProcessState.UNUSED)  # and its page table is forgotten
    kernel.user()
    invariants = {finding.invariant for finding in kernel.verify().findings}
    assert invariants == {"refcount-equals-mappings", "no-leak"}
