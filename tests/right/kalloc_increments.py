"""kalloc increments the count: it is 0 on every free page, so that is as good as setting it to 1."""

from __future__ import annotations

from cowcheck.model.language import JUNK_ALLOCATED, NULL, Design, Frame, acquire, memset, release
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kfree, kinit, kmem, usertrap, uvmcopy

DESIGN = Design(name="right-kalloc-increments", title="kalloc increments", count="kmem.refcnt")


def kalloc() -> Frame:
    acquire(kmem.lock)
    r = kmem.freelist
    if r != NULL:
        kmem.freelist = r.next
        kmem.refcnt[r] += 1
    release(kmem.lock)
    if r != NULL:
        memset(r, JUNK_ALLOCATED)
    return r
