"""mappages counts every mapping, and kalloc starts at 1 as before: the first mapping counts twice."""

from __future__ import annotations

from cowcheck.model.language import (
    NULL,
    PA2PTE,
    PTE2PA,
    PTE_COW,
    PTE_FLAGS,
    PTE_V,
    PTE_W,
    Design,
    Frame,
    PageTable,
    panic,
)
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap
from cowcheck.specs.xv6.vm import uvmunmap, walk

DESIGN = Design(name="pattern-14-counted-in-mappages", title="counting inside mappages", count="kmem.refcnt")


def mappages(pagetable: PageTable, va: int, pa: Frame, perm: int) -> int:
    pte = walk(pagetable, va, 1)
    if pte == NULL:
        return -1
    if pte[0] & PTE_V:
        panic("mappages: remap")
    pte[0] = PA2PTE(pa) | perm | PTE_V
    kaddref(pa)  # the fault, with kalloc's own 1
    return 0


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")

        if pte[0] & PTE_W:
            pte[0] = (pte[0] & ~PTE_W) | PTE_COW
        if mappages(new, i, PTE2PA(pte[0]), PTE_FLAGS(pte[0])) != 0:
            uvmunmap(new, 0, i, 1)
            return -1
    return 0
