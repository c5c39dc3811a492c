"""kalloc takes the list's lock and then the counts'; kfree takes them the other way round."""

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

DESIGN = Design(name="pattern-07-lock-order", title="two locks in opposite orders", count="ref.cnt")


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


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(ref.lock)
    ref.cnt[pa] -= 1
    if ref.cnt[pa] == 0:
        memset(pa, JUNK_FREED)
        acquire(kmem.lock)  # the fault: ref.lock is held
        pa.next = kmem.freelist
        kmem.freelist = pa
        release(kmem.lock)
    release(ref.lock)


def kaddref(pa: Frame) -> None:
    acquire(ref.lock)
    ref.cnt[pa] += 1
    release(ref.lock)
