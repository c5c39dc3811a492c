// The interrupt controller: an interrupt goes to whichever hart claims it first.

#include "types.h"
#include "defs.h"
#include "memlayout.h"

void plicinit(void) {
  *(volatile uint32 *)PLIC_PRIORITY(UART0_IRQ) = 1;
  *(volatile uint32 *)PLIC_PRIORITY(VIRTIO0_IRQ) = 1;
}

void plicinithart(void) {
  *(volatile uint32 *)PLIC_SENABLE(cpuid()) = 1 << UART0_IRQ | 1 << VIRTIO0_IRQ;
  *(volatile uint32 *)PLIC_SPRIORITY(cpuid()) = 0;
}

// The interrupt to be served, or 0.
int plic_claim(void) { return *(volatile uint32 *)PLIC_SCLAIM(cpuid()); }

void plic_complete(int irq) { *(volatile uint32 *)PLIC_SCLAIM(cpuid()) = irq; }
