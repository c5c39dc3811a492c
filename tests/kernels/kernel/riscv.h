// The hart: its control registers and Sv39, after the RISC-V privileged specification.

#pragma once
#include "flags.h"

#ifndef __ASSEMBLER__

#define CSR_READ(csr)                                       \
  ({                                                        \
    uint64 value_;                                          \
    asm volatile("csrr %0, " #csr : "=r"(value_)::"memory"); \
    value_;                                                 \
  })
#define CSR_WRITE(csr, value) asm volatile("csrw " #csr ", %0" ::"r"((uint64)(value)) : "memory")

#define MSTATUS_MPP_MASK (3L << 11)  // the mode before the trap
#define MSTATUS_MPP_S (1L << 11)
#define MSTATUS_MIE (1L << 3)
#define MIE_MTIE (1L << 7)

#define SSTATUS_SPP (1L << 8)   // the mode before the trap: 1 is supervisor
#define SSTATUS_SPIE (1L << 5)  // interrupts on before the trap
#define SSTATUS_SIE (1L << 1)   // interrupts on
#define SIE_SEIE (1L << 9)      // external
#define SIE_STIE (1L << 5)      // timer
#define SIE_SSIE (1L << 1)      // software
#define SIP_SSIP (1L << 1)

#define SCAUSE_INTERRUPT (1UL << 63)
#define SCAUSE_SOFTWARE (SCAUSE_INTERRUPT | 1)
#define SCAUSE_TIMER (SCAUSE_INTERRUPT | 5)
#define SCAUSE_EXTERNAL (SCAUSE_INTERRUPT | 9)
#define SCAUSE_ECALL_U 8
#define SCAUSE_LOAD_FAULT 13
#define SCAUSE_STORE_FAULT 15

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE void intr_on(void) { CSR_WRITE(sstatus, CSR_READ(sstatus) | SSTATUS_SIE); }

ALWAYS_INLINE void intr_off(void) { CSR_WRITE(sstatus, CSR_READ(sstatus) & ~SSTATUS_SIE); }

ALWAYS_INLINE int intr_get(void) { return (CSR_READ(sstatus) & SSTATUS_SIE) != 0; }

// The hart's number: start() leaves it in tp.
ALWAYS_INLINE uint64 r_tp(void) {
  uint64 value;
  asm volatile("mv %0, tp" : "=r"(value));
  return value;
}

ALWAYS_INLINE void sfence_vma(void) { asm volatile("sfence.vma zero, zero" ::: "memory"); }

#endif

#define PGSIZE 4096
#define PGROUNDUP(bytes) (((bytes) + PGSIZE - 1) & ~(PGSIZE - 1L))
#define PGROUNDDOWN(address) ((address) & ~(PGSIZE - 1L))

#define SATP_SV39 (8L << 60)
#define MAKE_SATP(pagetable) (SATP_SV39 | ((uint64)(pagetable) >> 12))

#define PTE_V (1L << 0)
#define PTE_R (1L << 1)
#define PTE_W (1L << 2)
#define PTE_X (1L << 3)
#define PTE_U (1L << 4)

// To be copied before it is written: one of the two bits for software.
#if VARIANT(MARK_BIT_9)
#define PTE_COW (1L << 9)
#elif VARIANT(MARK_BIT_5)
#define PTE_COW (1L << 5)  // not for software, in fact: "global", which says nothing where there are no ASIDs
#else
#define PTE_COW (1L << 8)
#endif
#define PTE_WAS_W (1L << 9)  // EVERY_PAGE_MARKED: the page was writable before the fork

#define PA2PTE(pa) (((uint64)(pa) >> 12) << 10)
#define PTE2PA(pte) (((pte) >> 10) << 12)
#define PTE_FLAGS(pte) ((pte) & 0x3FF)

// The index into the page table of `level` (2 is the root).
#define PX(level, va) (((uint64)(va) >> (12 + 9 * (level))) & 0x1FF)

// One bit less than Sv39 has, so that no address has to be sign-extended.
#define MAXVA (1L << (9 + 9 + 9 + 12 - 1))
