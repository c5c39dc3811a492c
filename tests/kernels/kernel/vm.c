// Page tables: Sv39, three levels. copy.c copies from and to user memory, cow.c breaks sharing.

#include "types.h"
#include "defs.h"
#include "kalloc.h"

static pagetable_t kernel_pagetable;

void kvminit(void) {
  pagetable_t pagetable = kalloc();
  memset(pagetable, 0, PGSIZE);
  kernel_pagetable = pagetable;

  kvmmap(pagetable, UART0, UART0, PGSIZE, PTE_R | PTE_W);
  kvmmap(pagetable, VIRTIO0, VIRTIO0, PGSIZE, PTE_R | PTE_W);
  kvmmap(pagetable, PLIC, PLIC, 0x4000000, PTE_R | PTE_W);
  kvmmap(pagetable, KERNBASE, KERNBASE, (uint64)etext - KERNBASE, PTE_R | PTE_X);
  kvmmap(pagetable, (uint64)etext, (uint64)etext, PHYSTOP - (uint64)etext, PTE_R | PTE_W);
  kvmmap(pagetable, TRAMPOLINE, (uint64)trampoline, PGSIZE, PTE_R | PTE_X);
  proc_mapstacks(pagetable);
}

void kvminithart(void) {
  sfence_vma();
  CSR_WRITE(satp, MAKE_SATP(kernel_pagetable));
  sfence_vma();
}

void kvmmap(pagetable_t pagetable, uint64 va, uint64 pa, uint64 size, int perm) {
  if (mappages(pagetable, va, size, pa, perm) != 0)
    panic("kvmmap");
}

// Where the entry for va is. Null if a page table on the way is missing and is not to be made (alloc is 0) or cannot.
pte_t *walk(pagetable_t pagetable, uint64 va, int alloc) {
  if (va >= MAXVA)
    panic("walk");

  for (int level = 2; level > 0; level--) {
    pte_t *pte = &pagetable[PX(level, va)];
    if (*pte & PTE_V) {
      pagetable = (pagetable_t)PTE2PA(*pte);
    } else {
      if (!alloc || (pagetable = kalloc()) == 0)
        return 0;
      memset(pagetable, 0, PGSIZE);
      *pte = PA2PTE(pagetable) | PTE_V;
    }
  }
  return &pagetable[PX(0, va)];
}

// The physical page of a user's page, or 0 if the user has none there.
uint64 walkaddr(pagetable_t pagetable, uint64 va) {
  if (va >= MAXVA)
    return 0;
  pte_t *pte = walk(pagetable, va, 0);
  if (pte == 0 || (*pte & PTE_V) == 0 || (*pte & PTE_U) == 0)
    return 0;
  return PTE2PA(*pte);
}

// Maps the pages that va to va + size - 1 touch to those from pa on. -1 if there is no memory for a page table; what
// has been mapped till then stays.
int mappages(pagetable_t pagetable, uint64 va, uint64 size, uint64 pa, int perm) {
  if (size == 0)
    panic("mappages: size");

  uint64 last = PGROUNDDOWN(va + size - 1);
  for (uint64 a = PGROUNDDOWN(va); a <= last; a += PGSIZE, pa += PGSIZE) {
    pte_t *pte = walk(pagetable, a, 1);
    if (pte == 0)
      return -1;
    if (*pte & PTE_V)
      panic("mappages: remap");
    *pte = PA2PTE(pa) | perm | PTE_V;
    if (BUG(COUNTED_IN_MAPPAGES) && pa >= KERNBASE && pa < PHYSTOP)
      kref_get((void *)pa);
  }
  return 0;
}

// An empty page table, or null.
pagetable_t uvmcreate(void) {
  pagetable_t pagetable = kalloc();
  if (pagetable)
    memset(pagetable, 0, PGSIZE);
  return pagetable;
}

// The first process's program, less than a page, at address 0.
void uvmfirst(pagetable_t pagetable, char *program, uint size) {
  char *mem = kalloc();
  if (size > PGSIZE || mem == 0)
    panic("uvmfirst");
  memset(mem, 0, PGSIZE);
  mappages(pagetable, 0, PGSIZE, (uint64)mem, PTE_R | PTE_W | PTE_X | PTE_U);
  if (VARIANT(MAPPINGS_COUNTED))
    kref_get(mem);
  memmove(mem, program, size);
}

// Removes npages mappings from va on, which must exist. Drops their references too if do_free.
void uvmunmap(pagetable_t pagetable, uint64 va, uint64 npages, int do_free) {
  if (va % PGSIZE != 0)
    panic("uvmunmap: not aligned");

  for (uint64 a = va; a < va + npages * PGSIZE; a += PGSIZE) {
    pte_t *pte = walk(pagetable, a, 0);
    if (VARIANT(XV6_2025) && (pte == 0 || (*pte & PTE_V) == 0))
      continue;  // never used (lazy.c)
    if (pte == 0)
      panic("uvmunmap: walk");
    if ((*pte & PTE_V) == 0)
      panic("uvmunmap: not mapped");
    pte_t was = *pte;
    if (VARIANT(CLEARED_FIRST))
      *pte = 0;
    if (do_free && !(BUG(NO_DROP_FOR_COW) && (was & PTE_COW)))
      kfree((void *)PTE2PA(was));
    *pte = 0;
  }
}

