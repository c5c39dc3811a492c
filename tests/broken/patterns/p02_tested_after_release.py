"""kfree lowers the count under the lock and tests it when the lock is dropped."""

from __future__ import annotations

from cowcheck.model.language import JUNK_FREED, Design, Frame, acquire, in_ram, memset, panic, release
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kinit, kmem, usertrap, uvmcopy

DESIGN = Design(
    name="pattern-02-tested-after-release", title="the count is tested after the release", count="kmem.refcnt"
)


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(kmem.lock)
    kmem.refcnt[pa] -= 1
    release(kmem.lock)
    if kmem.refcnt[pa] > 0:  # the fault
        return
    memset(pa, JUNK_FREED)
    acquire(kmem.lock)
    pa.next = kmem.freelist
    kmem.freelist = pa
    release(kmem.lock)
