"""The handler reads the count without a lock. 1 is never wrong; 2 may be old by then, and costs a copy."""

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
    PageTable,
    memmove,
)
from cowcheck.specs.designs.lab_plan import copyout, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy
from cowcheck.specs.xv6.vm import walk

DESIGN = Design(name="right-optimistic-read", title="an unlocked read of the count", count="kmem.refcnt")


def cow_fault(pagetable: PageTable, va: int) -> int:
    if va >= MAXVA:
        return -1
    pte = walk(pagetable, va, 0)
    if pte == NULL:
        return -1
    if not pte[0] & PTE_V or not pte[0] & PTE_U or not pte[0] & PTE_COW:
        return -1
    pa = PTE2PA(pte[0])

    if kmem.refcnt[pa] == 1:
        pte[0] = (pte[0] & ~PTE_COW) | PTE_W
        return 0
    mem = kalloc()
    if mem == NULL:
        return -1
    memmove(mem, pa)
    pte[0] = PA2PTE(mem) | (PTE_FLAGS(pte[0]) & ~PTE_COW) | PTE_W
    kfree(pa)
    return 0
