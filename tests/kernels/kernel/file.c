// Open files: pipes, files of the disk, the console.

#include "types.h"
#include "defs.h"
#include "file.h"
#include "proc.h"

static struct {
  struct spinlock lock;  // guards every ref
  struct file file[NFILE];
} ftable;  // all zero is right: an unlocked lock, files that are not open

// A file with one reference, or null.
struct file *filealloc(void) {
  struct file *found = 0;
  acquire(&ftable.lock);
  for (struct file *f = ftable.file; f < &ftable.file[NFILE] && !found; f++) {
    if (f->ref == 0) {
      f->ref = 1;
      found = f;
    }
  }
  release(&ftable.lock);
  return found;
}

struct file *filedup(struct file *f) {
  acquire(&ftable.lock);
  if (f->ref < 1)
    panic("filedup");
  f->ref++;
  release(&ftable.lock);
  return f;
}

// Drops a reference, and closes the file if it was the last.
void fileclose(struct file *f) {
  struct pipe *pipe = 0;
  acquire(&ftable.lock);
  if (f->ref < 1)
    panic("fileclose");
  int writable = f->writable;
  if (--f->ref == 0) {
    if (f->type == FD_PIPE)
      pipe = f->pipe;
    f->type = FD_NONE;
  }
  release(&ftable.lock);
  if (pipe)
    pipeclose(pipe, writable);
}

// Writes what stat() tells to user address addr. 0, or -1.
int filestat(struct file *f, uint64 addr) {
  if (f->type != FD_INODE && f->type != FD_DEVICE)
    return -1;
  struct inode *ip = &f->inode;
  struct stat st = {1, ip->inum, ip->disk.type, ip->disk.nlink, ip->disk.size};
  return copyout(myproc()->pagetable, addr, (char *)&st, sizeof(st));
}

int fileread(struct file *f, uint64 addr, int n) {
  if (!f->readable || n < 0)
    return -1;
  if (f->type == FD_PIPE)
    return piperead(f->pipe, addr, n);
  if (f->type == FD_DEVICE)
    return consoleread(addr, n);
  int got = readi(&f->inode, 1, addr, f->off, n);
  if (got > 0)
    f->off += got;
  return got;
}

int filewrite(struct file *f, uint64 addr, int n) {
  if (!f->writable || n < 0)
    return -1;
  if (f->type == FD_PIPE)
    return pipewrite(f->pipe, addr, n);
  if (f->type == FD_DEVICE)
    return consolewrite(addr, n);
  return -1;
}
