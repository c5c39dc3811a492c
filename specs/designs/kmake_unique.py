"""The ``kmake-unique`` write-up: kmake_unique drops the shared page and takes a new one under one lock.

The write-up gives kmake_unique, krealloc and cow_handler; uvmcopy and copyout it leaves out, and of kalloc and kfree it
says that they were rewritten around a byte for each page.
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
    PTE_W,
    SCAUSE_STORE_FAULT,
    SCAUSE_SYSCALL,
    SCAUSE_TIMER,
    Design,
    Frame,
    PerFrame,
    Proc,
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
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, uvmcopy
from cowcheck.specs.xv6.proc import exit
from cowcheck.specs.xv6.trap import killed, setkilled, usersyscall
from cowcheck.specs.xv6.vm import walk

DESIGN = Design(
    name="kmake-unique",
    title="kmake_unique: drop the shared page and take a new one under one lock",
    write_up="Lab 4: copy-on-write (2021), for MIT 6.S081",
    count="kmem.ref_counts",
    claims=(
        "kmake_unique makes a unique copy of a page; 0 if it cannot get a new one",
        "a page that is not shared is returned as it is",
        "where no page can be made, cow_handler kills the process",
    ),
    notes=(
        "kalloc, kfree: rewritten by the author and not shown; the lab's plan, on ref_counts under kmem.lock",
        "PTE_RSW, the author's mark, is PTE_COW here",
    ),
)


class kmem:
    lock: Spinlock
    freelist: Frame
    ref_counts: PerFrame[int]


def kinit() -> None:
    for pa in all_frames():
        kmem.ref_counts[pa] = 1
        kfree(pa)


def kfree(pa: Frame) -> None:
    """Not shown by the write-up; from the lab's plan."""
    if not in_ram(pa):
        panic("kfree")
    acquire(kmem.lock)
    kmem.ref_counts[pa] -= 1
    if kmem.ref_counts[pa] == 0:
        memset(pa, JUNK_FREED)
        pa.next = kmem.freelist
        kmem.freelist = pa
    release(kmem.lock)


def kalloc() -> Frame:
    """Not shown by the write-up; from the lab's plan."""
    acquire(kmem.lock)
    r = kmem.freelist
    if r != NULL:
        kmem.freelist = r.next
        kmem.ref_counts[r] = 1
    release(kmem.lock)
    if r != NULL:
        memset(r, JUNK_ALLOCATED)
    return r


def kmake_unique(pa: Frame) -> Frame:
    if not in_ram(pa):
        panic("kmake_unique")
    acquire(kmem.lock)
    if kmem.ref_counts[pa] == 0:
        release(kmem.lock)  # not allocated, abort
        return NULL
    if kmem.ref_counts[pa] == 1:
        release(kmem.lock)  # not a shared page
        return pa
    kmem.ref_counts[pa] -= 1
    r = kmem.freelist
    if r != NULL:
        kmem.freelist = r.next
        kmem.ref_counts[r] = 1
        memmove(r, pa)
    release(kmem.lock)
    return r


def krealloc(pa: Frame) -> None:
    if not in_ram(pa):
        panic("krealloc")
    acquire(kmem.lock)
    if kmem.ref_counts[pa] == 0:
        release(kmem.lock)
        panic("krealloc, 129")
    kmem.ref_counts[pa] += 1
    release(kmem.lock)


def kaddref(pa: Frame) -> None:
    """What the lab plan's uvmcopy calls."""
    krealloc(pa)


def cow_handler(p: Proc) -> int:
    """0 on success."""
    if r_scause() != SCAUSE_STORE_FAULT:
        return -1
    va = r_stval()
    if va >= MAXVA:
        return -1
    pte = walk(p.pagetable, va, 0)
    if pte == NULL or not pte[0] & PTE_COW:
        return -1
    flag = PTE_FLAGS(pte[0]) & ~PTE_COW
    pa = PTE2PA(pte[0])
    ua = kmake_unique(pa)
    if ua == NULL:
        p.killed = 1
    pte[0] = PA2PTE(ua) | PTE_W | flag
    return 0


def usertrap() -> None:
    p = myproc()
    if r_scause() == SCAUSE_SYSCALL:
        usersyscall(p)
    elif r_scause() == SCAUSE_TIMER:
        pass
    elif cow_handler(p) != 0:
        setkilled(p)
    if killed(p):
        exit(-1)
