// Where the harts meet: hart 0 makes everything ready, then they all schedule.

#include "types.h"
#include "defs.h"

static volatile int started;

void main(void) {
  if (cpuid() == 0) {
    consoleinit();
    printfinit();
    printf("\ncowcheck test kernel is booting\n\n");
    kinit();
    kvminit();
    kvminithart();
    procinit();
    trapinithart();
    plicinit();
    plicinithart();
    virtio_disk_init();
    userinit();
    __sync_synchronize();
    started = 1;
  } else {
    while (!started)
      ;
    __sync_synchronize();
    printf("hart %d starting\n", cpuid());
    kvminithart();
    trapinithart();
    plicinithart();
  }
  scheduler();
}
