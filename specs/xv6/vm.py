"""xv6 kernel/vm.c as it ships: fork copies every page at once. Designs replace uvmcopy, copyout and, some, uvmunmap.

The three levels of an Sv39 table are two here: one page for the upper levels, and leaf pages, which ``walk`` allocates
as pages are mapped.
"""

from __future__ import annotations

from cowcheck.model.language import (
    MAXVA,
    NULL,
    PA2PTE,
    PTE2PA,
    PTE_FLAGS,
    PTE_R,
    PTE_U,
    PTE_V,
    PTE_W,
    Buffer,
    Frame,
    PageTable,
    PteRef,
    drop_pagetable,
    has_mappings,
    leaf_count,
    leaf_index,
    leaf_page,
    memmove,
    memset,
    new_pagetable,
    panic,
    pte_at,
    set_leaf_page,
)
from cowcheck.specs.xv6.kalloc import kalloc, kfree


def walk(pagetable: PageTable, va: int, alloc: int) -> PteRef:
    if va >= MAXVA:
        panic("walk")
    index = leaf_index(va)
    if leaf_page(pagetable, index) == NULL:
        if not alloc:
            return NULL
        leaf = kalloc()
        if leaf == NULL:
            return NULL
        memset(leaf, 0)
        set_leaf_page(pagetable, index, leaf)
    return pte_at(pagetable, va)


def mappages(pagetable: PageTable, va: int, pa: Frame, perm: int) -> int:
    pte = walk(pagetable, va, 1)
    if pte == NULL:
        return -1
    if pte[0] & PTE_V:
        panic("mappages: remap")
    pte[0] = PA2PTE(pa) | perm | PTE_V
    return 0


def uvmunmap(pagetable: PageTable, va: int, npages: int, do_free: int) -> None:
    for a in range(va, va + npages):
        pte = walk(pagetable, a, 0)
        if pte == NULL:
            panic("uvmunmap: walk")
        if not pte[0] & PTE_V:
            panic("uvmunmap: not mapped")
        if do_free:
            pa = PTE2PA(pte[0])
            kfree(pa)
        pte[0] = 0


def uvmcreate() -> PageTable:
    root = kalloc()
    if root == NULL:
        return NULL
    memset(root, 0)
    return new_pagetable(root)


def uvmalloc(pagetable: PageTable, oldsz: int, newsz: int, xperm: int) -> int:
    for a in range(oldsz, newsz):
        mem = kalloc()
        if mem == NULL:
            uvmdealloc(pagetable, a, oldsz)
            return 0
        memset(mem, 0)
        if mappages(pagetable, a, mem, PTE_R | PTE_U | xperm) != 0:
            kfree(mem)
            uvmdealloc(pagetable, a, oldsz)
            return 0
    return newsz


def uvmdealloc(pagetable: PageTable, oldsz: int, newsz: int) -> int:
    if newsz >= oldsz:
        return oldsz
    uvmunmap(pagetable, newsz, oldsz - newsz, 1)
    return newsz


def freewalk(pagetable: PageTable) -> None:
    if has_mappings(pagetable):
        panic("freewalk: leaf")
    for index in range(0, leaf_count()):
        leaf = leaf_page(pagetable, index)
        if leaf != NULL:
            kfree(leaf)
            set_leaf_page(pagetable, index, NULL)
    kfree(pagetable.root)
    drop_pagetable(pagetable)


def uvmfree(pagetable: PageTable, sz: int) -> None:
    if sz > 0:
        uvmunmap(pagetable, 0, sz, 1)
    freewalk(pagetable)


def uvmcopy(old: PageTable, new: PageTable, sz: int) -> int:
    for i in range(0, sz):
        pte = walk(old, i, 0)
        if pte == NULL:
            panic("uvmcopy: pte should exist")
        if not pte[0] & PTE_V:
            panic("uvmcopy: page not present")
        pa = PTE2PA(pte[0])
        flags = PTE_FLAGS(pte[0])
        mem = kalloc()
        if mem == NULL:
            uvmunmap(new, 0, i, 1)
            return -1
        memmove(mem, pa)
        if mappages(new, i, mem, flags) != 0:
            kfree(mem)
            uvmunmap(new, 0, i, 1)
            return -1
    return 0


def copyout(pagetable: PageTable, dstva: int, src: Buffer, npages: int) -> int:
    for va0 in range(dstva, dstva + npages):
        if va0 >= MAXVA:
            return -1
        pte = walk(pagetable, va0, 0)
        if pte == NULL:
            return -1
        if not pte[0] & PTE_V or not pte[0] & PTE_U or not pte[0] & PTE_W:
            return -1
        pa0 = PTE2PA(pte[0])
        memmove(pa0, src)
    return 0
