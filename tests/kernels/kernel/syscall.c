// System calls: the number in a7, the arguments in a0 to a5, the result in a0. The numbers are xv6's.

#include "types.h"
#include "defs.h"
#include "proc.h"

uint64 argraw(int n) {
  struct trapframe *tf = myproc()->trapframe;
  return (&tf->a0)[n];
}

int argint(int n) { return argraw(n); }

// A word of user memory. 0, or -1.
int fetchaddr(uint64 addr, uint64 *word) {
  struct proc *p = myproc();
  if (addr >= p->sz || addr + sizeof(uint64) > p->sz)
    return -1;
  return copyin(p->pagetable, (char *)word, addr, sizeof(*word));
}

// A string in user memory, its 0 included. Its length, or -1.
int fetchstr(uint64 addr, char *buf, int max) {
  if (copyinstr(myproc()->pagetable, buf, addr, max) < 0)
    return -1;
  return strlen(buf);
}

int argstr(int n, char *buf, int max) { return fetchstr(argraw(n), buf, max); }

uint64 sys_fork(void), sys_exit(void), sys_wait(void), sys_pipe(void), sys_read(void), sys_kill(void), sys_exec(void);
uint64 sys_fstat(void), sys_dup(void), sys_getpid(void), sys_sbrk(void), sys_sleep(void), sys_uptime(void);
uint64 sys_open(void), sys_write(void), sys_mknod(void), sys_close(void);

static uint64 (*const calls[])(void) = {
    [1] = sys_fork,    [2] = sys_exit,  [3] = sys_wait,   [4] = sys_pipe,    [5] = sys_read,   [6] = sys_kill,
    [7] = sys_exec,    [8] = sys_fstat, [10] = sys_dup,   [11] = sys_getpid, [12] = sys_sbrk,  [13] = sys_sleep,
    [14] = sys_uptime, [15] = sys_open, [16] = sys_write, [17] = sys_mknod,  [21] = sys_close,
};

void syscall(void) {
  struct proc *p = myproc();
  uint64 n = p->trapframe->a7;
  if (n < sizeof(calls) / sizeof(calls[0]) && calls[n]) {
    p->trapframe->a0 = calls[n]();
  } else {
    printf("%d %s: unknown sys call %d\n", p->pid, p->name, (int)n);
    p->trapframe->a0 = -1;
  }
}
