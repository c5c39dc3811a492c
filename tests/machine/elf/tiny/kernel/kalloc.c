#include "kernel/types.h"

struct run {
  long stamp;
  struct run *next;
};

#ifdef PER_CPU
struct {
  struct spinlock lock;
  struct run *freelist;
} kmems[NCPU];
#define LIST kmems[0].freelist
#else
struct {
  int pages;
  struct spinlock lock;
  struct run *freelist;
  struct {
    int counts[100];
    struct run *large;
  };
} kmem;
#define LIST kmem.freelist
#endif

static int calls;  // another file has a static variable of this name
struct { char count; struct spinlock lock; } refs[32];

void *kalloc(void) {
  struct run *r = LIST;
  if (r)
    LIST = r->next;
  one_more(&calls);
  return r;
}

void kfree(void *pa) {
  struct run *r = pa;
  r->next = LIST;
  LIST = r;
  refs[((uint64)pa >> 12) % 32].count--;
}
