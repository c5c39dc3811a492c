// Copy-on-write: what happens where a page that fork() has shared is about to be written.

#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "proc.h"

// Is this the entry of a user's page that a store is allowed to, once it is the user's own?
static int is_cow(pte_t pte) {
  if (VARIANT(NO_MARK))  // all that the user can access is writable, or was before a fork
    return (pte & (PTE_V | PTE_U)) == (PTE_V | PTE_U) && (pte & PTE_W) == 0;
  if (VARIANT(MARK_LEFT) && (pte & PTE_W))
    return 0;
  if (VARIANT(EVERY_PAGE_MARKED) && (pte & PTE_WAS_W) == 0)
    return 0;

  uint64 needed = PTE_V | PTE_U | PTE_COW;
  if (BUG(GUARD_PAGE))
    needed &= ~PTE_U;
  if (BUG(ANY_STORE_FAULT) || BUG(INVALID_PTE))
    needed &= ~PTE_COW;
  if (BUG(INVALID_PTE))
    needed = 0;
  return (pte & needed) == needed;
}

// STALE_COUNT: drops the reference, unless it is the only one.
static int only_one(uint64 pa) {
  if (!kref_put((void *)pa))
    return 0;
  kref_alloc((void *)pa);
  return 1;
}

// Makes the page at va writable for its owner: by a copy if it is shared. 0, or -1 if it is not a COW page, or memory
// is out; nothing has changed then. The caller is the owner, so no one else changes the entry, and a count of 1 stays.
int cowfault(pagetable_t pagetable, uint64 va) {
  if (va >= MAXVA && !BUG(MAXVA_IN_HANDLER))
    return -1;
  if (!BUG(NO_ROUNDDOWN))
    va = PGROUNDDOWN(va);
  pte_t *pte = walk(pagetable, va, 0);
  if (BUG(NULL_PTE) && (*pte & PTE_COW) == 0)
    return -1;
  if (pte == 0)
    return -1;
  if (BUG(GUARD_PAGE) && (*pte & PTE_W))
    return 0;  // mended meanwhile
  if (!is_cow(*pte))
    return -1;

  uint64 pa = PTE2PA(*pte);
  uint64 flags = PTE_FLAGS(*pte) | PTE_W;
  if (!VARIANT(MARK_LEFT))
    flags &= ~PTE_COW;
  if (VARIANT(EVERY_PAGE_MARKED))
    flags &= ~PTE_WAS_W;

  if (!VARIANT(ALWAYS_COPY) && !BUG(STALE_COUNT) && !kref_shared((void *)pa)) {
    if (BUG(KILLED_BY_EXIT))
      exit(-1);
    if (BUG(REUSED_WITHOUT_W))
      flags &= ~PTE_W;
    if (!BUG(NOTHING_CHANGED))
      *pte = PA2PTE(pa) | flags;
    sfence_vma();
    return 0;
  }

  if (BUG(VALID_CLEARED))
    *pte &= ~PTE_V;
  char *mem = kalloc();
  if (mem == 0) {
    if (BUG(EXIT_IN_HANDLER))
      exit(-1);
    if (!BUG(GOES_ON_WITHOUT_FRAME))
      return -1;
    setkilled(myproc());
  }

  if (BUG(STALE_COUNT) && only_one(pa)) {
    kfree(mem);
    *pte = PA2PTE(pa) | flags;
    return 0;
  }

  if (BUG(COPIED_AFTER_DROP))
    kfree((void *)pa);
  memmove(mem, (char *)pa, PGSIZE);
  if (VARIANT(DROP_FIRST))
    kfree((void *)pa);

  *pte = PA2PTE(mem) | flags;
  if (VARIANT(MAPPINGS_COUNTED))
    kref_get(mem);
  if (BUG(NO_ROUNDDOWN)) {
    *pte = 0;
    mappages(pagetable, va, PGSIZE, (uint64)mem, flags);
  }
  sfence_vma();

  if (BUG(CHECK_THEN_ACT))
    kref_put((void *)pa);  // it was shared when asked
  else if (!BUG(COPIED_AFTER_DROP) && !BUG(STALE_COUNT) && !VARIANT(DROP_FIRST))
    kfree((void *)pa);

  if (BUG(KILLED_IN_HANDLER) && killed(myproc())) {
    kfree(mem);
    return -1;
  }
  return 0;
}
