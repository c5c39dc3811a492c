"""The count is that of the further sharers: 0 for a page with one mapping, and for free pages."""

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
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, usertrap, uvmcopy

DESIGN = Design(name="right-counts-from-zero", title="counts from 0", count="kmem.sharers", count_offset=-1)


class kmem:
    lock: Spinlock
    freelist: Frame
    sharers: PerFrame[int]


def kinit() -> None:
    for pa in all_frames():
        kfree(pa)


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(kmem.lock)
    if kmem.sharers[pa] > 0:
        kmem.sharers[pa] -= 1
        release(kmem.lock)
        return
    memset(pa, JUNK_FREED)
    pa.next = kmem.freelist
    kmem.freelist = pa
    release(kmem.lock)


def kalloc() -> Frame:
    acquire(kmem.lock)
    r = kmem.freelist
    if r != NULL:
        kmem.freelist = r.next
    release(kmem.lock)
    if r != NULL:
        memset(r, JUNK_ALLOCATED)
    return r


def kaddref(pa: Frame) -> None:
    acquire(kmem.lock)
    kmem.sharers[pa] += 1
    release(kmem.lock)
