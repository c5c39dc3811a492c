// Between the kernel and user memory. Users' addresses are theirs to choose: each page is looked up.

#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "proc.h"

static uint64 min(uint64 a, uint64 b) { return a < b ? a : b; }

// Where the kernel may read the user's page at va. 0 if there is none.
static uint64 readable_page(pagetable_t pagetable, uint64 va) {
  uint64 pa = walkaddr(pagetable, va);
  return VARIANT(XV6_2025) && pa == 0 ? vmfault(pagetable, va) : pa;
}

// Where the kernel may write to the user's page at va: on a page that the user may write, and shares with no one.
// 0 if there is none.
static uint64 writable_page(pagetable_t pagetable, uint64 va, int first) {
  if (va >= MAXVA && !BUG(MAXVA_IN_COPYOUT))
    return 0;
  if (VARIANT(XV6_2025))
    vmfault(pagetable, va);
  pte_t *pte = walk(pagetable, va, 0);
  if (pte == 0 || (*pte & PTE_V) == 0 || (*pte & PTE_U) == 0)
    return 0;

  if (BUG(COPYOUT_WRITES_SHARED) || (BUG(FIRST_PAGE_ONLY) && !first))
    return PTE2PA(*pte);
  if (BUG(COPYOUT_WRITES_TEXT) && (*pte & PTE_COW) == 0)
    return PTE2PA(*pte);

  if ((*pte & PTE_W) == 0 && cowfault(pagetable, va) != 0) {
    if (!BUG(FAILURE_IGNORED) || (*pte & PTE_COW) == 0)
      return 0;
  }
  if (BUG(OWN_PAGE_TABLE) && walkaddr(myproc()->pagetable, va) != 0)
    return walkaddr(myproc()->pagetable, va);
  return PTE2PA(*pte);
}

// Copies len bytes to user address dstva. 0, or -1 if they could not all be.
int copyout(pagetable_t pagetable, uint64 dstva, char *src, uint64 len) {
  for (int first = 1; len > 0; first = 0) {
    uint64 va0 = PGROUNDDOWN(dstva);
    uint64 pa0 = writable_page(pagetable, va0, first);
    if (pa0 == 0)
      return -1;
    uint64 n = min(PGSIZE - (dstva - va0), len);
    memmove((char *)(pa0 + (dstva - va0)), src, n);
    len -= n;
    src += n;
    dstva = va0 + PGSIZE;
  }
  return 0;
}

// Copies len bytes from user address srcva. 0, or -1 if they could not all be.
int copyin(pagetable_t pagetable, char *dst, uint64 srcva, uint64 len) {
  while (len > 0) {
    uint64 va0 = PGROUNDDOWN(srcva);
    uint64 pa0 = readable_page(pagetable, va0);
    if (pa0 == 0)
      return -1;
    uint64 n = min(PGSIZE - (srcva - va0), len);
    memmove(dst, (char *)(pa0 + (srcva - va0)), n);
    len -= n;
    dst += n;
    srcva = va0 + PGSIZE;
  }
  return 0;
}

// Copies a string, its 0 included, from user address srcva. 0, or -1 if it has no 0 within max bytes.
int copyinstr(pagetable_t pagetable, char *dst, uint64 srcva, uint64 max) {
  while (max > 0) {
    uint64 va0 = PGROUNDDOWN(srcva);
    uint64 pa0 = readable_page(pagetable, va0);
    if (pa0 == 0)
      return -1;
    uint64 n = min(PGSIZE - (srcva - va0), max);
    for (char *p = (char *)(pa0 + (srcva - va0)); n > 0; n--, max--, srcva++) {
      if ((*dst++ = *p++) == 0)
        return 0;
    }
  }
  return -1;
}
