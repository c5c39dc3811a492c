// Who runs: each hart has a scheduler() on its own stack, and a process gives the hart back to it by sched().
//
// p->lock is held from one side of swtch() to the other, so that no other hart runs a process that is still leaving.

#include "types.h"
#include "defs.h"
#include "proc.h"

void scheduler(void) {
  struct cpu *c = mycpu();
  c->proc = 0;
  for (;;) {
    intr_on();  // or nobody would ever wake up, if all processes sleep

    int found = 0;
    for (struct proc *p = proc; p < &proc[NPROC]; p++) {
      acquire(&p->lock);
      if (p->state == RUNNABLE) {
        found = 1;
        p->state = RUNNING;
        c->proc = p;
        swtch(&c->context, &p->context);
        c->proc = 0;
      }
      release(&p->lock);
    }
    if (!found && !VARIANT(IDLE_SPINS))
      asm volatile("wfi");  // until the next interrupt: the timer's at the latest
  }
}

// Back to the scheduler. Of all locks only p->lock is held, and p->state has been changed.
void sched(void) {
  struct proc *p = myproc();
  if (!holding(&p->lock))
    panic("sched p->lock");
  if (mycpu()->noff != 1)
    panic("sched locks");
  if (p->state == RUNNING)
    panic("sched running");
  if (intr_get())
    panic("sched interruptible");

  int intena = mycpu()->intena;  // this thread's, though it stands in the hart's struct
  swtch(&p->context, &mycpu()->context);
  mycpu()->intena = intena;
}

void yield(void) {
  struct proc *p = myproc();
  acquire(&p->lock);
  p->state = RUNNABLE;
  sched();
  release(&p->lock);
}

// Releases lk, sleeps until wakeup(chan), and takes lk again. No wakeup() is missed that comes after lk's release.
void sleep(void *chan, struct spinlock *lk) {
  struct proc *p = myproc();
  acquire(&p->lock);
  release(lk);

  p->chan = chan;
  p->state = SLEEPING;
  sched();
  p->chan = 0;

  release(&p->lock);
  acquire(lk);
}

// Wakes all who sleep on chan. No p->lock is held.
void wakeup(void *chan) {
  for (struct proc *p = proc; p < &proc[NPROC]; p++) {
    if (p == myproc())
      continue;
    acquire(&p->lock);
    if (p->state == SLEEPING && p->chan == chan)
      p->state = RUNNABLE;
    release(&p->lock);
  }
}
