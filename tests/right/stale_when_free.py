"""kfree lets the count of a page that it frees stand at 1; kinit lets it stand at 0; kalloc sets it."""

from __future__ import annotations

from cowcheck.model.language import JUNK_FREED, Design, Frame, acquire, all_frames, in_ram, memset, panic, release
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kmem, usertrap, uvmcopy

DESIGN = Design(name="right-stale-when-free", title="stale counts on free pages", count="kmem.refcnt")


def kinit() -> None:
    for pa in all_frames():
        kfree(pa)


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(kmem.lock)
    if kmem.refcnt[pa] > 1:
        kmem.refcnt[pa] -= 1
        release(kmem.lock)
        return
    memset(pa, JUNK_FREED)
    pa.next = kmem.freelist
    kmem.freelist = pa
    release(kmem.lock)
