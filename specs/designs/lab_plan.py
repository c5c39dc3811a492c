"""The lab's plan of attack, done right: the reference.

One lock guards the free list and the counts, so that a count is read, changed and acted upon in one critical section.
"""

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
    all_frames,
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
    name="lab-plan",
    title="the lab's plan of attack, done right",
    write_up="the assignment of MIT 6.S081, Lab: Copy-on-Write Fork for xv6 (2020)",
    count="kmem.refcnt",
    claims=(
        "each physical page is freed when the last PTE reference to it goes away, but not before",
        "if a COW page fault occurs and there is no free memory, the process is killed",
        "copyout uses the same scheme as page faults when it meets a COW page",
    ),
    notes=("The plan leaves the locking open; here one lock guards the free list and the counts.",),
)


class kmem:
    lock: Spinlock
    freelist: Frame
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
    release(kmem.lock)


def kalloc() -> Frame:
    acquire(kmem.lock)
    r = kmem.freelist
    if r != NULL:
        kmem.freelist = r.next
        kmem.refcnt[r] = 1
    release(kmem.lock)
    if r != NULL:
        memset(r, JUNK_ALLOCATED)
    return r


def kaddref(pa: Frame) -> None:
    acquire(kmem.lock)
    kmem.refcnt[pa] += 1
    release(kmem.lock)


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")
        if pte[0] & PTE_W:
            pte[0] = (pte[0] & ~PTE_W) | PTE_COW
        pa = PTE2PA(pte[0])
        if mappages(new, i, pa, PTE_FLAGS(pte[0])) != 0:
            uvmunmap(new, 0, i, 1)
            return -1
        kaddref(pa)
    return 0


def cow_fault(pagetable: PageTable, va: int) -> int:
    """0 where the page may be stored to now; -1 where it may not, or memory is out."""
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
    kfree(pa)
    return 0


def usertrap() -> None:
    p = myproc()
    if r_scause() == SCAUSE_SYSCALL:
        usersyscall(p)
    elif r_scause() == SCAUSE_TIMER:
        pass
    elif r_scause() == SCAUSE_STORE_FAULT:
        if cow_fault(p.pagetable, r_stval()) != 0:
            setkilled(p)
    else:
        setkilled(p)
    if killed(p):
        exit(-1)


def copyout(pagetable: PageTable, dstva: int, src: Buffer, npages: int) -> int:
    for va0 in range(dstva, dstva + npages):
        if va0 >= MAXVA:
            return -1
        pte = walk(pagetable, va0, 0)
        if pte == NULL or not pte[0] & PTE_V or not pte[0] & PTE_U:
            return -1
        if not pte[0] & PTE_W and cow_fault(pagetable, va0) != 0:
            return -1
        memmove(PTE2PA(pte[0]), src)
    return 0
