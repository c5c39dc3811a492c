"""copyout writes to whatever frame the page has: the sharers see what one of them has read."""

from __future__ import annotations

from cowcheck.model.language import MAXVA, NULL, PTE2PA, PTE_U, PTE_V, Buffer, Design, PageTable, memmove
from cowcheck.specs.designs.lab_plan import cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy
from cowcheck.specs.xv6.vm import walk

DESIGN = Design(name="broken-isolation", title="copyout writes to shared pages", count="kmem.refcnt")


def copyout(pagetable: PageTable, dstva: int, src: Buffer, npages: int) -> int:
    for va0 in range(dstva, dstva + npages):
        if va0 >= MAXVA:
            return -1
        pte = walk(pagetable, va0, 0)
        if pte == NULL or not pte[0] & PTE_V or not pte[0] & PTE_U:
            return -1
        memmove(PTE2PA(pte[0]), src)  # the fault: no look at PTE_W
    return 0
