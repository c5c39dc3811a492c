"""The handler reads *pte before it tests whether there is a pte."""

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

DESIGN = Design(name="pattern-18-null-pte", title="*pte is read before the test", count="kmem.refcnt")


def cow_fault(pagetable: PageTable, va: int) -> int:
    if va >= MAXVA:
        return -1
    pte = walk(pagetable, va, 0)
    flags = PTE_FLAGS(pte[0])  # the fault: pte may be NULL
    if pte == NULL:
        return -1
    if not flags & PTE_V or not flags & PTE_U or not flags & PTE_COW:
        return -1
    pa = PTE2PA(pte[0])
    mem = kalloc()
    if mem == NULL:
        return -1
    memmove(mem, pa)
    pte[0] = PA2PTE(mem) | (flags & ~PTE_COW) | PTE_W
    kfree(pa)
    return 0
