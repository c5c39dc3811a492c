"""The fault handler drops its reference to the old page by a bare decrement: nobody frees it after the last one."""

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

DESIGN = Design(name="broken-no-leak", title="the last reference is dropped without kfree", count="kmem.refcnt")


def kdecref(pa: Frame) -> None:
    acquire(kmem.lock)
    kmem.refcnt[pa] -= 1
    release(kmem.lock)


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
    memmove(mem, pa)
    pte[0] = PA2PTE(mem) | (PTE_FLAGS(pte[0]) & ~PTE_COW) | PTE_W
    kdecref(pa)  # the fault
    return 0
