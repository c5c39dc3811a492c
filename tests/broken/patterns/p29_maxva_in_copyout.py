"""copyout gives any address to walk, which panics beyond MAXVA."""

from __future__ import annotations

from cowcheck.model.language import NULL, PTE2PA, PTE_U, PTE_V, PTE_W, Buffer, Design, PageTable, memmove
from cowcheck.specs.designs.lab_plan import cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy
from cowcheck.specs.xv6.vm import walk

DESIGN = Design(name="pattern-29-maxva-in-copyout", title="no test of MAXVA", count="kmem.refcnt")


def copyout(pagetable: PageTable, dstva: int, src: Buffer, npages: int) -> int:
    for va0 in range(dstva, dstva + npages):
        pte = walk(pagetable, va0, 0)  # the fault: va0 may be MAXVA or more
        if pte == NULL or not pte[0] & PTE_V or not pte[0] & PTE_U:
            return -1
        if not pte[0] & PTE_W and cow_fault(pagetable, va0) != 0:
            return -1
        memmove(PTE2PA(pte[0]), src)
    return 0
