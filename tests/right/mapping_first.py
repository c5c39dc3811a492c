"""uvmcopy maps every page of the child first, and takes the references and the parent's PTE_W afterwards."""

from __future__ import annotations

from cowcheck.model.language import NULL, PTE2PA, PTE_COW, PTE_FLAGS, PTE_V, PTE_W, Design, PageTable, panic
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap
from cowcheck.specs.xv6.vm import mappages, walk

DESIGN = Design(name="right-mapping-first", title="the references last", count="kmem.refcnt")


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")

        flags = PTE_FLAGS(pte[0])
        if flags & PTE_W:
            flags = (flags & ~PTE_W) | PTE_COW
        if mappages(new, i, PTE2PA(pte[0]), flags) != 0:
            for j in range(0, i):
                undone = walk(new, j, 0)
                undone[0] = 0
            return -1
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte[0] & PTE_W:
            pte[0] = (pte[0] & ~PTE_W) | PTE_COW
        kaddref(PTE2PA(pte[0]))
    return 0
