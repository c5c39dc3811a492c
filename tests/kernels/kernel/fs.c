// The file system: xv6's format, read only. Paths start at the root, whether or not they begin with a slash.

#include "types.h"
#include "defs.h"
#include "file.h"
#include "proc.h"

#define NBUF 8

// A block that is being used. Its user may sleep, and be preempted.
struct buf {
  int busy;
  char data[BSIZE];
};

static struct {
  struct spinlock lock;
  struct buf buf[NBUF];
} bcache;

static struct superblock sb;

static struct buf *bread(uint block) {
  acquire(&bcache.lock);
  for (;;) {
    for (struct buf *b = bcache.buf; b < &bcache.buf[NBUF]; b++) {
      if (b->busy)
        continue;
      b->busy = 1;
      release(&bcache.lock);
      virtio_disk_read(b->data, block);
      return b;
    }
    sleep(&bcache, &bcache.lock);
  }
}

static void brelse(struct buf *b) {
  acquire(&bcache.lock);
  b->busy = 0;
  wakeup(&bcache);
  release(&bcache.lock);
}

// Called by the first process, because it sleeps.
void fsinit(void) {
  initlock(&bcache.lock, "bcache");
  struct buf *b = bread(1);
  memmove(&sb, b->data, sizeof(sb));
  brelse(b);
  if (sb.magic != FSMAGIC)
    panic("invalid file system");
}

// The inode of that number. 0, or -1 if there is none.
int iget(uint inum, struct inode *ip) {
  if (inum == 0 || inum >= sb.ninodes)
    return -1;
  uint per_block = BSIZE / sizeof(struct dinode);
  struct buf *b = bread(sb.inodestart + inum / per_block);
  ip->inum = inum;
  ip->disk = ((struct dinode *)b->data)[inum % per_block];
  brelse(b);
  return ip->disk.type == 0 ? -1 : 0;
}

// The block that holds block n of a file.
static uint bmap(struct inode *ip, uint n) {
  if (n < NDIRECT)
    return ip->disk.addrs[n];
  if (n - NDIRECT >= NINDIRECT)
    panic("bmap: out of range");
  struct buf *b = bread(ip->disk.addrs[NDIRECT]);
  uint block = ((uint *)b->data)[n - NDIRECT];
  brelse(b);
  return block;
}

// Reads up to n bytes at off to dst, a user's address or the kernel's. Returns their number, or -1.
int readi(struct inode *ip, int user_dst, uint64 dst, uint off, uint n) {
  if (off > ip->disk.size || off + n < off)
    return 0;
  if (off + n > ip->disk.size)
    n = ip->disk.size - off;

  uint got = 0;
  while (got < n) {
    uint at = (off + got) % BSIZE;
    uint size = n - got < BSIZE - at ? n - got : BSIZE - at;
    struct buf *b = bread(bmap(ip, (off + got) / BSIZE));
    int result = 0;
    if (user_dst)
      result = copyout(myproc()->pagetable, dst + got, b->data + at, size);
    else
      memmove((char *)dst + got, b->data + at, size);
    brelse(b);
    if (result < 0)
      return -1;
    got += size;
  }
  return n;
}

// Replaces ip, a directory, by its entry of that name. 0, or -1 if there is none.
static int dirlookup(struct inode *ip, char *name) {
  if (ip->disk.type != T_DIR)
    return -1;
  struct dirent entry;
  for (uint off = 0; off < ip->disk.size; off += sizeof(entry)) {
    if (readi(ip, 0, (uint64)&entry, off, sizeof(entry)) != sizeof(entry))
      return -1;
    if (entry.inum != 0 && strncmp(entry.name, name, DIRSIZ) == 0)
      return iget(entry.inum, ip);
  }
  return -1;
}

// The inode of a path. 0, or -1 if there is none.
int namei(char *path, struct inode *ip) {
  if (iget(ROOTINO, ip) < 0)
    return -1;
  for (;;) {
    while (*path == '/')
      path++;
    if (*path == 0)
      return 0;
    char name[DIRSIZ] = {0};
    for (int i = 0; *path != 0 && *path != '/'; i++, path++) {
      if (i < DIRSIZ)
        name[i] = *path;
    }
    if (dirlookup(ip, name) < 0)
      return -1;
  }
}
