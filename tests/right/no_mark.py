"""No COW mark: every user page is writable (as in xv6 until 2021), so a store fault on one of them is a COW fault."""

from __future__ import annotations

from cowcheck.model.language import (
    MAXVA,
    NULL,
    PA2PTE,
    PTE2PA,
    PTE_FLAGS,
    PTE_U,
    PTE_V,
    PTE_W,
    Design,
    PageTable,
    memmove,
    panic,
)
from cowcheck.specs.designs.lab_plan import copyout, kaddref, kalloc, kfree, kinit, kmem, usertrap
from cowcheck.specs.xv6.vm import mappages, uvmunmap, walk

DESIGN = Design(name="right-no-mark", title="no mark", count="kmem.refcnt")


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")

        pte[0] &= ~PTE_W
        pa = PTE2PA(pte[0])
        if mappages(new, i, pa, PTE_FLAGS(pte[0])) != 0:
            uvmunmap(new, 0, i, 1)
            return -1
        kaddref(pa)
    return 0


def cow_fault(pagetable: PageTable, va: int) -> int:
    if va >= MAXVA:
        return -1
    pte = walk(pagetable, va, 0)
    if pte == NULL or not pte[0] & PTE_V or not pte[0] & PTE_U or pte[0] & PTE_W:
        return -1
    pa = PTE2PA(pte[0])
    mem = kalloc()
    if mem == NULL:
        return -1
    memmove(mem, pa)
    pte[0] = PA2PTE(mem) | PTE_FLAGS(pte[0]) | PTE_W
    kfree(pa)
    return 0
