"""kalloc asks a counter of free pages, not the list, whether memory is out."""

from __future__ import annotations

from cowcheck.model.language import (
    JUNK_ALLOCATED,
    JUNK_FREED,
    NULL,
    Design,
    Frame,
    PerFrame,
    Spinlock,
    acquire,
    all_frames,
    in_ram,
    memset,
    panic,
    release,
)
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, usertrap, uvmcopy

DESIGN = Design(name="right-free-counter", title="a counter of free pages", count="kmem.refcnt")


class kmem:
    lock: Spinlock
    freelist: Frame
    nfree: int
    refcnt: PerFrame[int]


def kinit() -> None:
    for pa in all_frames():
        kmem.refcnt[pa] = 1
        kfree(pa)


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(kmem.lock)
    kmem.refcnt[pa] -= 1
    if kmem.refcnt[pa] > 0:
        release(kmem.lock)
        return
    memset(pa, JUNK_FREED)
    pa.next = kmem.freelist
    kmem.freelist = pa
    kmem.nfree += 1
    release(kmem.lock)


def kalloc() -> Frame:
    acquire(kmem.lock)
    if kmem.nfree == 0:
        release(kmem.lock)
        return NULL
    kmem.nfree -= 1
    r = kmem.freelist
    kmem.freelist = r.next
    kmem.refcnt[r] = 1
    release(kmem.lock)
    memset(r, JUNK_ALLOCATED)
    return r
