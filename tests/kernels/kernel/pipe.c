// Pipes, each in a page from kalloc().

#include "types.h"
#include "defs.h"
#include "file.h"
#include "proc.h"

// Two files, one to read from and one to write to. 0, or -1.
int pipealloc(struct file **f0, struct file **f1) {
  struct pipe *pi = kalloc();
  *f0 = filealloc();
  *f1 = filealloc();
  if (pi == 0 || *f0 == 0 || *f1 == 0) {
    if (pi)
      kfree(pi);
    if (*f0)
      fileclose(*f0);
    if (*f1)
      fileclose(*f1);
    return -1;
  }

  pi->readopen = 1;
  pi->writeopen = 1;
  pi->nread = 0;
  pi->nwrite = 0;
  initlock(&pi->lock, "pipe");
  (*f0)->type = (*f1)->type = FD_PIPE;
  (*f0)->pipe = (*f1)->pipe = pi;
  (*f0)->readable = (*f1)->writable = 1;
  (*f0)->writable = (*f1)->readable = 0;
  return 0;
}

void pipeclose(struct pipe *pi, int writable) {
  acquire(&pi->lock);
  if (writable) {
    pi->writeopen = 0;
    wakeup(&pi->nread);
  } else {
    pi->readopen = 0;
    wakeup(&pi->nwrite);
  }
  int unused = !pi->readopen && !pi->writeopen;
  release(&pi->lock);
  if (unused)
    kfree(pi);
}

// Writes n bytes from user address addr. Returns how many there were to read from there, or -1.
int pipewrite(struct pipe *pi, uint64 addr, int n) {
  struct proc *p = myproc();
  int done = 0;
  acquire(&pi->lock);
  while (done < n) {
    if (!pi->readopen || killed(p)) {
      release(&pi->lock);
      return -1;
    }
    if (pi->nwrite - pi->nread == PIPESIZE) {
      wakeup(&pi->nread);
      sleep(&pi->nwrite, &pi->lock);
      continue;
    }
    char c;
    if (copyin(p->pagetable, &c, addr + done, 1) == -1)
      break;
    pi->data[pi->nwrite++ % PIPESIZE] = c;
    done++;
  }
  wakeup(&pi->nread);
  release(&pi->lock);
  return done;
}

// Reads up to n bytes to user address addr, as soon as there are any. Returns their number, 0 at the end, or -1.
int piperead(struct pipe *pi, uint64 addr, int n) {
  struct proc *p = myproc();
  acquire(&pi->lock);
  while (pi->nread == pi->nwrite && pi->writeopen) {
    if (killed(p)) {
      release(&pi->lock);
      return -1;
    }
    sleep(&pi->nread, &pi->lock);
  }
  int got = 0;
  while (got < n && pi->nread != pi->nwrite) {
    char c = pi->data[pi->nread % PIPESIZE];
    if (copyout(p->pagetable, addr + got, &c, 1) == -1) {
      if (got == 0)
        got = -1;
      break;
    }
    pi->nread++;
    got++;
  }
  wakeup(&pi->nwrite);
  release(&pi->lock);
  return got;
}
