"""The counts have a lock of their own, always taken inside the free list's."""

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

DESIGN = Design(name="right-nested-locks", title="two locks in one order", count="ref.cnt")


class kmem:
    lock: Spinlock
    freelist: Frame


class ref:
    lock: Spinlock
    cnt: PerFrame[int]


def kinit() -> None:
    for pa in all_frames():
        ref.cnt[pa] = 1
        kfree(pa)


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(kmem.lock)
    acquire(ref.lock)
    ref.cnt[pa] -= 1
    if ref.cnt[pa] == 0:
        memset(pa, JUNK_FREED)
        pa.next = kmem.freelist
        kmem.freelist = pa
    release(ref.lock)
    release(kmem.lock)


def kalloc() -> Frame:
    acquire(kmem.lock)
    r = kmem.freelist
    if r != NULL:
        kmem.freelist = r.next
        acquire(ref.lock)
        ref.cnt[r] = 1
        release(ref.lock)
    release(kmem.lock)
    if r != NULL:
        memset(r, JUNK_ALLOCATED)
    return r


def kaddref(pa: Frame) -> None:
    acquire(ref.lock)
    ref.cnt[pa] += 1
    release(ref.lock)
