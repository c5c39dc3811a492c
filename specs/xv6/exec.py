"""xv6 kernel/exec.c: a new image in a new page table, then the old one is freed, with interrupts on."""

from __future__ import annotations

from cowcheck.model.language import (
    NULL,
    PTE2PA,
    PTE_U,
    PTE_W,
    PTE_X,
    PageTable,
    ghost_due,
    image_pages,
    image_token,
    memset,
    myproc,
    panic,
    region_flags,
    stack_page,
    syscall_buffer,
)
from cowcheck.specs.xv6.vm import copyout, uvmalloc, uvmcreate, uvmfree, walk


def load_image(pagetable: PageTable) -> int:
    """0, or the pages that were mapped before memory ran out, and one more."""
    for va in range(0, image_pages()):
        if uvmalloc(pagetable, va, va + 1, region_flags(va) & (PTE_W | PTE_X)) == 0:
            return va + 1
        loadseg(pagetable, va)
        if not region_flags(va) & PTE_U:
            uvmclear(pagetable, va)
    return 0


def loadseg(pagetable: PageTable, va: int) -> None:
    pte = walk(pagetable, va, 0)
    if pte == NULL:
        panic("loadseg: address should exist")
    memset(PTE2PA(pte[0]), image_token())


def uvmclear(pagetable: PageTable, va: int) -> None:
    pte = walk(pagetable, va, 0)
    if pte == NULL:
        panic("uvmclear")
    pte[0] &= ~PTE_U


def exec() -> int:
    p = myproc()
    pagetable = uvmcreate()
    if pagetable == NULL:
        return -1
    failed = load_image(pagetable)
    if failed != 0:
        uvmfree(pagetable, failed - 1)
        return -1
    sp = stack_page()
    if sp >= 0 and copyout(pagetable, sp, syscall_buffer(), 1) < 0:  # the arguments, onto the new stack
        uvmfree(pagetable, image_pages())
        return -1
    oldpagetable = p.pagetable
    oldsz = p.sz
    p.pagetable = pagetable
    p.sz = image_pages()
    for va in range(0, image_pages()):
        ghost_due(va, image_token())
    if sp >= 0:
        ghost_due(sp, syscall_buffer())
    uvmfree(oldpagetable, oldsz)
    return 0
