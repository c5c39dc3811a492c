"""A count of two bits stands for one of eight: the fourth sharer takes it back to 0."""

from __future__ import annotations

from cowcheck.model.language import Design, Frame, acquire, release
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kalloc, kfree, kinit, kmem, usertrap, uvmcopy

DESIGN = Design(name="pattern-06-count-overflows", title="a count that is too small", count="kmem.refcnt")


def kaddref(pa: Frame) -> None:
    acquire(kmem.lock)
    kmem.refcnt[pa] = (kmem.refcnt[pa] + 1) & 3  # the fault
    release(kmem.lock)
