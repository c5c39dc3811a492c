"""uvmcopy gives the mark to pages that have PTE_W and takes it from all others: a second fork drops it."""

from __future__ import annotations

from cowcheck.model.language import NULL, PA2PTE, PTE2PA, PTE_COW, PTE_FLAGS, PTE_V, PTE_W, Design, PageTable, panic
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap
from cowcheck.specs.xv6.vm import mappages, uvmunmap, walk

DESIGN = Design(name="pattern-13-mark-dropped", title="a second fork drops the mark", count="kmem.refcnt")


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")

        flags = PTE_FLAGS(pte[0]) & ~PTE_COW  # the fault
        if flags & PTE_W:
            flags = (flags & ~PTE_W) | PTE_COW
        pa = PTE2PA(pte[0])
        pte[0] = PA2PTE(pa) | flags
        if mappages(new, i, pa, flags) != 0:
            uvmunmap(new, 0, i, 1)
            return -1
        kaddref(pa)
    return 0
