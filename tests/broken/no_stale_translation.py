"""The trampoline switches page tables without sfence.vma: a hart goes on with what its TLB remembers."""

from __future__ import annotations

from cowcheck.model.language import Design, intr_off, sret
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

DESIGN = Design(name="broken-no-stale-translation", title="no sfence.vma on the trap path", count="kmem.refcnt")


def uservec() -> None:
    usertrap()
    userret()


def userret() -> None:
    intr_off()
    sret()
