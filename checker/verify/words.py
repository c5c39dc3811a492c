"""Recorded steps in words: what a step is called, which page it is of, what trapped, what a frame is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cowcheck.checker.verify.rights import (
    INSTRUCTION_FAULT,
    LOAD_FAULT,
    STORE_FAULT,
    leads_to,
)
from cowcheck.checker.verify.scene import Past, Row, User
from cowcheck.machine.record.event import KIND, PID, A, B, C, D, EventKind, ProcessState, Role
from cowcheck.model.sv39 import PTE_U, PTE_V, PTE_W, flag_letters

CAUSES = {
    0: "misaligned jump",
    1: "instruction access fault",
    2: "illegal instruction",
    3: "breakpoint",
    4: "misaligned load",
    5: "load access fault",
    6: "misaligned store",
    7: "store access fault",
    8: "system call",
    INSTRUCTION_FAULT: "instruction page fault",
    LOAD_FAULT: "load page fault",
    STORE_FAULT: "store page fault",
}
"""Exceptions by scause (privileged specification 1.12, table 4.2)."""
ROLES = {
    Role.NONE: "no use of the kernel's any more",
    Role.PAGE_TABLE: "a page table",
    Role.TRAPFRAME: "a trapframe",
    Role.STACK: "a kernel stack",
    Role.OBJECT: "an object of the kernel's",
    Role.LOST: "lost: nothing leads to it",
}
PAGE = 4096
Names = Mapping[int, str]  # what a workload calls its processes, by pid
NOBODY: Names = MappingProxyType({})
ACCESSES = {INSTRUCTION_FAULT: "jump to", LOAD_FAULT: "load from", STORE_FAULT: "store to"}


def address(value: int) -> str:
    """A 64-bit address."""
    return f"{value & (1 << 64) - 1:#x}"


def frame_name(ppn: int) -> str:
    return f"frame {ppn:#x}"


def page_name(pid: int, vpn: int, names: Names = NOBODY) -> str:
    """A page of a process: ``process 3's page 0x4``, or ``page 0x4 of the worker (pid 3)``."""
    return f"page {vpn:#x} of {names[pid]} (pid {pid})" if pid in names else f"process {pid}'s page {vpn:#x}"


def process_name(pid: int, names: Names = NOBODY) -> str:
    """Who runs on the hart."""
    return f"{names[pid]} (pid {pid})" if pid in names else f"process {pid}" if pid else "no process"


def user_text(user: User, names: Names = NOBODY) -> str:
    """A PTE that maps a frame: ``process 3's page 0x4 (RW-U-)``."""
    hidden = "" if user.visible else ", out of user code's reach now"
    return f"{page_name(user.pid, user.vpn, names)} ({flag_letters(user.pte)}{hidden})"


def fault_text(fault: Row, place: str) -> str:
    """A trap of kernel code: ``load page fault (scause 13) at stval 0x10, in copyout (kernel/vm.c:377)``."""
    scause, stval, sepc = fault[A], fault[B], fault[C]
    near = 0 <= stval < PAGE and scause in ACCESSES and scause != INSTRUCTION_FAULT
    zero = "; an address on page 0 is what following a null pointer gives" if near else ""
    what = f"{_cause(scause)} at stval {address(stval)}"
    return f"{what}, in {place or 'code that the kernel does not have'} (sepc {address(sepc)}){zero}"


def _cause(scause: int) -> str:
    if scause < 0:
        return f"interrupt {scause & (1 << 63) - 1}"
    return f"{CAUSES.get(scause, 'exception')} (scause {scause})"


def trap_text(trap: Row, names: Names = NOBODY) -> str:
    """What began a path: ``process 3, store page fault (scause 15) at stval 0x4010, user pc 0x1c``."""
    scause, stval, sepc = trap[A], trap[B], trap[C]
    where = f" at stval {address(stval)}" if scause in ACCESSES else ""
    return f"{process_name(trap[PID], names)}, {_cause(scause)}{where}, user pc (sepc) {address(sepc)}"


def pte_step(row: Row) -> str:
    """What a change of a PTE is called."""
    old, new = row[C], row[D]
    if not old & PTE_V:
        return "map"
    if not new & PTE_V:
        return "unmap"
    if leads_to(old) != leads_to(new):
        return "unshare" if new & PTE_W else "remap"
    if old & ~new & PTE_W:
        return "share"
    if new & ~old & PTE_W:
        return "reclaim"
    return "protect" if old & ~new & PTE_U else "change"


def step_text(past: Past, ppn: int) -> str:
    """A step of a frame's history: its name, then what it did to the frame."""
    row = past.row
    match row[KIND]:
        case EventKind.PTE:
            return f"{pte_step(row)}: {_pte_change(row, ppn)}" + (
                ", which is on the free list" if past.free and row[D] & PTE_V and leads_to(row[D]) == ppn else ""
            )
        case EventKind.LIST if row[B] > 0:
            return "free: put on the free list" + (", where it is already" if past.free else "")
        case EventKind.LIST:
            return "allocate: taken off the free list" + ("" if past.free else ", where it is not")
        case EventKind.COUNT:
            name = "take" if row[C] > row[B] else "drop"
            return f"{name}: reference count {row[B]} -> {row[C]}" + (", below zero" if row[C] < 0 else "")
        case EventKind.ALLOC:
            return "kalloc returns it"
        case EventKind.FREE:
            return "kfree is called with it"
        case EventKind.STORE:
            return "its contents are written" + (" while it is on the free list" if past.free else "")
        case EventKind.OWN:
            return f"becomes {ROLES[Role(row[B])]}"
        case EventKind.STATE:
            return f"process {row[A]} becomes {ProcessState(row[B]).name} while it still maps it"
    return EventKind(row[KIND]).name.lower()


def _pte_change(row: Row, ppn: int) -> str:
    page, old, new = page_name(row[A], row[B]), row[C], row[D]
    before, after = leads_to(old), leads_to(new)
    if not old & PTE_V:
        return f"{page} leads to it ({flag_letters(new)})"
    if not new & PTE_V:
        return f"{page} leads to it no more (was {flag_letters(old)})"
    if before == after:
        return f"{page} goes from {flag_letters(old)} to {flag_letters(new)}"
    if before == ppn:
        return f"{page} goes on to {frame_name(after)} ({flag_letters(new)})"
    return f"{page} comes here from {frame_name(before)} ({flag_letters(new)})"
