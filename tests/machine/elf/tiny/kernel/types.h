typedef unsigned int uint;
typedef unsigned long uint64;
typedef uint64 *pagetable_t;

struct spinlock {
  uint locked;
  char *name;
  struct cpu *cpu;
};

struct context {
  uint64 ra, sp, s[12];
};

struct cpu {
  struct proc *proc;
  struct context context;
  int noff, intena;
};

struct trapframe {
  uint64 kernel_satp, kernel_sp, kernel_trap, epc, kernel_hartid, saved[31];
};

enum procstate { UNUSED, USED, SLEEPING, RUNNABLE, RUNNING, ZOMBIE };

struct proc {
  struct spinlock lock;
  enum procstate state;
  int killed, xstate, pid;
  struct proc *parent;
  uint64 kstack, sz;
  pagetable_t pagetable;
  struct trapframe *trapframe;
  struct context context;
  struct file *ofile[16];
  char name[16];
};

struct pipe {
  struct spinlock lock;
  char data[512];
  uint nread, nwrite;
};

struct file {
  enum { FD_NONE, FD_PIPE, FD_INODE } type;
  int ref;
  struct pipe *pipe;
};

enum { NPROC = 64, NCPU = 4, NFILE = 10 };

void acquire(struct spinlock *lk);
void *kalloc(void);
void kfree(void *pa);
static inline int one_more(int *count) {
  return __sync_add_and_fetch(count, 1);
}
