"""kfree fills the page with junk before it looks at the count: the sharers lose their data."""

from __future__ import annotations

from cowcheck.model.language import JUNK_FREED, Design, Frame, acquire, in_ram, memset, panic, release
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kinit, kmem, usertrap, uvmcopy

DESIGN = Design(name="pattern-08-junk-before-test", title="the sharers' page is filled with junk", count="kmem.refcnt")


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    memset(pa, JUNK_FREED)  # the fault
    acquire(kmem.lock)
    kmem.refcnt[pa] -= 1
    if kmem.refcnt[pa] == 0:
        pa.next = kmem.freelist
        kmem.freelist = pa
    release(kmem.lock)
