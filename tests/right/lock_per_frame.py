"""Each page's count has a lock of its own; the free list has another, taken while the page's is held."""

from __future__ import annotations

from cowcheck.model.language import (
    JUNK_ALLOCATED,
    JUNK_FREED,
    MAXVA,
    NULL,
    PA2PTE,
    PTE2PA,
    PTE_COW,
    PTE_FLAGS,
    PTE_U,
    PTE_V,
    PTE_W,
    Design,
    Frame,
    PageTable,
    PerFrame,
    Spinlock,
    acquire,
    all_frames,
    in_ram,
    memmove,
    memset,
    panic,
    release,
)
from cowcheck.specs.designs.lab_plan import copyout, usertrap, uvmcopy
from cowcheck.specs.xv6.vm import walk

DESIGN = Design(name="right-lock-per-frame", title="a lock per page", count="page.refcnt")


class kmem:
    lock: Spinlock
    freelist: Frame


class page:
    lock: PerFrame[Spinlock]
    refcnt: PerFrame[int]


def kinit() -> None:
    for pa in all_frames():
        page.refcnt[pa] = 1
        kfree(pa)


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(page.lock[pa])
    page.refcnt[pa] -= 1
    if page.refcnt[pa] == 0:
        memset(pa, JUNK_FREED)
        acquire(kmem.lock)
        pa.next = kmem.freelist
        kmem.freelist = pa
        release(kmem.lock)
    release(page.lock[pa])


def kalloc() -> Frame:
    acquire(kmem.lock)
    r = kmem.freelist
    if r != NULL:
        kmem.freelist = r.next
    release(kmem.lock)
    if r != NULL:
        acquire(page.lock[r])
        page.refcnt[r] = 1
        release(page.lock[r])
        memset(r, JUNK_ALLOCATED)
    return r


def kaddref(pa: Frame) -> None:
    acquire(page.lock[pa])
    page.refcnt[pa] += 1
    release(page.lock[pa])


def cow_fault(pagetable: PageTable, va: int) -> int:
    if va >= MAXVA:
        return -1
    pte = walk(pagetable, va, 0)
    if pte == NULL:
        return -1
    if not pte[0] & PTE_V or not pte[0] & PTE_U or not pte[0] & PTE_COW:
        return -1
    pa = PTE2PA(pte[0])

    acquire(page.lock[pa])
    if page.refcnt[pa] == 1:
        pte[0] = (pte[0] & ~PTE_COW) | PTE_W
        release(page.lock[pa])
        return 0
    mem = kalloc()  # its lock inside this one: the page was free, nobody waits for it
    if mem == NULL:
        release(page.lock[pa])
        return -1
    memmove(mem, pa)
    page.refcnt[pa] -= 1
    release(page.lock[pa])
    pte[0] = PA2PTE(mem) | (PTE_FLAGS(pte[0]) & ~PTE_COW) | PTE_W
    return 0
