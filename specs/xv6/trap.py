"""xv6 kernel/trampoline.S, trap.c and syscall.c: from user mode into the kernel and back.

A trap starts with interrupts off; a system call turns them on, a page fault does not.
"""

from __future__ import annotations

from cowcheck.model.language import (
    SCAUSE_SYSCALL,
    SCAUSE_TIMER,
    Proc,
    SYS_exec,
    SYS_exit,
    SYS_fork,
    SYS_kill,
    SYS_read,
    SYS_sbrk,
    SYS_wait,
    intr_off,
    intr_on,
    myproc,
    r_scause,
    set_return,
    sfence_vma,
    sret,
    syscall_argument,
    syscall_buffer,
    syscall_number,
)
from cowcheck.specs.xv6.exec import exec
from cowcheck.specs.xv6.proc import exit, fork, growproc, kill, wait
from cowcheck.specs.xv6.vm import copyout


def uservec() -> None:
    sfence_vma()  # csrw satp, kernel_pagetable; sfence.vma
    usertrap()
    userret()


def userret() -> None:
    intr_off()
    sfence_vma()  # csrw satp, user_pagetable; sfence.vma
    sret()


def killed(p: Proc) -> int:
    return p.killed


def setkilled(p: Proc) -> None:
    p.killed = 1


def usertrap() -> None:
    p = myproc()
    if r_scause() == SCAUSE_SYSCALL:
        usersyscall(p)
    elif r_scause() == SCAUSE_TIMER:  # devintr(): yield
        pass
    else:
        setkilled(p)
    if killed(p):
        exit(-1)


def usersyscall(p: Proc) -> None:
    """usertrap's branch for a system call, which every design keeps."""
    if killed(p):
        exit(-1)
    intr_on()
    syscall()


def syscall() -> None:
    num = syscall_number()
    if num == SYS_fork:
        set_return(fork())
    elif num == SYS_exit:
        exit(syscall_argument(0))
    elif num == SYS_wait:
        set_return(wait())
    elif num == SYS_read:
        set_return(sys_read())
    elif num == SYS_kill:
        set_return(kill())
    elif num == SYS_exec:
        set_return(exec())
    elif num == SYS_sbrk:
        set_return(growproc(syscall_argument(0)))


def sys_read() -> int:
    p = myproc()
    return copyout(p.pagetable, syscall_argument(0), syscall_buffer(), syscall_argument(1))
