"""The count is that of the mappings alone: kalloc gives 0, mappages adds one; kfree finds 0 for a page table's page."""

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
    acquire,
    in_ram,
    memmove,
    memset,
    panic,
    release,
)
from cowcheck.specs.designs.lab_plan import copyout, kaddref, kinit, kmem, usertrap
from cowcheck.specs.xv6.vm import uvmunmap, walk

DESIGN = Design(name="right-counted-in-mappages", title="counts in mappages", count="kmem.refcnt")


def kalloc() -> Frame:
    acquire(kmem.lock)
    r = kmem.freelist
    if r != NULL:
        kmem.freelist = r.next
        kmem.refcnt[r] = 0
    release(kmem.lock)
    if r != NULL:
        memset(r, JUNK_ALLOCATED)
    return r


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(kmem.lock)
    if kmem.refcnt[pa] > 1:
        kmem.refcnt[pa] -= 1
        release(kmem.lock)
        return
    kmem.refcnt[pa] = 0
    memset(pa, JUNK_FREED)
    pa.next = kmem.freelist
    kmem.freelist = pa
    release(kmem.lock)


def mappages(pagetable: PageTable, va: int, pa: Frame, perm: int) -> int:
    pte = walk(pagetable, va, 1)
    if pte == NULL:
        return -1
    if pte[0] & PTE_V:
        panic("mappages: remap")
    pte[0] = PA2PTE(pa) | perm | PTE_V
    kaddref(pa)
    return 0


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")

        if pte[0] & PTE_W:
            pte[0] = (pte[0] & ~PTE_W) | PTE_COW
        if mappages(new, i, PTE2PA(pte[0]), PTE_FLAGS(pte[0])) != 0:
            uvmunmap(new, 0, i, 1)
            return -1
    return 0


def cow_fault(pagetable: PageTable, va: int) -> int:
    if va >= MAXVA:
        return -1
    pte = walk(pagetable, va, 0)
    if pte == NULL:
        return -1
    if not pte[0] & PTE_V or not pte[0] & PTE_U or not pte[0] & PTE_COW:
        return -1
    pa = PTE2PA(pte[0])

    mem = kalloc()
    if mem == NULL:
        return -1
    memmove(mem, pa)
    pte[0] = PA2PTE(mem) | (PTE_FLAGS(pte[0]) & ~PTE_COW) | PTE_W
    kaddref(mem)
    kfree(pa)
    return 0
