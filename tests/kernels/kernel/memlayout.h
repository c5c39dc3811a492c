// Where things are: QEMU's `virt` board in physical memory, and the kernel's and the users' virtual addresses.
//
// The kernel's page table maps the devices and all of RAM at their physical addresses.

#pragma once

#define UART0 0x10000000L
#define UART0_IRQ 10

#define VIRTIO0 0x10001000L
#define VIRTIO0_IRQ 1

#define CLINT 0x2000000L
#define CLINT_MTIMECMP(hart) (CLINT + 0x4000 + 8 * (hart))
#define CLINT_MTIME (CLINT + 0xBFF8)  // cycles since the board was switched on

#define PLIC 0x0c000000L
#define PLIC_PRIORITY(irq) (PLIC + (irq) * 4)
#define PLIC_SENABLE(hart) (PLIC + 0x2080 + (hart) * 0x100)
#define PLIC_SPRIORITY(hart) (PLIC + 0x201000 + (hart) * 0x2000)
#define PLIC_SCLAIM(hart) (PLIC + 0x201004 + (hart) * 0x2000)

#define KERNBASE 0x80000000L
#define PHYSTOP (KERNBASE + 128 * 1024 * 1024)

// The trampoline is at the top of every address space. Below it the kernel has its stacks, an invalid page between
// any two of them; a user has its trapframe, and from address 0: text, data, a guard page, its stack, the heap.
#define TRAMPOLINE (MAXVA - PGSIZE)
#define TRAPFRAME (TRAMPOLINE - PGSIZE)
#define KSTACK(slot) (TRAMPOLINE - ((slot) + 1) * 2 * PGSIZE)
