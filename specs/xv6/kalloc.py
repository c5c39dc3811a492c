"""xv6 kernel/kalloc.c as it ships: no reference counts. A COW design puts its own in the place of these."""

from __future__ import annotations

from cowcheck.model.language import (
    JUNK_ALLOCATED,
    JUNK_FREED,
    NULL,
    Frame,
    Spinlock,
    acquire,
    all_frames,
    in_ram,
    memset,
    panic,
    release,
)


class kmem:
    lock: Spinlock
    freelist: Frame


def kinit() -> None:
    for pa in all_frames():  # freerange(end, PHYSTOP)
        kfree(pa)


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    memset(pa, JUNK_FREED)
    acquire(kmem.lock)
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
