"""kalloc increments the count that it should set to 1: what a page had before it was free stays in it."""

from __future__ import annotations

from cowcheck.model.language import JUNK_ALLOCATED, NULL, Design, Frame, acquire, all_frames, memset, release
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kfree, kmem, usertrap, uvmcopy

DESIGN = Design(name="pattern-05-kalloc-increments", title="kalloc increments", count="kmem.refcnt")


def kinit() -> None:
    for pa in all_frames():
        kfree(pa)  # its count is 0, and becomes -1


def kalloc() -> Frame:
    acquire(kmem.lock)
    r = kmem.freelist
    if r != NULL:
        kmem.freelist = r.next
        kmem.refcnt[r] += 1  # the fault: -1 becomes 0
    release(kmem.lock)
    if r != NULL:
        memset(r, JUNK_ALLOCATED)
    return r
