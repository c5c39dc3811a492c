"""kalloc's caller looks at the free list under the lock, and takes the page when the lock is dropped."""

from __future__ import annotations

from cowcheck.model.language import JUNK_ALLOCATED, NULL, Design, Frame, acquire, memset, release
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kfree, kinit, kmem, usertrap, uvmcopy

DESIGN = Design(
    name="pattern-24-pointer-after-release", title="a pointer is used after the lock is dropped", count="kmem.refcnt"
)


def kalloc() -> Frame:
    acquire(kmem.lock)
    r = kmem.freelist
    release(kmem.lock)
    if r == NULL:
        return NULL
    acquire(kmem.lock)
    kmem.freelist = r.next  # the fault: r may be another's by now
    kmem.refcnt[r] = 1
    release(kmem.lock)
    memset(r, JUNK_ALLOCATED)
    return r
