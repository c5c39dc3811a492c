"""kfree returns where the count is 0, and frees the page where it is not."""

from __future__ import annotations

from cowcheck.model.language import JUNK_FREED, Design, Frame, acquire, in_ram, memset, panic, release
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kinit, kmem, usertrap, uvmcopy

DESIGN = Design(name="pattern-04-inverted-test", title="the test in kfree is inverted", count="kmem.refcnt")


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(kmem.lock)
    kmem.refcnt[pa] -= 1
    if kmem.refcnt[pa] == 0:  # the fault: != 0
        release(kmem.lock)
        return
    memset(pa, JUNK_FREED)
    pa.next = kmem.freelist
    kmem.freelist = pa
    release(kmem.lock)
