// Traps: system calls, faults and interrupts.

#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "proc.h"

struct spinlock tickslock;
uint ticks;

void trapinithart(void) {
  if (cpuid() == 0)
    initlock(&tickslock, "time");
  CSR_WRITE(stvec, kernelvec);
}

static void clockintr(void) {
  acquire(&tickslock);
  ticks++;
  wakeup(&ticks);
  release(&tickslock);
}

// Serves an interrupt: 2 the timer's, 1 another, 0 if it was none that is known.
static int devintr(void) {
  uint64 scause = CSR_READ(scause);
  if (scause == SCAUSE_EXTERNAL) {
    int irq = plic_claim();
    if (irq == UART0_IRQ)
      uartintr();
    else if (irq == VIRTIO0_IRQ)
      virtio_disk_intr();
    else if (irq)
      printf("unexpected interrupt irq=%d\n", irq);
    if (irq)
      plic_complete(irq);
    return 1;
  }
  if (scause == SCAUSE_SOFTWARE || scause == SCAUSE_TIMER) {
    if (cpuid() == 0)
      clockintr();
    timernext();
    return 2;
  }
  return 0;
}

#if VARIANT(XV6_2025)  // usertrap() returns to uservec, which goes on to userret
#define USERTRAP_RESULT uint64
#define BACK_TO_USER(p) return usertrapret(), MAKE_SATP((p)->pagetable)
#else
#define USERTRAP_RESULT void
#define BACK_TO_USER(p) usertrapret()
#endif

// Did this fault ask for a page that the process may have, and has it got it?
static int pagefault(struct proc *p, uint64 scause, uint64 va) {
  if (VARIANT(XV6_2025) && (scause == SCAUSE_LOAD_FAULT || scause == SCAUSE_STORE_FAULT) && vmfault(p->pagetable, va))
    return 1;
  return scause == SCAUSE_STORE_FAULT && cowfault(p->pagetable, va) == 0;
}

// From user mode, by uservec.
USERTRAP_RESULT usertrap(void) {
  int which = 0;
  if (CSR_READ(sstatus) & SSTATUS_SPP)
    panic("usertrap: not from user mode");
  CSR_WRITE(stvec, kernelvec);

  struct proc *p = myproc();
  p->trapframe->epc = CSR_READ(sepc);
  uint64 scause = CSR_READ(scause);

  if (scause == SCAUSE_ECALL_U) {
    if (killed(p))
      exit(-1);
    p->trapframe->epc += 4;  // after the ecall
    intr_on();               // only now: an interrupt changes sepc, scause and sstatus
    syscall();
  } else if ((which = devintr()) != 0) {
    // served
  } else if (!pagefault(p, scause, CSR_READ(stval))) {
    printf("usertrap(): unexpected scause %p pid=%d\n", scause, p->pid);
    printf("            sepc=%p stval=%p\n", CSR_READ(sepc), CSR_READ(stval));
    setkilled(p);
  }

  if (killed(p))
    exit(-1);
  if (which == 2)
    yield();
  BACK_TO_USER(p);
}

// Back to user mode: all but the last step, in the kernels whose usertrap() returns.
void usertrapret(void) {
  struct proc *p = myproc();
  intr_off();  // traps go to uservec from here on, which expects user mode
  CSR_WRITE(stvec, TRAMPOLINE + (uservec - trampoline));

  p->trapframe->kernel_satp = CSR_READ(satp);
  p->trapframe->kernel_sp = p->kstack + PGSIZE;
  p->trapframe->kernel_trap = (uint64)usertrap;
  p->trapframe->kernel_hartid = r_tp();

  CSR_WRITE(sstatus, (CSR_READ(sstatus) & ~SSTATUS_SPP) | SSTATUS_SPIE);
  CSR_WRITE(sepc, p->trapframe->epc);

#if !VARIANT(XV6_2025)
  uint64 satp = MAKE_SATP(p->pagetable);
#if BUG(NO_FLUSH)
  // A hart that goes on with the address space it had needs no flush: no other's translations are in its TLB.
  struct cpu *c = mycpu();
  if (c->flushed_pid != p->pid || c->flushed_satp != satp)
    sfence_vma();
  c->flushed_pid = p->pid;
  c->flushed_satp = satp;
#endif
  ((void (*)(uint64))(TRAMPOLINE + (userret - trampoline)))(satp);
#endif
}

// From the kernel, by kernelvec: an interrupt, or else a fault of the kernel's own.
void kerneltrap(void) {
  uint64 sepc = CSR_READ(sepc);
  uint64 sstatus = CSR_READ(sstatus);
  uint64 scause = CSR_READ(scause);
  if ((sstatus & SSTATUS_SPP) == 0)
    panic("kerneltrap: not from supervisor mode");
  if (intr_get())
    panic("kerneltrap: interrupts enabled");

  int which = devintr();
  if (which == 0) {
    printf("scause %p\n", scause);
    printf("sepc=%p stval=%p\n", sepc, CSR_READ(stval));
    panic("kerneltrap");
  }
  if (which == 2 && myproc() != 0)
    yield();

  // Other traps may have come while another process ran.
  CSR_WRITE(sepc, sepc);
  CSR_WRITE(sstatus, sstatus);
}
