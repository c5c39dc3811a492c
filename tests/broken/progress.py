"""usertrap sets nothing where a store fault is no COW fault: it returns, and the store faults again, for ever."""

from __future__ import annotations

from cowcheck.model.language import (
    SCAUSE_STORE_FAULT,
    SCAUSE_SYSCALL,
    SCAUSE_TIMER,
    Design,
    myproc,
    r_scause,
    r_stval,
)
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, uvmcopy
from cowcheck.specs.xv6.proc import exit
from cowcheck.specs.xv6.trap import killed, setkilled, usersyscall

DESIGN = Design(name="broken-progress", title="a store fault that is ignored", count="kmem.refcnt")


def usertrap() -> None:
    p = myproc()
    if r_scause() == SCAUSE_SYSCALL:
        usersyscall(p)
    elif r_scause() == SCAUSE_TIMER:
        pass
    elif r_scause() == SCAUSE_STORE_FAULT:
        cow_fault(p.pagetable, r_stval())  # the fault: its answer is not looked at
    else:
        setkilled(p)
    if killed(p):
        exit(-1)
