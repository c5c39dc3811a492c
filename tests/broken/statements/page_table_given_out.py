"""uvmcreate gives the root page of the table back: the next kalloc hands it out as a user page."""

from __future__ import annotations

from cowcheck.model.language import NULL, Design, PageTable, memset, new_pagetable
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy

DESIGN = Design(
    name="statement-page-table-given-out", title="the root page is free while it is used", count="kmem.refcnt"
)


def uvmcreate() -> PageTable:
    root = kalloc()
    if root == NULL:
        return NULL
    memset(root, 0)
    pagetable = new_pagetable(root)
    kfree(root)  # the fault
    return pagetable
