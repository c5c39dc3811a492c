// Physical pages of 4096 bytes: for users, page tables, trapframes, kernel stacks and pipes.
//
// kalloc() gives a page with one reference; kfree() drops a reference, and frees the page if that was the last.

#include "types.h"
#include "defs.h"
#include "kalloc.h"

// Does kalloc() take the counts' lock inside the list's? With LOCK_ORDER kfree() takes them the other way round.
#define NEST (VARIANT(LOCKS_NEST) || BUG(LOCK_ORDER))

struct kmem kmem;

void kinit(void) {
  initlock(&kmem.lock, "kmem");
  kref_init();
  freerange(end, (void *)PHYSTOP);
}

// Puts a page that nobody uses on the free list.
static void push(void *pa) {
  struct run *r = pa;
  memset(pa, 1, PGSIZE);  // so that uses of freed pages show
  acquire(&kmem.lock);
#if VARIANT(PAGE_IN_RESERVE)
  if (kmem.reserve == 0) {
    kmem.reserve = r;
    release(&kmem.lock);
    return;
  }
#endif
  r->next = kmem.freelist;
  kmem.freelist = r;
  release(&kmem.lock);
}

void freerange(void *pa_start, void *pa_end) {
  char *p = (char *)PGROUNDUP((uint64)pa_start);
  for (; p + PGSIZE <= (char *)pa_end; p += PGSIZE) {
    if (!BUG(FREE_AT_BOOT))
      kref_alloc(p);  // the reference that kfree() drops
    if (BUG(INVERTED_TEST_AFTER_BOOT) || BUG(ALLOC_INCREMENTS) || BUG(COUNTED_IN_MAPPAGES))
      push(p);
    else
      kfree(p);
  }
}

void kfree(void *pa) {
  if ((uint64)pa % PGSIZE != 0 || (char *)pa < end || (uint64)pa >= PHYSTOP)
    panic("kfree");

  if (BUG(JUNK_BEFORE_TEST))
    memset(pa, 1, PGSIZE);
  if (!kref_put(pa))
    return;
  push(pa);
  if (BUG(LOCK_ORDER))
    kref_release();
}

// The first page of the free list, or null. Its contents are junk.
void *kalloc(void) {
  acquire(&kmem.lock);
  struct run *r = kmem.freelist;
  if (BUG(POINTER_AFTER_RELEASE)) {
    release(&kmem.lock);
    acquire(&kmem.lock);  // r may be another's by now
  }
  if (r)
    kmem.freelist = r->next;
#if VARIANT(PAGE_IN_RESERVE)
  if (r == 0) {
    r = kmem.reserve;
    kmem.reserve = 0;
  }
#endif
  if (NEST && r)
    kref_alloc(r);
  release(&kmem.lock);

  if (r) {
    if (!NEST)
      kref_alloc(r);
    memset(r, 5, PGSIZE);
  }
  return r;
}
