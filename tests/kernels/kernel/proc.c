// Processes: their birth, their end, and the memory between.

#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "file.h"
#include "proc.h"

struct cpu cpus[NCPU];
struct proc proc[NPROC];

static struct proc *initproc;

static int nextpid = 1;
static struct spinlock pid_lock;

// Guards every p->parent, and keeps a child's exit() from slipping between its parent's look and its sleep in wait().
// Taken before any p->lock.
static struct spinlock wait_lock;

void forkret(void);

// A kernel stack for each process, high in the kernel's memory, with an invalid page below it.
void proc_mapstacks(pagetable_t pagetable) {
  for (int slot = 0; slot < NPROC; slot++) {
    char *pa = kalloc();
    if (pa == 0)
      panic("proc_mapstacks");
    kvmmap(pagetable, KSTACK(slot), (uint64)pa, PGSIZE, PTE_R | PTE_W);
  }
}

void procinit(void) {
  initlock(&pid_lock, "pid_lock");
  initlock(&wait_lock, "wait_lock");
  for (int slot = 0; slot < NPROC; slot++) {
    initlock(&proc[slot].lock, "proc");
    proc[slot].kstack = KSTACK(slot);
  }
}

// These two with interrupts off: the process could move to another hart.
int cpuid(void) { return r_tp(); }

struct cpu *mycpu(void) { return &cpus[cpuid()]; }

// The process that runs here, or null.
struct proc *myproc(void) {
  push_off();
  struct proc *p = mycpu()->proc;
  pop_off();
  return p;
}

static int allocpid(void) {
  acquire(&pid_lock);
  int pid = nextpid++;
  release(&pid_lock);
  return pid;
}

static void freeproc(struct proc *);

// A process that is ready to be filled, its lock held. Null if there is no slot or no memory.
static struct proc *allocproc(void) {
  struct proc *p;
  for (p = proc; p < &proc[NPROC]; p++) {
    acquire(&p->lock);
    if (p->state == UNUSED)
      break;
    release(&p->lock);
  }
  if (p == &proc[NPROC])
    return 0;

  p->pid = allocpid();
  p->state = USED;
  if ((p->trapframe = kalloc()) == 0 || (p->pagetable = proc_pagetable(p)) == 0) {
    freeproc(p);
    release(&p->lock);
    return 0;
  }

  memset(&p->context, 0, sizeof(p->context));
  p->context.ra = (uint64)forkret;
  p->context.sp = p->kstack + PGSIZE;
  return p;
}

// Gives back all that a process has. p->lock is held.
static void freeproc(struct proc *p) {
  if (p->trapframe)
    kfree(p->trapframe);
  p->trapframe = 0;
  if (p->pagetable)
    proc_freepagetable(p->pagetable, p->sz);
  p->pagetable = 0;
  p->sz = 0;
  p->pid = 0;
  p->parent = 0;
  p->name[0] = 0;
  p->chan = 0;
  p->killed = 0;
  p->xstate = 0;
  p->state = UNUSED;
}

// A page table without user memory: trampoline and trapframe. Null if memory is out.
pagetable_t proc_pagetable(struct proc *p) {
  pagetable_t pagetable = uvmcreate();
  if (pagetable == 0)
    return 0;
  if (mappages(pagetable, TRAMPOLINE, PGSIZE, (uint64)trampoline, PTE_R | PTE_X) != 0) {
    uvmfree(pagetable, 0);
    return 0;
  }
  if (mappages(pagetable, TRAPFRAME, PGSIZE, (uint64)p->trapframe, PTE_R | PTE_W) != 0) {
    uvmunmap(pagetable, TRAMPOLINE, 1, 0);
    uvmfree(pagetable, 0);
    return 0;
  }
  return pagetable;
}

// Frees the page table and sz bytes of user memory.
void proc_freepagetable(pagetable_t pagetable, uint64 sz) {
  uvmunmap(pagetable, TRAMPOLINE, 1, 0);
  uvmunmap(pagetable, TRAPFRAME, 1, 0);
  uvmfree(pagetable, sz);
}

// The first process.
void userinit(void) {
  struct proc *p = allocproc();
  initproc = p;
  uvmfirst(p->pagetable, initcode_start, initcode_end - initcode_start);
  p->sz = PGSIZE;
  p->trapframe->epc = 0;
  p->trapframe->sp = PGSIZE;
  safestrcpy(p->name, "initcode", sizeof(p->name));
  p->state = RUNNABLE;
  release(&p->lock);
}

// Grows user memory by n bytes, or shrinks it. 0, or -1 if it stays as it is.
int growproc(int n) {
  struct proc *p = myproc();
  uint64 sz = p->sz;
  if (n > 0) {
    if (sz + n > TRAPFRAME || (sz = uvmalloc(p->pagetable, sz, sz + n, PTE_W)) == 0)
      return -1;
  } else if (n < 0) {
    if (-(long)n > (long)sz)
      return -1;
    sz = uvmdealloc(p->pagetable, sz, sz + n);
  }
  p->sz = sz;
  return 0;
}

