// Processes and harts.

#pragma once
#include "riscv.h"
#include "spinlock.h"

// The registers that a function must keep, for swtch.
struct context {
  uint64 ra;
  uint64 sp;
  uint64 s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
};

struct cpu {
  struct proc *proc;       // running on this hart, or null
  struct context context;  // the hart's scheduler()
  int noff;                // depth of push_off()
  int intena;              // were interrupts on before push_off()?
#if BUG(NO_FLUSH)
  int flushed_pid;  // whose translations the TLB may hold
  uint64 flushed_satp;
#endif
};

extern struct cpu cpus[NCPU];

// What uservec saves, and needs, when a process enters the kernel. It is a page of its own, below the trampoline in
// the user's page table, and not accessible to the user. The offsets are known to trampoline.S.
struct trapframe {
  uint64 kernel_satp;
  uint64 kernel_sp;
  uint64 kernel_trap;  // usertrap()
  uint64 epc;
  uint64 kernel_hartid;
  uint64 ra, sp, gp, tp;
  uint64 t0, t1, t2;
  uint64 s0, s1;
  uint64 a0, a1, a2, a3, a4, a5, a6, a7;
  uint64 s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
  uint64 t3, t4, t5, t6;
};

enum procstate { UNUSED, USED, SLEEPING, RUNNABLE, RUNNING, ZOMBIE };

struct proc {
  struct spinlock lock;

  // p->lock must be held:
  enum procstate state;
  void *chan;  // what it sleeps on
  int killed;
  int xstate;  // for the parent's wait()
  int pid;

  // wait_lock must be held:
  struct proc *parent;

  // the process's own, no lock:
  uint64 kstack;  // virtual address
  uint64 sz;      // bytes of user memory
  pagetable_t pagetable;
  struct trapframe *trapframe;
  struct context context;
  struct file *ofile[NOFILE];
  struct inode *cwd;  // always null: paths start at the root
  char name[16];
};

extern struct proc proc[NPROC];
