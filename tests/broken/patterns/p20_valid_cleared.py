"""The handler clears PTE_V so that mappages will take the page, and sets it again only where there is one."""

from __future__ import annotations

from cowcheck.model.language import (
    MAXVA,
    NULL,
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
from cowcheck.specs.xv6.vm import mappages, walk

DESIGN = Design(name="pattern-20-valid-cleared", title="PTE_V is lost where memory is out", count="kmem.refcnt")


def cow_fault(pagetable: PageTable, va: int) -> int:
    if va >= MAXVA:
        return -1
    pte = walk(pagetable, va, 0)
    if pte == NULL:
        return -1
    if not pte[0] & PTE_V or not pte[0] & PTE_U or not pte[0] & PTE_COW:
        return -1
    pa = PTE2PA(pte[0])

    flags = PTE_FLAGS(pte[0])
    pte[0] &= ~PTE_V
    mem = kalloc()
    if mem == NULL:
        return -1  # the fault: PTE_V is still clear
    memmove(mem, pa)
    if mappages(pagetable, va, mem, (flags & ~PTE_COW) | PTE_W) != 0:
        kfree(mem)
        return -1
    kfree(pa)
    return 0
