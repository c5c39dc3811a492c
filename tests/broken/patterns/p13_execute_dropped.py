"""uvmcopy loses PTE_X of the text: parent and child cannot run it any more."""

from __future__ import annotations

from cowcheck.model.language import NULL, PTE2PA, PTE_COW, PTE_FLAGS, PTE_V, PTE_W, PTE_X, Design, PageTable, panic
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap
from cowcheck.specs.xv6.vm import mappages, uvmunmap, walk

DESIGN = Design(name="pattern-13-execute-dropped", title="fork drops PTE_X", count="kmem.refcnt")


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
        if mappages(new, i, pa, PTE_FLAGS(pte[0]) & ~PTE_X) != 0:  # the fault
            uvmunmap(new, 0, i, 1)
            return -1
        kaddref(pa)
    return 0
