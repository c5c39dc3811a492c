"""A variant of ``refcount-array``: no COW mark. A store fault on a page without PTE_W looks at the count alone.

The write-up claims that the COW bit is not needed in essence, for whoever has the PTE has the physical address, and so
the count. This is that kernel, with uvmcopy's missing error path and all else as in the variant's parent.
"""

from __future__ import annotations

from cowcheck.model.language import (
    MAXVA,
    NULL,
    PA2PTE,
    PTE2PA,
    PTE_FLAGS,
    PTE_U,
    PTE_V,
    PTE_W,
    Design,
    PageTable,
    acquire,
    memmove,
    panic,
    release,
)
from cowcheck.specs.designs.lab_plan import copyout, usertrap
from cowcheck.specs.designs.refcount_array import kalloc, kfree, kinit, kmem, ref
from cowcheck.specs.xv6.vm import mappages, uvmunmap, walk

DESIGN = Design(
    name="refcount-array-no-mark",
    title="the same without a COW mark: the count alone decides",
    write_up="Copy-On-Write-Fork (in Chinese), for MIT 6.S081",
    count="ref.reference_count",
    variant_of="refcount-array",
    claims=("the COW bit is not needed in essence: the count says whether the page is shared",),
    notes=("uvmcopy has an error path here, so that what is left to see is the missing mark",),
)


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")
        pa = PTE2PA(pte[0])
        pte[0] &= ~PTE_W
        if mappages(new, i, pa, PTE_FLAGS(pte[0])) != 0:
            uvmunmap(new, 0, i, 1)
            return -1
        acquire(ref.reference_lock)
        ref.reference_count[pa] += 1
        release(ref.reference_lock)
    return 0


def cow_fault(pagetable: PageTable, va: int) -> int:
    if va >= MAXVA:
        return -1
    pte = walk(pagetable, va, 0)
    if pte == NULL:
        return -1
    if not pte[0] & PTE_V or not pte[0] & PTE_U or pte[0] & PTE_W:
        return -1
    pa = PTE2PA(pte[0])
    acquire(ref.reference_lock)
    count = ref.reference_count[pa]
    release(ref.reference_lock)
    if count == 1:
        pte[0] |= PTE_W
        return 0
    mem = kalloc()
    if mem == NULL:
        return -1
    memmove(mem, pa)
    pte[0] = PA2PTE(mem) | PTE_FLAGS(pte[0]) | PTE_W
    kfree(pa)
    return 0
