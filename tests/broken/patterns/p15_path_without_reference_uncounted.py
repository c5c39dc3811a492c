"""As p15; where its counts stand is not known to the checker, so only what follows from them is judged."""

from __future__ import annotations

from cowcheck.model.language import NULL, PTE2PA, PTE_COW, PTE_FLAGS, PTE_V, PTE_W, Design, PageTable, panic
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap
from cowcheck.specs.xv6.vm import mappages, uvmunmap, walk

DESIGN = Design(
    name="pattern-15-path-without-reference-uncounted", title="text is shared without a reference, seen from outside"
)


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")

        pa = PTE2PA(pte[0])
        if pte[0] & PTE_W or pte[0] & PTE_COW:  # the fault: kaddref is for every page
            pte[0] = (pte[0] & ~PTE_W) | PTE_COW
            kaddref(pa)
        if mappages(new, i, pa, PTE_FLAGS(pte[0])) != 0:
            uvmunmap(new, 0, i, 1)
            return -1
    return 0
