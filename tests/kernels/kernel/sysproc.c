// System calls about processes.

#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "proc.h"

#define SBRK_EAGER 1

uint64 sys_fork(void) { return fork(); }

uint64 sys_exit(void) { exit(argint(0)); }

uint64 sys_wait(void) { return wait(argraw(0)); }

uint64 sys_kill(void) { return kill(argint(0)); }

uint64 sys_getpid(void) { return myproc()->pid; }

// Where user memory ended before it grew (or shrank) by so many bytes.
uint64 sys_sbrk(void) {
  struct proc *p = myproc();
  uint64 old = p->sz;
  int n = argint(0);
  if (VARIANT(XV6_2025) && n > 0 && argint(1) != SBRK_EAGER) {
    if (old + n > TRAPFRAME)
      return -1;
    p->sz += n;  // vmfault() gives the pages as they are used
    return old;
  }
  return growproc(n) < 0 ? -1 : old;
}

// For so many ticks.
uint64 sys_sleep(void) {
  int n = argint(0);
  acquire(&tickslock);
  uint start = ticks;
  while (n > 0 && ticks - start < (uint)n) {
    if (killed(myproc())) {
      release(&tickslock);
      return -1;
    }
    sleep(&ticks, &tickslock);
  }
  release(&tickslock);
  return 0;
}

uint64 sys_uptime(void) {
  acquire(&tickslock);
  uint now = ticks;
  release(&tickslock);
  return now;
}
