// Reference counts kept in other ways: a lock for each page, a table of the shared pages, none at all.

#include "types.h"
#include "defs.h"
#include "kalloc.h"

#if VARIANT(LOCK_PER_FRAME)

static struct frame {
  struct spinlock lock;
  int count;
} frames[NFRAME];

static struct frame *frame(void *pa) { return &frames[((uint64)pa - KERNBASE) / PGSIZE]; }

void kref_init(void) {
  for (int i = 0; i < NFRAME; i++)
    initlock(&frames[i].lock, "frame");
}

// Adds to the count, and returns what it is then.
static int add(void *pa, int difference) {
  struct frame *f = frame(pa);
  acquire(&f->lock);
  int now = f->count += difference;
  release(&f->lock);
  return now;
}

void kref_alloc(void *pa) { add(pa, 1); }  // it was 0

void kref_get(void *pa) { add(pa, 1); }

int kref_put(void *pa) { return add(pa, -1) == 0; }

int kref_shared(void *pa) { return add(pa, 0) > 1; }

#elif VARIANT(COUNT_TABLE)

// Only pages with two or more references have an entry. The entries in use come first; there is one for every page.
static struct {
  struct spinlock lock;
  int used;
  struct {
    void *pa;
    int count;
  } entry[NFRAME];
} shared;

void kref_init(void) { initlock(&shared.lock, "shared"); }

// The entry of pa, or the first that is not in use.
static int find(void *pa) {
  int i = 0;
  while (i < shared.used && shared.entry[i].pa != pa)
    i++;
  return i;
}

void kref_alloc(void *pa) {}

void kref_get(void *pa) {
  acquire(&shared.lock);
  int i = find(pa);
  if (i == shared.used) {
    shared.used++;
    shared.entry[i].pa = pa;
    shared.entry[i].count = 1;
  }
  shared.entry[i].count++;
  release(&shared.lock);
}

int kref_put(void *pa) {
  acquire(&shared.lock);
  int i = find(pa);
  int last = i == shared.used;
  if (!last && --shared.entry[i].count == 1)
    shared.entry[i] = shared.entry[--shared.used];
  release(&shared.lock);
  return last;
}

int kref_shared(void *pa) {
  acquire(&shared.lock);
  int found = find(pa) < shared.used;
  release(&shared.lock);
  return found;
}

#elif VARIANT(EAGER_COPY)

// fork() copies: every page has one holder.
void kref_init(void) {}
void kref_alloc(void *pa) {}
void kref_get(void *pa) {}
int kref_put(void *pa) { return 1; }
int kref_shared(void *pa) { return 0; }

#endif
