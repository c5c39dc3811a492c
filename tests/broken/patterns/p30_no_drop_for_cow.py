"""uvmunmap leaves COW pages alone: nobody drops the reference."""

from __future__ import annotations

from cowcheck.model.language import NULL, PTE2PA, PTE_COW, PTE_V, Design, PageTable, panic
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy
from cowcheck.specs.xv6.vm import walk

DESIGN = Design(
    name="pattern-30-no-drop-for-cow", title="unmapping drops no reference of COW pages", count="kmem.refcnt"
)


def uvmunmap(pagetable: PageTable, va: int, npages: int, do_free: int) -> None:
    for a in range(va, va + npages):
        pte = walk(pagetable, a, 0)
        if pte == NULL:
            panic("uvmunmap: walk")
        if not pte[0] & PTE_V:
            panic("uvmunmap: not mapped")

        if do_free and not pte[0] & PTE_COW:  # the fault
            kfree(PTE2PA(pte[0]))
        pte[0] = 0
