"""The ``kref-lock`` write-up: counts under a lock of their own, behind kaddref, kdecref and kgetref.

Each helper takes and drops ``kref.lock``, so a count that was read is old by the time it is acted upon. The author says
so of ``kfree``: several processes may enter the part under ``kgetref(pa) == 0``, "but the tests pass, so we leave it".
"""

from __future__ import annotations

from cowcheck.model.language import (
    JUNK_ALLOCATED,
    JUNK_FREED,
    MAXVA,
    NULL,
    PTE2PA,
    PTE_COW,
    PTE_FLAGS,
    PTE_U,
    PTE_V,
    PTE_W,
    SCAUSE_STORE_FAULT,
    SCAUSE_SYSCALL,
    SCAUSE_TIMER,
    Buffer,
    Design,
    Frame,
    PageTable,
    PerFrame,
    Spinlock,
    acquire,
    in_ram,
    memmove,
    memset,
    myproc,
    panic,
    r_scause,
    r_stval,
    release,
)
from cowcheck.specs.xv6.proc import exit
from cowcheck.specs.xv6.trap import killed, setkilled, usersyscall
from cowcheck.specs.xv6.vm import mappages, uvmunmap, walk

DESIGN = Design(
    name="kref-lock",
    title="counts behind kaddref, kdecref and kgetref, each with its own critical section",
    write_up="Lab 5 Copy-on-Write Fork (2025, in Chinese), for MIT 6.S081",
    count="kref.refcnt",
    claims=(
        "kfree lowers a count that is greater than 1 and touches nothing else; at 1 it frees the page",
        "kfree is at risk when several processes free a shared page at once (the author's own comment); the tests pass",
        "writefault makes the page writable again when the count is 1, so no page is copied needlessly",
    ),
)


class kmem:
    lock: Spinlock
    freelist: Frame


class kref:
    lock: Spinlock
    refcnt: PerFrame[int]


def kaddref(pa: Frame) -> None:
    acquire(kref.lock)
    kref.refcnt[pa] += 1
    release(kref.lock)


def kdecref(pa: Frame) -> None:
    acquire(kref.lock)
    if kref.refcnt[pa] > 0:
        kref.refcnt[pa] -= 1
    release(kref.lock)


def kgetref(pa: Frame) -> int:
    acquire(kref.lock)
    ref = kref.refcnt[pa]
    release(kref.lock)
    return ref


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    kdecref(pa)
    if kgetref(pa) == 0:
        memset(pa, JUNK_FREED)
        r = pa
        acquire(kmem.lock)
        r.next = kmem.freelist
        kmem.freelist = r
        release(kmem.lock)


def kalloc() -> Frame:
    acquire(kmem.lock)
    r = kmem.freelist
    if r != NULL:
        kmem.freelist = r.next
    release(kmem.lock)
    if r != NULL:
        kaddref(r)
    if r != NULL:
        memset(r, JUNK_ALLOCATED)
    return r


def usertrap() -> None:
    p = myproc()
    if r_scause() == SCAUSE_SYSCALL:
        usersyscall(p)
    elif r_scause() == SCAUSE_TIMER:
        pass
    elif r_scause() == SCAUSE_STORE_FAULT and writefault(p.pagetable, r_stval()) != NULL:
        pass  # copy on write
    else:
        setkilled(p)
    if killed(p):
        exit(-1)


def writefault(pagetable: PageTable, va: int) -> Frame:
    """NULL on an error, else the frame that the page had."""
    p = myproc()
    if va >= p.sz:
        return NULL
    pte = walk(pagetable, va, 0)
    if pte == NULL:
        return NULL
    flags = PTE_FLAGS(pte[0])
    if not flags & PTE_COW:
        return NULL  # read-only page
    pa = PTE2PA(pte[0])
    refcnt = kgetref(pa)
    if refcnt == 0:
        return NULL  # no process refers to this page
    if refcnt == 1:
        pte[0] &= ~PTE_COW
        pte[0] |= PTE_W
        return pa
    mem = kalloc()
    if mem == NULL:
        return NULL
    memmove(mem, pa)
    pte[0] &= ~PTE_V  # make mappages work
    if mappages(pagetable, va, mem, flags) != 0:
        kfree(mem)
        return NULL
    pte[0] &= ~PTE_COW
    pte[0] |= PTE_W
    kdecref(pa)
    return pa


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")
        pa = PTE2PA(pte[0])
        flags = PTE_FLAGS(pte[0])
        if mappages(new, i, pa, flags) != 0:
            uvmunmap(new, 0, i, 1)
            return -1
        if flags & PTE_W:
            new_pte = walk(new, i, 0)
            pte[0] &= ~PTE_W
            new_pte[0] &= ~PTE_W
            pte[0] |= PTE_COW
            new_pte[0] |= PTE_COW
        kaddref(pa)
    return 0


def copyout(pagetable: PageTable, dstva: int, src: Buffer, npages: int) -> int:
    for va0 in range(dstva, dstva + npages):
        if va0 >= MAXVA:
            return -1
        pte = walk(pagetable, va0, 0)
        if pte == NULL or not pte[0] & PTE_V or not pte[0] & PTE_U:
            return -1
        if not pte[0] & PTE_W:
            if pte[0] & PTE_COW and writefault(pagetable, va0) != NULL:
                pass  # copy on write
            else:
                return -1
        pa0 = PTE2PA(pte[0])
        memmove(pa0, src)
    return 0
