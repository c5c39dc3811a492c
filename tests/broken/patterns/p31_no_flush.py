"""The trampoline switches page tables without sfence.vma: the parent goes on with the writable translation it had."""

from __future__ import annotations

from cowcheck.model.language import Design, intr_off, sret
from cowcheck.specs.designs.lab_plan import copyout, cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy

DESIGN = Design(name="pattern-31-no-flush", title="no TLB flush after PTE_W was cleared", count="kmem.refcnt")


def uservec() -> None:
    usertrap()
    userret()


def userret() -> None:
    intr_off()
    sret()
