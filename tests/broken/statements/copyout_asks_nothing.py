"""copyout breaks a COW page out, and otherwise asks for no permission: a read() into the guard page succeeds."""

from __future__ import annotations

from cowcheck.model.language import MAXVA, NULL, PTE2PA, PTE_COW, PTE_V, Buffer, Design, PageTable, memmove
from cowcheck.specs.designs.lab_plan import cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy
from cowcheck.specs.xv6.vm import walk

DESIGN = Design(name="statement-copyout-asks-nothing", title="copyout without a test of PTE_U", count="kmem.refcnt")


def copyout(pagetable: PageTable, dstva: int, src: Buffer, npages: int) -> int:
    for va0 in range(dstva, dstva + npages):
        if va0 >= MAXVA:
            return -1
        pte = walk(pagetable, va0, 0)
        if pte == NULL or not pte[0] & PTE_V:
            return -1
        if pte[0] & PTE_COW:
            cow_fault(pagetable, va0)
        memmove(PTE2PA(pte[0]), src)  # the fault: PTE_U is not asked for
    return 0
