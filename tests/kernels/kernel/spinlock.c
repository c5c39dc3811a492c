// Mutual exclusion between harts, and with this hart's interrupts.

#include "types.h"
#include "defs.h"
#include "proc.h"

void initlock(struct spinlock *lk, char *name) {
  lk->locked = 0;
  lk->name = name;
  lk->cpu = 0;
}

// Interrupts are off from here to release(): a handler that wants a lock its own hart holds would wait for ever.
void acquire(struct spinlock *lk) {
  push_off();
  if (holding(lk))
    panic("acquire");

  while (__sync_lock_test_and_set(&lk->locked, 1) != 0)
    ;

  __sync_synchronize();  // no load or store of the critical section before this
  lk->cpu = mycpu();
}

void release(struct spinlock *lk) {
  if (!holding(lk))
    panic("release");
  lk->cpu = 0;

  __sync_synchronize();  // nor after this
  __sync_lock_release(&lk->locked);

  pop_off();
}

// Does this hart hold lk? Interrupts are off.
int holding(struct spinlock *lk) { return lk->locked && lk->cpu == mycpu(); }

// push_off() and pop_off() nest: interrupts are back as they were at the first push_off() with its pop_off().
void push_off(void) {
  int old = intr_get();
  intr_off();
  if (mycpu()->noff == 0)
    mycpu()->intena = old;
  mycpu()->noff++;
}

void pop_off(void) {
  struct cpu *c = mycpu();
  if (intr_get())
    panic("pop_off - interruptible");
  if (c->noff < 1)
    panic("pop_off");
  c->noff--;
  if (c->noff == 0 && c->intena)
    intr_on();
}
