"""xv6 kernel/proc.c: processes as they come and go. The COW lab leaves this file alone.

The process table's own search loops are one step each, under the locks that xv6 holds there; ``wait`` frees the child's
memory under ``wait_lock``, as xv6 does, so two parents never tear down two children at once.
"""

from __future__ import annotations

from cowcheck.model.language import (
    NULL,
    PTE_W,
    PageTable,
    Proc,
    Spinlock,
    acquire,
    first_proc,
    ghost_due,
    ghost_inherit,
    has_child,
    image_pages,
    kill_target,
    myproc,
    panic,
    release,
    reset_proc,
    sched,
    sleep,
    start_proc,
    syscall_argument,
    syscall_buffer,
    unused_proc,
    zombie_child,
    zombify,
)
from cowcheck.specs.xv6.exec import load_image
from cowcheck.specs.xv6.kalloc import kinit
from cowcheck.specs.xv6.vm import copyout, uvmalloc, uvmcopy, uvmcreate, uvmdealloc, uvmfree


class proctable:
    wait_lock: Spinlock


def boot() -> None:
    kinit()
    userinit()


def userinit() -> None:
    p = first_proc()
    p.pagetable = uvmcreate()
    if p.pagetable == NULL:
        panic("userinit: out of memory")
    if load_image(p.pagetable) != 0:
        panic("userinit: out of memory")
    p.sz = image_pages()
    start_proc(p)


def allocproc() -> Proc:
    np = unused_proc()
    if np == NULL:
        return NULL
    np.pagetable = uvmcreate()
    if np.pagetable == NULL:
        freeproc(np)
        release(np.lock)
        return NULL
    return np


def freeproc(p: Proc) -> None:
    if p.pagetable != NULL:
        proc_freepagetable(p.pagetable, p.sz)
    reset_proc(p)


def proc_freepagetable(pagetable: PageTable, sz: int) -> None:
    uvmfree(pagetable, sz)


def growproc(n: int) -> int:
    p = myproc()
    sz = p.sz
    if n > 0:
        sz = uvmalloc(p.pagetable, sz, sz + n, PTE_W)
        if sz == 0:
            return -1
        for va in range(p.sz, sz):
            ghost_due(va, 0)
    elif sz + n >= 0:  # below 0 the uint64 wraps, and uvmdealloc finds nothing to do
        sz = uvmdealloc(p.pagetable, sz, sz + n)
    p.sz = sz
    return 0


def fork() -> int:
    p = myproc()
    np = allocproc()
    if np == NULL:
        return -1
    if uvmcopy(p.pagetable, np.pagetable, p.sz) < 0:
        freeproc(np)
        release(np.lock)
        return -1
    np.sz = p.sz
    ghost_inherit(np)
    release(np.lock)
    acquire(proctable.wait_lock)
    np.parent = p
    release(proctable.wait_lock)
    acquire(np.lock)
    start_proc(np)
    release(np.lock)
    return 0


def exit(status: int) -> None:
    acquire(proctable.wait_lock)
    zombify(status)
    release(proctable.wait_lock)
    sched()


def wait() -> int:
    p = myproc()
    acquire(proctable.wait_lock)
    while True:
        pp = zombie_child(p)
        if pp != NULL:
            acquire(pp.lock)
            status = syscall_argument(0)
            if status >= 0 and copyout(p.pagetable, status, syscall_buffer(), 1) < 0:
                release(pp.lock)
                release(proctable.wait_lock)
                return -1
            freeproc(pp)
            release(pp.lock)
            release(proctable.wait_lock)
            return 0
        if not has_child(p) or p.killed:
            release(proctable.wait_lock)
            return -1
        sleep(proctable.wait_lock)


def kill() -> int:
    return kill_target()
