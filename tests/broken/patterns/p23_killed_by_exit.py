"""The handler ends the process itself, by exit(-1), for a store that was legal."""

from __future__ import annotations

from cowcheck.model.language import (
    NULL,
    PTE2PA,
    PTE_COW,
    PTE_FLAGS,
    PTE_V,
    PTE_W,
    SCAUSE_STORE_FAULT,
    SCAUSE_SYSCALL,
    SCAUSE_TIMER,
    Design,
    PageTable,
    myproc,
    panic,
    r_scause,
    r_stval,
)
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, uvmcopy
from cowcheck.specs.xv6.proc import exit
from cowcheck.specs.xv6.trap import killed, setkilled, usersyscall

DESIGN = Design(name="pattern-23-killed-by-exit", title="every store fault ends in exit(-1)", count="kmem.refcnt")


def usertrap() -> None:
    p = myproc()
    if r_scause() == SCAUSE_SYSCALL:
        usersyscall(p)
    elif r_scause() == SCAUSE_TIMER:
        pass
    elif r_scause() == SCAUSE_STORE_FAULT:
        exit(-1)
    else:
        setkilled(p)
    if killed(p):
        exit(-1)
