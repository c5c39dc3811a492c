"""copyout gives the process a page of its own for the first page of a range, and writes to the others as they are."""

from __future__ import annotations

from cowcheck.model.language import MAXVA, NULL, PTE2PA, PTE_U, PTE_V, PTE_W, Buffer, Design, PageTable, memmove
from cowcheck.specs.designs.lab_plan import cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy
from cowcheck.specs.xv6.vm import walk

DESIGN = Design(
    name="pattern-26-first-page-only", title="only the first page of a range is broken out", count="kmem.refcnt"
)


def copyout(pagetable: PageTable, dstva: int, src: Buffer, npages: int) -> int:
    for va0 in range(dstva, dstva + npages):
        if va0 >= MAXVA:
            return -1
        pte = walk(pagetable, va0, 0)
        if pte == NULL or not pte[0] & PTE_V or not pte[0] & PTE_U:
            return -1

        if va0 == dstva and not pte[0] & PTE_W and cow_fault(pagetable, va0) != 0:  # the fault
            return -1
        memmove(PTE2PA(pte[0]), src)
    return 0
