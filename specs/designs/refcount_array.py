"""The ``refcount-array`` write-up: ``reference_count[]`` under ``reference_lock``, and a uvmcopy without an error path.

The write-up gives uvmcopy in full and the store-fault handler in a sentence; kalloc, kfree and copyout it leaves out.
They follow the lab's plan here, on the write-up's own array and lock.
"""

from __future__ import annotations

from cowcheck.model.language import (
    JUNK_ALLOCATED,
    JUNK_FREED,
    NULL,
    PA2PTE,
    PTE2PA,
    PTE_COW,
    PTE_FLAGS,
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
    memset,
    panic,
    release,
)
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, usertrap
from cowcheck.specs.xv6.vm import walk

DESIGN = Design(
    name="refcount-array",
    title="an array of counts with a lock, and a uvmcopy that cannot fail",
    write_up="Copy-On-Write-Fork (in Chinese), for MIT 6.S081",
    count="ref.reference_count",
    claims=(
        "after fork both PTEs have the COW bit and have lost PTE_W",
        "a store to a COW page allocates a page, copies, and maps it with PTE_W set and the COW bit clear",
        "the COW bit is not needed in essence: the count says whether the page is shared",
    ),
    notes=(
        "kalloc, kfree: left out by the write-up; the lab's plan, on its array and lock",
        "the claim that the COW bit is not needed is settled by the variant refcount-array-no-mark",
    ),
)


class kmem:
    lock: Spinlock
    freelist: Frame


class ref:
    reference_lock: Spinlock
    reference_count: PerFrame[int]


def kinit() -> None:
    for pa in all_frames():
        ref.reference_count[pa] = 1
        kfree(pa)


def kfree(pa: Frame) -> None:
    """Left out by the write-up; from the lab's plan."""
    if not in_ram(pa):
        panic("kfree")
    acquire(ref.reference_lock)
    ref.reference_count[pa] -= 1
    if ref.reference_count[pa] > 0:
        release(ref.reference_lock)
        return
    release(ref.reference_lock)
    memset(pa, JUNK_FREED)
    acquire(kmem.lock)
    pa.next = kmem.freelist
    kmem.freelist = pa
    release(kmem.lock)


def kalloc() -> Frame:
    """Left out by the write-up; from the lab's plan."""
    acquire(kmem.lock)
    r = kmem.freelist
    if r != NULL:
        kmem.freelist = r.next
    release(kmem.lock)
    if r != NULL:
        acquire(ref.reference_lock)
        ref.reference_count[r] = 1
        release(ref.reference_lock)
        memset(r, JUNK_ALLOCATED)
    return r


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")
        pa = PTE2PA(pte[0])
        pte[0] &= ~PTE_W  # the parent loses the permission to write the page
        pte[0] |= PTE_COW
        flags = PTE_FLAGS(pte[0])
        acquire(ref.reference_lock)
        ref.reference_count[pa] += 1
        release(ref.reference_lock)
        new_pte = walk(new, i, 1)
        new_pte[0] = PA2PTE(pa)
        new_pte[0] |= flags
    return 0