// Makes a child: a copy of the process, for which fork() returns 0. Returns the child's pid, or -1.
int fork(void) {
  struct proc *p = myproc();
  struct proc *np = allocproc();
  if (np == 0)
    return -1;

  if (uvmcopy(p->pagetable, np->pagetable, p->sz) < 0) {
    freeproc(np);
    release(&np->lock);
    return -1;
  }
  np->sz = p->sz;
  *np->trapframe = *p->trapframe;
  np->trapframe->a0 = 0;
  for (int fd = 0; fd < NOFILE; fd++) {
    if (p->ofile[fd])
      np->ofile[fd] = filedup(p->ofile[fd]);
  }
  safestrcpy(np->name, p->name, sizeof(p->name));
  int pid = np->pid;
  release(&np->lock);

  acquire(&wait_lock);
  np->parent = p;
  release(&wait_lock);

  acquire(&np->lock);
  np->state = RUNNABLE;
  release(&np->lock);
  return pid;
}

// A new process starts here, holding its lock: scheduler() took it.
void forkret(void) {
  static int first = 1;
  struct proc *p = myproc();
  release(&p->lock);
  if (first) {
    first = 0;
    fsinit();
  }
  usertrapret();
#if VARIANT(XV6_2025)
  ((void (*)(uint64))(TRAMPOLINE + (userret - trampoline)))(MAKE_SATP(p->pagetable));
#endif
}

// Hands p's children to init. wait_lock is held.
static void reparent(struct proc *p) {
  for (struct proc *pp = proc; pp < &proc[NPROC]; pp++) {
    if (pp->parent == p) {
      pp->parent = initproc;
      wakeup(initproc);
    }
  }
}

// Ends the process: a zombie until its parent waits for it.
void exit(int status) {
  struct proc *p = myproc();
  if (p == initproc)
    panic("init exiting");

  for (int fd = 0; fd < NOFILE; fd++) {
    if (p->ofile[fd]) {
      fileclose(p->ofile[fd]);
      p->ofile[fd] = 0;
    }
  }

  acquire(&wait_lock);
  reparent(p);
  wakeup(p->parent);
  acquire(&p->lock);
  p->xstate = status;
  p->state = ZOMBIE;
  release(&wait_lock);

  sched();
  panic("zombie exit");
}

// Waits for a child to end, and writes its status to user address addr unless that is 0. Returns its pid, or -1.
int wait(uint64 addr) {
  struct proc *p = myproc();
  acquire(&wait_lock);
  for (;;) {
    int children = 0;
    for (struct proc *pp = proc; pp < &proc[NPROC]; pp++) {
      if (pp->parent != p)
        continue;
      acquire(&pp->lock);  // not before it has left its stack for the last time
      children++;
      if (pp->state == ZOMBIE) {
        int pid = pp->pid;
        if (addr != 0 && copyout(p->pagetable, addr, (char *)&pp->xstate, sizeof(pp->xstate)) < 0)
          pid = -1;
        else
          freeproc(pp);
        release(&pp->lock);
        release(&wait_lock);
        return pid;
      }
      release(&pp->lock);
    }
    if (children == 0 || killed(p)) {
      release(&wait_lock);
      return -1;
    }
    sleep(p, &wait_lock);
  }
}

#if BUG(KILL_FREES_AT_ONCE)
// Gives back the victim's memory, though it may be in the kernel on another hart, or was preempted there.
static void reclaim(struct proc *p) {
  uint64 sz = p->sz;
  if (p == myproc() || p == initproc || p->state == UNUSED || p->state == ZOMBIE)
    return;
  p->sz = 0;
  uvmdealloc(p->pagetable, sz, 0);
}
#endif

// Marks a process as killed: it exits when it is about to return to user mode. 0, or -1 if there is none.
int kill(int pid) {
  for (struct proc *p = proc; p < &proc[NPROC]; p++) {
    acquire(&p->lock);
    if (p->pid == pid && p->state != UNUSED) {
      p->killed = 1;
      if (p->state == SLEEPING)
        p->state = RUNNABLE;
#if BUG(KILL_FREES_AT_ONCE)
      reclaim(p);
#endif
      release(&p->lock);
      return 0;
    }
    release(&p->lock);
  }
  return -1;
}

void setkilled(struct proc *p) {
  acquire(&p->lock);
  p->killed = 1;
  release(&p->lock);
}

int killed(struct proc *p) {
  acquire(&p->lock);
  int is = p->killed;
  release(&p->lock);
  return is;
}
