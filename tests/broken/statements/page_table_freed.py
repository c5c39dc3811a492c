"""A process that shrinks to nothing gives back its leaf page, and keeps the pointer to it."""

from __future__ import annotations

from cowcheck.model.language import Design, PageTable, leaf_page
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy
from cowcheck.specs.xv6.vm import uvmunmap

DESIGN = Design(name="statement-page-table-freed", title="a leaf page is freed while it is used", count="kmem.refcnt")


def uvmdealloc(pagetable: PageTable, oldsz: int, newsz: int) -> int:
    if newsz >= oldsz:
        return oldsz
    uvmunmap(pagetable, newsz, oldsz - newsz, 1)
    if newsz == 0:
        kfree(leaf_page(pagetable, 0))  # the fault: set_leaf_page(pagetable, 0, NULL) is missing
    return newsz
