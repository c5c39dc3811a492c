// The reference counts: how many page tables, or other holders, a page has. An array, guarded by a lock.
// kref_other.c has the variants that are no array.

#include "types.h"
#include "defs.h"
#include "kalloc.h"

#if !(VARIANT(LOCK_PER_FRAME) || VARIANT(COUNT_TABLE) || VARIANT(EAGER_COPY))

#if VARIANT(COUNT_8BIT) || BUG(COUNT_8BIT)
typedef uchar count_t;
#else
typedef int count_t;
#endif

#if VARIANT(COUNT_IN_KMEM)
#define kref kmem
#else
struct {
  struct spinlock lock;
  count_t count[NFRAME];
} kref;
#endif

// The count of a page that has one reference.
#define SOLE (VARIANT(COUNT_FROM_ZERO) ? 0 : 1)

// Is a page counted where it is mapped, so that the kernel's own pages have a count of 0?
#define MAPPINGS_ONLY (VARIANT(MAPPINGS_COUNTED) || BUG(COUNTED_IN_MAPPAGES))

// Does the count of a page that is freed stay at SOLE?
#define STAYS (VARIANT(COUNT_FROM_ZERO) || VARIANT(ONE_WHEN_FREE) || BUG(ALLOC_INCREMENTS))

static count_t *count(void *pa) {
  if (VARIANT(INDEX_FROM_END))
    return &kref.count[((uint64)pa - PGROUNDUP((uint64)end)) / PGSIZE];
  if (BUG(INDEX_OFF))
    return &kref.count[(uint64)pa / PGSIZE];
  return &kref.count[((uint64)pa - KERNBASE) / PGSIZE];
}

static void lock(void) {
  if (!BUG(NO_LOCK))
    acquire(&kref.lock);
}

static void unlock(void) {
  if (!BUG(NO_LOCK))
    release(&kref.lock);
}

void kref_release(void) { unlock(); }

void kref_init(void) {
  if (!VARIANT(COUNT_IN_KMEM))
    initlock(&kref.lock, "kref");
  for (int i = 0; VARIANT(ONE_WHEN_FREE) && i < NFRAME; i++)
    kref.count[i] = 1;
}

// pa is no longer free: it has one reference.
void kref_alloc(void *pa) {
  if (VARIANT(ONE_WHEN_FREE) || MAPPINGS_ONLY)
    return;
  lock();
  if (BUG(ALLOC_INCREMENTS))
    ++*count(pa);
  else
    *count(pa) = SOLE;
  unlock();
}

// One more reference.
void kref_get(void *pa) {
  lock();
  ++*count(pa);
  if (BUG(COUNT_4BIT))
    *count(pa) &= 0xf;
  unlock();
}

// Drops a reference. 1 if it was the last: the page is the caller's to free.
int kref_put(void *pa) {
  lock();
  int left = *count(pa) - 1;
  if (MAPPINGS_ONLY && left < 0)
    left = 0;  // it was not mapped
  if (left >= SOLE || !STAYS)
    *count(pa) = left;
  if (BUG(LOCK_ORDER) && left < SOLE)
    return 1;
  unlock();

  if (BUG(COUNT_TESTED_AFTER_RELEASE))
    left = *(volatile count_t *)count(pa);
  if (BUG(INVERTED_TEST) || BUG(INVERTED_TEST_AFTER_BOOT))
    return left != SOLE - 1;
  return left == SOLE - 1;
}

// Has pa other references than the caller's? No is for certain: only who has a reference can give out another.
int kref_shared(void *pa) {
  if (VARIANT(READ_UNLOCKED))
    return *(volatile count_t *)count(pa) > SOLE;
  lock();
  int shared = *count(pa) > SOLE;
  unlock();
  return shared;
}

#endif
