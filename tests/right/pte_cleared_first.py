"""uvmunmap clears the PTE and then frees the page: xv6 does it the other way round, and both are right."""

from __future__ import annotations

from cowcheck.model.language import NULL, PTE2PA, PTE_V, Design, PageTable, panic
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy
from cowcheck.specs.xv6.vm import walk

DESIGN = Design(name="right-pte-cleared-first", title="the PTE is cleared first", count="kmem.refcnt")


def uvmunmap(pagetable: PageTable, va: int, npages: int, do_free: int) -> None:
    for a in range(va, va + npages):
        pte = walk(pagetable, a, 0)
        if pte == NULL:
            panic("uvmunmap: walk")
        if not pte[0] & PTE_V:
            panic("uvmunmap: not mapped")
        pa = PTE2PA(pte[0])
        pte[0] = 0
        if do_free:
            kfree(pa)
