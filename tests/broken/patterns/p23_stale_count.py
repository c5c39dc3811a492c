"""The handler drops its reference before it copies: the last sharer sees a count of 1, and stores into the page."""

from __future__ import annotations

from cowcheck.model.language import (
    MAXVA,
    NULL,
    PA2PTE,
    PTE2PA,
    PTE_COW,
    PTE_FLAGS,
    PTE_U,
    PTE_V,
    PTE_W,
    Design,
    Frame,
    PageTable,
    acquire,
    memmove,
    release,
)
from cowcheck.specs.designs.lab_plan import copyout, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy
from cowcheck.specs.xv6.vm import walk

DESIGN = Design(name="pattern-23-stale-count", title="the count is lowered before the copy", count="kmem.refcnt")


def is_last(pa: Frame) -> int:
    """1 for the last sharer, who keeps the page; the others drop their reference."""
    acquire(kmem.lock)
    if kmem.refcnt[pa] == 1:
        release(kmem.lock)
        return 1
    kmem.refcnt[pa] -= 1
    release(kmem.lock)
    return 0


def cow_fault(pagetable: PageTable, va: int) -> int:
    if va >= MAXVA:
        return -1
    pte = walk(pagetable, va, 0)
    if pte == NULL:
        return -1
    if not pte[0] & PTE_V or not pte[0] & PTE_U or not pte[0] & PTE_COW:
        return -1
    pa = PTE2PA(pte[0])
    mem = kalloc()
    if mem == NULL:
        return -1
    if is_last(pa):
        kfree(mem)
        pte[0] = (pte[0] & ~PTE_COW) | PTE_W
        return 0
    memmove(mem, pa)  # the fault: the last sharer may have stored to it
    pte[0] = PA2PTE(mem) | (PTE_FLAGS(pte[0]) & ~PTE_COW) | PTE_W
    return 0
