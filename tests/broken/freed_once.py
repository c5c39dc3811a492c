"""kfree lowers the count in one critical section and reads it in another, so two of them may both see 0.

It fills no page with junk, as some kernels do not: filling a page that is free is a violation of its own.
"""

from __future__ import annotations

from cowcheck.model.language import Design, Frame, acquire, in_ram, panic, release
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kinit, kmem, usertrap, uvmcopy

DESIGN = Design(name="broken-freed-once", title="the count is lowered here and tested there", count="kmem.refcnt")


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(kmem.lock)
    kmem.refcnt[pa] -= 1
    release(kmem.lock)
    acquire(kmem.lock)  # the fault: another kfree may have come between
    if kmem.refcnt[pa] == 0:
        pa.next = kmem.freelist
        kmem.freelist = pa
    release(kmem.lock)
