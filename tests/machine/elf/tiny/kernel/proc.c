#include "kernel/types.h"

struct cpu cpus[NCPU];
struct proc proc[NPROC];
struct {
  struct spinlock lock;
  struct file file[NFILE];
} ftable;
pagetable_t kernel_pagetable;
char stack0[4096 * NCPU] __attribute__((aligned(16)));
int matrix[3][5];
volatile int sink;

struct bits {
  uint low : 3, high : 20;
  union {
    char byte;
    uint word;
  };
  struct bits **others;
  int (*call)(struct bits *);
  const char *tail[];
} *bits;

static int calls = 7;

void acquire(struct spinlock *lk) {
  while (__sync_lock_test_and_set(&lk->locked, 1))
    ;
}

__attribute__((noinline)) static int counted(void) {
  static int times = 3;
  return times += one_more(&calls);
}

__attribute__((always_inline)) static inline int growproc(int n) {
  return proc[2].pid += n;
}

void usertrap(void) {
  sink = counted();
  sink = one_more((int *)&matrix[1][2]);
}

#ifdef YEAR_2025
void prepare_return(void) { sink = bits->low; }
int kfork(void) { return proc[0].pid; }
#else
void usertrapret(void) { sink = bits->low; }
int fork(void) { return proc[0].pid; }
#endif
uint64 sys_fork(void) {
  return proc[1].pid + (uint64)ftable.file[0].pipe + (uint64)kernel_pagetable + stack0[1] + (uint64)cpus[0].proc;
}

uint64 sys_sbrk(void) { return growproc(sink); }
