"""copyout is xv6's own, which asks for PTE_W: a system call cannot write to a page that its process shares."""

from __future__ import annotations

from cowcheck.model.language import Design
from cowcheck.specs.designs.lab_plan import cow_fault, kaddref, kalloc, kfree, kinit, kmem, usertrap, uvmcopy
from cowcheck.specs.xv6.vm import copyout

DESIGN = Design(name="broken-no-undue-failure", title="copyout as xv6 ships it", count="kmem.refcnt")
