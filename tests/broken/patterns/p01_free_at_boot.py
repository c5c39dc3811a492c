"""kinit gives every page to kfree while its count is 0: it becomes -1, is not 0, and no page is ever free."""

from __future__ import annotations

from cowcheck.model.language import JUNK_FREED, Design, Frame, acquire, all_frames, in_ram, memset, panic, release
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kmem, usertrap, uvmcopy

DESIGN = Design(name="pattern-01-free-at-boot", title="the free list stays empty", count="kmem.refcnt")


def kinit() -> None:
    for pa in all_frames():
        kfree(pa)  # the fault: its count is 0


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(kmem.lock)
    kmem.refcnt[pa] -= 1
    if kmem.refcnt[pa] == 0:
        memset(pa, JUNK_FREED)
        pa.next = kmem.freelist
        kmem.freelist = pa
    release(kmem.lock)
