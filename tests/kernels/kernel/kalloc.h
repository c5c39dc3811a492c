// The allocator's state.

#pragma once
#include "memlayout.h"
#include "riscv.h"
#include "spinlock.h"

#define NFRAME ((PHYSTOP - KERNBASE) / PGSIZE)

// A free page: its first word leads to the next one.
struct run {
  struct run *next;
};

struct kmem {
  struct spinlock lock;
  struct run *freelist;
#if VARIANT(PAGE_IN_RESERVE)
  struct run *reserve;  // one free page that is not on the list: the last to be given out
#endif
#if VARIANT(COUNT_IN_KMEM)
  int count[NFRAME];
#endif
};

extern struct kmem kmem;

// LOCK_ORDER: kref_put() keeps its lock where the page is to be freed, and kfree() releases it.
void kref_release(void);
