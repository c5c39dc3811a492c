"""As p04, but kinit puts the pages on the free list by itself, so the kernel boots and runs."""

from __future__ import annotations

from cowcheck.model.language import JUNK_FREED, Design, Frame, acquire, all_frames, in_ram, memset, panic, release
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kmem, usertrap, uvmcopy

DESIGN = Design(
    name="pattern-04-inverted-test-after-boot",
    title="the test in kfree is inverted; the kernel boots",
    count="kmem.refcnt",
)


def kinit() -> None:
    for pa in all_frames():
        kmem.refcnt[pa] = 0
        pa.next = kmem.freelist
        kmem.freelist = pa


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
