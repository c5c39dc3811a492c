// What the kernel's files know of each other.

#pragma once
#include "types.h"

struct buf;
struct context;
struct file;
struct inode;
struct pipe;
struct proc;
struct spinlock;

#if VARIANT(XV6_2025)  // the names of that year
#define fork kfork
#define exit kexit
#define wait kwait
#define kill kkill
#define exec kexec
#define usertrapret prepare_return
#endif

// start.c, main.c and the assembly
void timernext(void);
void main(void);
void _entry(void);
void kernelvec(void);
void timervec(void);
void swtch(struct context *, struct context *);
extern char trampoline[], uservec[], userret[];
extern char initcode_start[], initcode_end[];
extern char etext[], end[];

// printf.c
void printfinit(void);
void printf(char *, ...);
__attribute__((noreturn)) void panic(char *);
extern volatile int panicking, panicked;

// string.c
void *memset(void *, int, uint64);
void *memmove(void *, const void *, uint64);
void *memcpy(void *, const void *, uint64);
int strncmp(const char *, const char *, uint64);
char *safestrcpy(char *, const char *, int);
int strlen(const char *);

// spinlock.c
void initlock(struct spinlock *, char *);
void acquire(struct spinlock *);
void release(struct spinlock *);
int holding(struct spinlock *);
void push_off(void);
void pop_off(void);

// kalloc.c
void kinit(void);
void freerange(void *, void *);
void *kalloc(void);
void kfree(void *);

// kref.c: how many references a page has
void kref_init(void);
void kref_alloc(void *);
void kref_get(void *);
int kref_put(void *);
int kref_shared(void *);

// vm.c
void kvminit(void);
void kvminithart(void);
void kvmmap(pagetable_t, uint64, uint64, uint64, int);
pte_t *walk(pagetable_t, uint64, int);
uint64 walkaddr(pagetable_t, uint64);
int mappages(pagetable_t, uint64, uint64, uint64, int);
pagetable_t uvmcreate(void);
void uvmfirst(pagetable_t, char *, uint);
uint64 uvmalloc(pagetable_t, uint64, uint64, int);
uint64 uvmdealloc(pagetable_t, uint64, uint64);
int uvmcopy(pagetable_t, pagetable_t, uint64);
void uvmunmap(pagetable_t, uint64, uint64, int);
void freewalk(pagetable_t);
void uvmfree(pagetable_t, uint64);
void uvmclear(pagetable_t, uint64);

// cow.c
int cowfault(pagetable_t, uint64);

// lazy.c
uint64 vmfault(pagetable_t, uint64);

// copy.c
int copyout(pagetable_t, uint64, char *, uint64);
int copyin(pagetable_t, char *, uint64, uint64);
int copyinstr(pagetable_t, char *, uint64, uint64);

// proc.c
void proc_mapstacks(pagetable_t);
void procinit(void);
int cpuid(void);
struct cpu *mycpu(void);
struct proc *myproc(void);
pagetable_t proc_pagetable(struct proc *);
void proc_freepagetable(pagetable_t, uint64);
void userinit(void);
int growproc(int);
int fork(void);
__attribute__((noreturn)) void exit(int);
int wait(uint64);
int kill(int);
int killed(struct proc *);
void setkilled(struct proc *);

// sched.c
__attribute__((noreturn)) void scheduler(void);
void sched(void);
void yield(void);
void sleep(void *, struct spinlock *);
void wakeup(void *);

// exec.c
int exec(char *, char **);

// trap.c
void trapinithart(void);
#if VARIANT(XV6_2025)
uint64 usertrap(void);
#else
void usertrap(void);
#endif
void usertrapret(void);
void kerneltrap(void);
extern struct spinlock tickslock;
extern uint ticks;

// plic.c
void plicinit(void);
void plicinithart(void);
int plic_claim(void);
void plic_complete(int);

// console.c
void consoleinit(void);
void uartputc(int);
void uartintr(void);
int consoleread(uint64, int);
int consolewrite(uint64, int);

// virtio_disk.c
void virtio_disk_init(void);
void virtio_disk_read(char *, uint);
void virtio_disk_intr(void);

// fs.c
void fsinit(void);
int iget(uint, struct inode *);
int namei(char *, struct inode *);
int readi(struct inode *, int, uint64, uint, uint);

// file.c
struct file *filealloc(void);
struct file *filedup(struct file *);
void fileclose(struct file *);
int filestat(struct file *, uint64);
int fileread(struct file *, uint64, int);
int filewrite(struct file *, uint64, int);

// pipe.c
int pipealloc(struct file **, struct file **);
void pipeclose(struct pipe *, int);
int piperead(struct pipe *, uint64, int);
int pipewrite(struct pipe *, uint64, int);

// syscall.c
void syscall(void);
uint64 argraw(int);
int argint(int);
int argstr(int, char *, int);
int fetchaddr(uint64, uint64 *);
int fetchstr(uint64, char *, int);
