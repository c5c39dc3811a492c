"""What xv6 calls things, from 2019 to today, and what of it a kernel must have.

A thing goes by its usual name here; the spellings behind it are tried in order. Sources: xv6-riscv's kernel/defs.h,
proc.h and trampoline.S; in 2025 the kernel's ``fork`` and its like became ``kfork``, and ``usertrapret`` became
``prepare_return``, which returns to its caller.
"""

from __future__ import annotations

from collections.abc import Mapping

BUILD_WITH_G = "build it with -g (xv6's own Makefile has -ggdb) and do not strip it"
IS_IT_XV6 = "give an xv6 kernel that keeps xv6's names for what its labs do not change"

REQUIRED_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "kalloc": ("kalloc",),
    "kfree": ("kfree",),
    "usertrap": ("usertrap",),
    "usertrapret": ("prepare_return", "usertrapret"),
    "trampoline": ("trampoline",),
    "uservec": ("uservec",),
    "userret": ("userret",),
}

_AS_THEY_ARE = """
acquire allocproc clockintr consputc copyin copyinstr copyout devintr either_copyin either_copyout
fileclose filealloc fileread filewrite forkret freeproc freerange freewalk growproc holding initlock
kernelvec kerneltrap kinit kvminit kvminithart main mappages memcpy memmove memset panic pipealloc
pipeclose piperead pipewrite pop_off printf proc_freepagetable proc_pagetable push_off release sched
scheduler sleep start swtch syscall timerinit timervec uartputc_sync userinit uvmalloc uvmclear
uvmcopy uvmcreate uvmdealloc uvmfree uvmunmap virtio_disk_init virtio_disk_intr virtio_disk_rw vmfault
wakeup walk walkaddr yield
""".split()  # noqa: SIM905 - seventy words

OPTIONAL_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in _AS_THEY_ARE},
    "exec": ("kexec", "exec"),
    "fork": ("kfork", "fork"),
    "exit": ("kexit", "exit"),
    "wait": ("kwait", "wait"),
    "kill": ("kkill", "kill"),
}

OPTIONAL_VARIABLES = ("kernel_pagetable", "initproc", "ticks", "nextpid", "panicked", "started")

REQUIRED_PROC_FIELDS: Mapping[str, tuple[str, ...]] = {
    "state": ("state",),
    "pid": ("pid",),
    "sz": ("sz",),
    "pagetable": ("pagetable",),
    "trapframe": ("trapframe", "tf"),  # tf in 2019
}
OPTIONAL_PROC_FIELDS = ("lock", "chan", "killed", "xstate", "parent", "kstack", "context", "ofile", "cwd", "name")

REQUIRED_STATES = ("UNUSED", "SLEEPING", "RUNNABLE", "RUNNING", "ZOMBIE")  # USED is of 2020 and later
FREE_LIST_VARIABLES = ("kmem", "kmems", "freelist")
