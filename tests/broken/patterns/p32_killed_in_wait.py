"""wait() ends the parent where it finds a child that has ended: no access failed, and nobody asked for a kill."""

from __future__ import annotations

from cowcheck.model.language import NULL, Design, acquire, has_child, myproc, release, sleep, zombie_child
from cowcheck.specs.designs.lab_plan import (
    copyout,
    cow_fault,
    kaddref,
    kalloc,
    kfree,
    kinit,
    kmem,
    usertrap,
    uvmcopy,
)
from cowcheck.specs.xv6.proc import exit, freeproc, proctable

DESIGN = Design(name="pattern-32-killed-in-wait", title="wait ends the parent", count="kmem.refcnt")


def wait() -> int:
    p = myproc()
    acquire(proctable.wait_lock)
    while True:
        pp = zombie_child(p)
        if pp != NULL:
            freeproc(pp)
            release(proctable.wait_lock)
            if p.pid != 1:
                exit(-1)  # the fault
            return 0
        if not has_child(p) or p.killed:
            release(proctable.wait_lock)
            return -1
        sleep(proctable.wait_lock)
