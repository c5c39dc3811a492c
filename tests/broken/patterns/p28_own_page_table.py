"""copyout walks the page table of the process, and not the one that it is given: exec has the new image's."""

from __future__ import annotations

from cowcheck.model.language import (
    MAXVA,
    NULL,
    PTE2PA,
    PTE_U,
    PTE_V,
    PTE_W,
    Buffer,
    Design,
    PageTable,
    memmove,
    myproc,
)
from cowcheck.specs.designs.lab_plan import cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy
from cowcheck.specs.xv6.vm import walk

DESIGN = Design(name="pattern-28-own-page-table", title="copyout uses myproc()->pagetable", count="kmem.refcnt")


def copyout(pagetable: PageTable, dstva: int, src: Buffer, npages: int) -> int:
    own = myproc().pagetable  # the fault
    for va0 in range(dstva, dstva + npages):
        if va0 >= MAXVA:
            return -1
        pte = walk(own, va0, 0)
        if pte == NULL or not pte[0] & PTE_V or not pte[0] & PTE_U:
            return -1
        if not pte[0] & PTE_W and cow_fault(own, va0) != 0:
            return -1
        memmove(PTE2PA(pte[0]), src)
    return 0
