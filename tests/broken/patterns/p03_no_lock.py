"""The counts have no lock: of two harts that change one at a time, one is lost."""

from __future__ import annotations

from cowcheck.model.language import JUNK_FREED, Design, Frame, acquire, in_ram, memset, panic, release
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kalloc, kinit, kmem, usertrap, uvmcopy

DESIGN = Design(name="pattern-03-no-lock", title="counts without a lock", count="kmem.refcnt")


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    kmem.refcnt[pa] -= 1  # the fault: a read and a write
    if kmem.refcnt[pa] > 0:
        return
    memset(pa, JUNK_FREED)
    acquire(kmem.lock)
    pa.next = kmem.freelist
    kmem.freelist = pa
    release(kmem.lock)


def kaddref(pa: Frame) -> None:
    kmem.refcnt[pa] += 1