// Grows user memory from oldsz to newsz bytes. Returns newsz, or 0 if memory is out: nothing has grown then.
uint64 uvmalloc(pagetable_t pagetable, uint64 oldsz, uint64 newsz, int perm) {
  if (newsz < oldsz)
    return oldsz;

  for (uint64 a = PGROUNDUP(oldsz); a < newsz; a += PGSIZE) {
    char *mem = kalloc();
    if (mem == 0) {
      uvmdealloc(pagetable, a, oldsz);
      return 0;
    }
    memset(mem, 0, PGSIZE);
    if (mappages(pagetable, a, PGSIZE, (uint64)mem, PTE_R | PTE_U | perm) != 0) {
      kfree(mem);
      uvmdealloc(pagetable, a, oldsz);
      return 0;
    }
    if (VARIANT(MAPPINGS_COUNTED))
      kref_get(mem);
  }
  return newsz;
}

// Shrinks user memory from oldsz to newsz bytes, and returns what it is now.
uint64 uvmdealloc(pagetable_t pagetable, uint64 oldsz, uint64 newsz) {
  if (newsz >= oldsz)
    return oldsz;

  uint64 first = PGROUNDUP(newsz);
  if (first < PGROUNDUP(oldsz))
    uvmunmap(pagetable, first, (PGROUNDUP(oldsz) - first) / PGSIZE, 1);
  return newsz;
}

// Frees page tables whose leaves have all been unmapped.
void freewalk(pagetable_t pagetable) {
  for (int i = 0; i < 512; i++) {
    pte_t pte = pagetable[i];
    if ((pte & PTE_V) == 0)
      continue;
    if (pte & (PTE_R | PTE_W | PTE_X))
      panic("freewalk: leaf");
    freewalk((pagetable_t)PTE2PA(pte));
    pagetable[i] = 0;
  }
  kfree(pagetable);
}

// Frees sz bytes of user memory, and then the page tables.
void uvmfree(pagetable_t pagetable, uint64 sz) {
  if (sz > 0)
    uvmunmap(pagetable, 0, PGROUNDUP(sz) / PGSIZE, 1);
  freewalk(pagetable);
}

// Takes a page away from the user: the stack's guard page.
void uvmclear(pagetable_t pagetable, uint64 va) {
  pte_t *pte = walk(pagetable, va, 0);
  if (pte == 0)
    panic("uvmclear");
  *pte &= ~PTE_U;
}

// fork() asks for a copy of old's sz bytes in new, which is empty. The pages are shared; what could be written is
// marked as COW on both sides. -1 if memory is out: new is empty then, and old may be marked with nobody to share with,
// which its next store mends.
int uvmcopy(pagetable_t old, pagetable_t new, uint64 sz) {
  uint64 va;

  for (va = 0; va < sz; va += PGSIZE) {
    pte_t *pte = walk(old, va, 0);
    if (VARIANT(XV6_2025) && (pte == 0 || (*pte & PTE_V) == 0))
      continue;
    if (pte == 0)
      panic("uvmcopy: pte should exist");
    if ((*pte & PTE_V) == 0)
      panic("uvmcopy: page not present");
    uint64 pa = PTE2PA(*pte);
    int flags = PTE_FLAGS(*pte);

    if (VARIANT(EAGER_COPY)) {
      char *mem = kalloc();
      if (mem == 0)
        goto out_of_memory;
      memmove(mem, (char *)pa, PGSIZE);
      if (mappages(new, va, PGSIZE, (uint64)mem, flags) != 0) {
        kfree(mem);
        goto out_of_memory;
      }
      continue;
    }

    if (BUG(MARK_DROPPED))
      flags &= ~PTE_COW;  // what is writable gets it (back)
    if (BUG(NOT_UNDONE))
      *pte &= ~PTE_W;
    if (VARIANT(EVERY_PAGE_MARKED) && (flags & PTE_W))
      flags |= PTE_WAS_W;
    if ((flags & PTE_W) || BUG(TEXT_MARKED) || VARIANT(EVERY_PAGE_MARKED))
      flags = (flags & ~PTE_W) | (VARIANT(NO_MARK) ? 0 : PTE_COW);
    if (BUG(EXECUTE_DROPPED))
      flags &= ~PTE_X;

    int referenced = !BUG(COUNTED_IN_MAPPAGES) && !(BUG(PATH_WITHOUT_REFERENCE) && (flags & PTE_COW) == 0);
    if (referenced && !VARIANT(MAP_FIRST))
      kref_get((void *)pa);
    if (mappages(new, va, PGSIZE, pa, flags) != 0) {
      if (referenced && !VARIANT(MAP_FIRST) && !BUG(REFERENCE_NOT_UNDONE))
        kfree((void *)pa);
      goto out_of_memory;
    }
    if (referenced && VARIANT(MAP_FIRST))
      kref_get((void *)pa);
    if (!BUG(PARENT_KEEPS_W))
      *pte = PA2PTE(pa) | flags;
  }
  return 0;

out_of_memory:
  if (!BUG(PAGES_FORGOTTEN))
    uvmunmap(new, 0, va / PGSIZE, 1);
  return -1;
}
