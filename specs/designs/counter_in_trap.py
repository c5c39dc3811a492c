"""The ``counter-in-trap`` write-up: ``reference_counters`` under a spinlock, and the fault handler inside usertrap.

The write-up describes its code in words. Where its words stop, the comments say what was taken from the lab's plan.
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
    name="counter-in-trap",
    title="reference_counters with a lock; the handler stands in usertrap",
    write_up="Copy-on-Write Fork for xv6 (2021), for MIT 6.S081",
    count="ref.counters",
    claims=(
        "kfree puts a page back on the free list only when its counter drops to zero",
        "fork sets PTE_W of both child and parent to 0, and the COW flag to 1",
        "after a page fault the process goes on with the instruction that caused it (epc = r_sepc())",
        "where the page need not be copied it is enough to make its flags writable again",
    ),
    notes=(
        "uvmcopy: the write-up names no condition on PTE_W, so every page is marked; its error path is the lab's plan",
        "usertrap: what happens without a free frame is left out; the lab's plan: the process is killed",
        "usertrap: 'the same way' as copyout is read of the copying, not of copyout's tests of the address and the "
        "pte: the text tells those of copyout only; the null pte rests on this reading",
        "usertrap: when a page need not be copied is not said; read as: when its counter is 1",
        "usertrap: how the old page is dropped is said of copyout only (kfree), and taken to be so here",
        "copyout: what happens to a page that is not COW is left out; xv6's own tests (valid, user, writable)",
    ),
)


class kmem:
    lock: Spinlock
    freelist: Frame


class ref:
    lock: Spinlock
    counters: PerFrame[int]


def kinit() -> None:
    for pa in all_frames():
        ref.counters[pa] = 1
        kfree(pa)


def kfree(pa: Frame) -> None:
    if not in_ram(pa):
        panic("kfree")
    acquire(ref.lock)
    ref.counters[pa] -= 1
    if ref.counters[pa] > 0:
        release(ref.lock)
        return
    release(ref.lock)
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
        acquire(ref.lock)
        ref.counters[r] = 1
        release(ref.lock)
        memset(r, JUNK_ALLOCATED)
    return r


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")
        pte[0] = (pte[0] & ~PTE_W) | PTE_COW
        pa = PTE2PA(pte[0])
        if mappages(new, i, pa, PTE_FLAGS(pte[0])) != 0:
            uvmunmap(new, 0, i, 1)  # left out by the write-up; from xv6's own uvmcopy
            return -1
        acquire(ref.lock)
        ref.counters[pa] += 1
        release(ref.lock)
    return 0


def usertrap() -> None:
    p = myproc()
    if r_scause() == SCAUSE_SYSCALL:
        usersyscall(p)
    elif r_scause() == SCAUSE_TIMER:
        pass
    elif r_scause() == SCAUSE_STORE_FAULT:
        pte = walk(p.pagetable, r_stval(), 0)
        if pte[0] & PTE_COW:
            pa = PTE2PA(pte[0])
            acquire(ref.lock)
            count = ref.counters[pa]
            release(ref.lock)
            if count == 1:
                pte[0] = (pte[0] & ~PTE_COW) | PTE_W
            else:
                mem = kalloc()
                if mem == NULL:
                    setkilled(p)  # left out by the write-up; from the lab's plan
                else:
                    memmove(mem, pa)
                    pte[0] = PA2PTE(mem) | (PTE_FLAGS(pte[0]) & ~PTE_COW) | PTE_W
                    kfree(pa)
        # p->trapframe->epc = r_sepc(): the instruction is executed again
    else:
        setkilled(p)
    if killed(p):
        exit(-1)


def copyout(pagetable: PageTable, dstva: int, src: Buffer, npages: int) -> int:
    for va0 in range(dstva, dstva + npages):
        if va0 >= MAXVA:
            return -1
        pte = walk(pagetable, va0, 0)
        if pte == NULL:
            return -1
        if pte[0] & PTE_COW:
            pa = PTE2PA(pte[0])
            mem = kalloc()
            if mem == NULL:
                return -1
            memmove(mem, pa)
            pte[0] = PA2PTE(mem) | (PTE_FLAGS(pte[0]) & ~PTE_COW) | PTE_W
            kfree(pa)
        if not pte[0] & PTE_V or not pte[0] & PTE_U or not pte[0] & PTE_W:
            return -1  # left out by the write-up; xv6's own copyout
        memmove(PTE2PA(pte[0]), src)
    return 0
