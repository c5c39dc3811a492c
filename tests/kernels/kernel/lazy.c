// Memory that sbrk() has promised and nobody has touched yet, as in xv6 since 2025.

#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "proc.h"

#if VARIANT(XV6_2025)

// Gives the process the page at va if it may have one there and has none. The page's address, or 0 if it got none.
uint64 vmfault(pagetable_t pagetable, uint64 va) {
  struct proc *p = myproc();
  if (pagetable != p->pagetable || va >= p->sz)
    return 0;
  va = PGROUNDDOWN(va);
  pte_t *pte = walk(pagetable, va, 0);
  if (pte != 0 && (*pte & PTE_V))
    return 0;

  char *mem = kalloc();
  if (mem == 0)
    return 0;
  memset(mem, 0, PGSIZE);
  if (mappages(pagetable, va, PGSIZE, (uint64)mem, PTE_R | PTE_W | PTE_U) != 0) {
    kfree(mem);
    return 0;
  }
  return (uint64)mem;
}

#endif
