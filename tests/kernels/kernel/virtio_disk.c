// The disk: a virtio block device behind MMIO, version 1 (legacy) or 2. One request at a time.
// After "Virtual I/O Device (VIRTIO) Version 1.1", 4.2 and 5.2.

#include "types.h"
#include "defs.h"
#include "file.h"
#include "memlayout.h"
#include "riscv.h"

#define REGISTER(offset) (*(volatile uint32 *)(VIRTIO0 + (offset)))
#define MAGIC REGISTER(0x000)
#define VERSION REGISTER(0x004)
#define DEVICE_ID REGISTER(0x008)
#define DEVICE_FEATURES REGISTER(0x010)
#define DRIVER_FEATURES REGISTER(0x020)
#define GUEST_PAGE_SIZE REGISTER(0x028)  // version 1
#define QUEUE_SEL REGISTER(0x030)
#define QUEUE_NUM_MAX REGISTER(0x034)
#define QUEUE_NUM REGISTER(0x038)
#define QUEUE_ALIGN REGISTER(0x03c)  // version 1
#define QUEUE_PFN REGISTER(0x040)    // version 1
#define QUEUE_READY REGISTER(0x044)  // version 2, and what follows
#define QUEUE_NOTIFY REGISTER(0x050)
#define INTERRUPT_STATUS REGISTER(0x060)
#define INTERRUPT_ACK REGISTER(0x064)
#define STATUS REGISTER(0x070)
#define QUEUE_DESC 0x080  // an address, low word and high word
#define QUEUE_DRIVER 0x090
#define QUEUE_DEVICE 0x0a0

#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER 2
#define STATUS_DRIVER_OK 4
#define STATUS_FEATURES_OK 8

#define DESC_NEXT 1
#define DESC_DEVICE_WRITES 2
#define NUM 8  // descriptors

struct desc {
  uint64 addr;
  uint32 len;
  ushort flags;
  ushort next;
};

struct avail {
  ushort flags;
  ushort idx;
  ushort ring[NUM];
};

struct used {
  ushort flags;
  ushort idx;
  struct {
    uint32 id;
    uint32 len;
  } ring[NUM];
};

// Version 1 wants the queue in one piece, the used ring on a page of its own; version 2 takes it as well.
static struct {
  struct desc desc[NUM];
  struct avail avail;
  __attribute__((aligned(PGSIZE))) struct used used;
} queue __attribute__((aligned(PGSIZE)));

static struct {
  struct spinlock lock;
  int busy;  // somebody waits for the request below
  struct {
    uint32 type;  // 0 reads
    uint32 reserved;
    uint64 sector;
  } request;
  volatile uchar status;
} disk;

static void set_address(int offset, volatile void *address) {
  REGISTER(offset) = (uint64)address;
  REGISTER(offset + 4) = (uint64)address >> 32;
}

void virtio_disk_init(void) {
  initlock(&disk.lock, "virtio_disk");
  uint32 version = VERSION;
  if (MAGIC != 0x74726976 || (version != 1 && version != 2) || DEVICE_ID != 2)
    panic("could not find virtio disk");

  STATUS = 0;
  STATUS = STATUS_ACKNOWLEDGE;
  STATUS = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
  DRIVER_FEATURES = 0;  // none of DEVICE_FEATURES is needed
  if (version == 2) {
    STATUS = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
    if ((STATUS & STATUS_FEATURES_OK) == 0)
      panic("virtio disk features");
  } else {
    GUEST_PAGE_SIZE = PGSIZE;
  }

  QUEUE_SEL = 0;
  if (QUEUE_NUM_MAX < NUM)
    panic("virtio disk queue");
  QUEUE_NUM = NUM;
  if (version == 2) {
    set_address(QUEUE_DESC, queue.desc);
    set_address(QUEUE_DRIVER, &queue.avail);
    set_address(QUEUE_DEVICE, &queue.used);
    QUEUE_READY = 1;
  } else {
    QUEUE_ALIGN = PGSIZE;
    QUEUE_PFN = (uint64)&queue / PGSIZE;
  }
  STATUS = STATUS | STATUS_DRIVER_OK;
}

// Reads a block of BSIZE bytes. The process sleeps till it is there.
void virtio_disk_read(char *dst, uint block) {
  acquire(&disk.lock);
  while (disk.busy)
    sleep(&disk.busy, &disk.lock);
  disk.busy = 1;
  disk.request.type = 0;
  disk.request.reserved = 0;
  disk.request.sector = (uint64)block * (BSIZE / 512);
  disk.status = 0xff;

  queue.desc[0] = (struct desc){(uint64)&disk.request, sizeof(disk.request), DESC_NEXT, 1};
  queue.desc[1] = (struct desc){(uint64)dst, BSIZE, DESC_NEXT | DESC_DEVICE_WRITES, 2};
  queue.desc[2] = (struct desc){(uint64)&disk.status, 1, DESC_DEVICE_WRITES, 0};

  ushort before = queue.used.idx;
  queue.avail.ring[queue.avail.idx % NUM] = 0;
  __sync_synchronize();
  queue.avail.idx++;
  __sync_synchronize();
  QUEUE_NOTIFY = 0;

  while (*(volatile ushort *)&queue.used.idx == before)
    sleep(&queue, &disk.lock);
  if (disk.status != 0)
    panic("virtio disk read");
  disk.busy = 0;
  wakeup(&disk.busy);
  release(&disk.lock);
}

void virtio_disk_intr(void) {
  acquire(&disk.lock);
  INTERRUPT_ACK = INTERRUPT_STATUS & 3;
  wakeup(&queue);
  release(&disk.lock);
}
