"""One free page is kept in a variable of the kernel's, not on the list."""

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

DESIGN = Design(name="right-page-in-reserve", title="one page in reserve", count="kmem.refcnt")


class kmem:
    lock: Spinlock
    freelist: Frame
    spare: Frame
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
    if kmem.spare == NULL:
        kmem.spare = pa
    else:
        pa.next = kmem.freelist
        kmem.freelist = pa
    release(kmem.lock)


def kalloc() -> Frame:
    acquire(kmem.lock)
    r = kmem.freelist
    if r != NULL:
        kmem.freelist = r.next
    else:
        r = kmem.spare
        kmem.spare = NULL
    if r != NULL:
        kmem.refcnt[r] = 1
    release(kmem.lock)
    if r != NULL:
        memset(r, JUNK_ALLOCATED)
    return r
