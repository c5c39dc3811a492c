"""uvmcopy's error path does not unmap the pages that it has mapped: freewalk finds them."""

from __future__ import annotations

from cowcheck.model.language import NULL, PTE2PA, PTE_COW, PTE_FLAGS, PTE_V, PTE_W, Design, PageTable, panic
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap
from cowcheck.specs.xv6.vm import mappages, walk

DESIGN = Design(
    name="pattern-12-pages-forgotten", title="a fork that fails half way forgets its pages", count="kmem.refcnt"
)


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")
        if pte[0] & PTE_W:
            pte[0] = (pte[0] & ~PTE_W) | PTE_COW
        pa = PTE2PA(pte[0])
        if mappages(new, i, pa, PTE_FLAGS(pte[0])) != 0:
            return -1
        kaddref(pa)
    return 0
