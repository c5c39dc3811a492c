"""uvmcopy takes the reference before it maps the page, and keeps it where mappages fails."""

from __future__ import annotations

from cowcheck.model.language import NULL, PTE2PA, PTE_COW, PTE_FLAGS, PTE_V, PTE_W, Design, PageTable, panic
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap
from cowcheck.specs.xv6.vm import mappages, uvmunmap, walk

DESIGN = Design(
    name="pattern-12-reference-not-undone", title="a fork that failed keeps a reference", count="kmem.refcnt"
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
        kaddref(pa)
        if mappages(new, i, pa, PTE_FLAGS(pte[0])) != 0:
            uvmunmap(new, 0, i, 1)  # the fault: page i is not among them
            return -1
    return 0
