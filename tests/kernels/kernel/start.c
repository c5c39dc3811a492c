// Machine mode: what a hart does before main(), and where its timer interrupts go.

#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "proc.h"

#define TIMER_INTERVAL 1000000  // cycles; a tenth of a second on QEMU

__attribute__((aligned(16))) char stack0[PGSIZE * NCPU];

// For timervec, by hart: room for three registers, the address of the hart's mtimecmp, the interval.
uint64 timer_scratch[NCPU][5];

static void timerinit(void);

// Enters main() in supervisor mode, paging off, interrupts off.
void start(void) {
  CSR_WRITE(mstatus, (CSR_READ(mstatus) & ~MSTATUS_MPP_MASK) | MSTATUS_MPP_S);
  CSR_WRITE(mepc, main);
  CSR_WRITE(satp, 0);

  CSR_WRITE(medeleg, 0xffff);
  CSR_WRITE(mideleg, 0xffff);
  CSR_WRITE(sie, SIE_SEIE | SIE_STIE | SIE_SSIE);

  // Supervisor mode may use all of physical memory. Without an entry it may where there is no PMP (xv6 until 2020).
  if (!VARIANT(NO_PMP)) {
    CSR_WRITE(pmpaddr0, 0x3fffffffffffffL);
    CSR_WRITE(pmpcfg0, 0xf);
  }

  timerinit();

  uint64 hart = CSR_READ(mhartid);
  asm volatile("mv tp, %0" ::"r"(hart));
  asm volatile("mret");
}

#if VARIANT(SSTC) || VARIANT(XV6_2025)

#define MIE_STIE (1L << 5)
#define MENVCFG_STCE (1L << 63)
#define MCOUNTEREN_TM (1L << 1)

// Supervisor mode has a comparator of its own, as in xv6 since 2024. The numbers are those of menvcfg and stimecmp.
static void timerinit(void) {
  CSR_WRITE(mie, CSR_READ(mie) | MIE_STIE);
  CSR_WRITE(0x30a, CSR_READ(0x30a) | MENVCFG_STCE);
  CSR_WRITE(mcounteren, CSR_READ(mcounteren) | MCOUNTEREN_TM);
  timernext();
}

void timernext(void) { CSR_WRITE(0x14d, CSR_READ(time) + TIMER_INTERVAL); }

#else

// Timer interrupts arrive in machine mode, at timervec, which turns each into a supervisor software interrupt.
static void timerinit(void) {
  uint64 hart = CSR_READ(mhartid);
  *(volatile uint64 *)CLINT_MTIMECMP(hart) = *(volatile uint64 *)CLINT_MTIME + TIMER_INTERVAL;

  timer_scratch[hart][3] = CLINT_MTIMECMP(hart);
  timer_scratch[hart][4] = TIMER_INTERVAL;
  CSR_WRITE(mscratch, timer_scratch[hart]);

  CSR_WRITE(mtvec, timervec);
  CSR_WRITE(mstatus, CSR_READ(mstatus) | MSTATUS_MIE);
  CSR_WRITE(mie, CSR_READ(mie) | MIE_MTIE);
}

// The interrupt has been taken; timervec has asked for the next one.
void timernext(void) { CSR_WRITE(sip, CSR_READ(sip) & ~SIP_SSIP); }

#endif
