// System calls about files.

#include "types.h"
#include "defs.h"
#include "file.h"
#include "proc.h"

// The file of descriptor fd, or null.
static struct file *fdfile(int fd) { return fd < 0 || fd >= NOFILE ? 0 : myproc()->ofile[fd]; }

// The lowest descriptor that is free, now f's. -1 if there is none.
static int fdalloc(struct file *f) {
  struct proc *p = myproc();
  for (int fd = 0; fd < NOFILE; fd++) {
    if (p->ofile[fd] == 0) {
      p->ofile[fd] = f;
      return fd;
    }
  }
  return -1;
}

uint64 sys_dup(void) {
  struct file *f = fdfile(argint(0));
  int fd;
  if (f == 0 || (fd = fdalloc(f)) < 0)
    return -1;
  filedup(f);
  return fd;
}

uint64 sys_read(void) {
  struct file *f = fdfile(argint(0));
  return f ? fileread(f, argraw(1), argint(2)) : -1;
}

uint64 sys_write(void) {
  struct file *f = fdfile(argint(0));
  return f ? filewrite(f, argraw(1), argint(2)) : -1;
}

uint64 sys_close(void) {
  int fd = argint(0);
  struct file *f = fdfile(fd);
  if (f == 0)
    return -1;
  myproc()->ofile[fd] = 0;
  fileclose(f);
  return 0;
}

uint64 sys_fstat(void) {
  struct file *f = fdfile(argint(0));
  return f ? filestat(f, argraw(1)) : -1;
}

static int is_console(char *path) {
  while (*path == '/')
    path++;
  return strncmp(path, "console", DIRSIZ) == 0;
}

// The console can be opened whether or not the disk has a file for it. Nothing else can be made.
uint64 sys_mknod(void) {
  char path[MAXPATH];
  if (argstr(0, path, MAXPATH) < 0)
    return -1;
  return is_console(path) && argint(1) == CONSOLE ? 0 : -1;
}

uint64 sys_open(void) {
  char path[MAXPATH];
  struct inode inode = {0, {.type = T_DEVICE, .major = CONSOLE, .nlink = 1}};
  int mode = argint(1);
  if (argstr(0, path, MAXPATH) < 0)
    return -1;
  if (!is_console(path)) {
    if (namei(path, &inode) < 0 || (mode & (O_WRONLY | O_RDWR | O_TRUNC)))
      return -1;
    if (inode.disk.type == T_DEVICE && inode.disk.major != CONSOLE)
      return -1;
  }

  struct file *f = filealloc();
  if (f == 0)
    return -1;
  f->type = inode.disk.type == T_DEVICE ? FD_DEVICE : FD_INODE;
  f->inode = inode;
  f->off = 0;
  f->readable = !(mode & O_WRONLY);
  f->writable = (mode & (O_WRONLY | O_RDWR)) != 0;
  int fd = fdalloc(f);
  if (fd < 0)
    fileclose(f);
  return fd;
}

// Writes the two descriptors to user address a0.
uint64 sys_pipe(void) {
  struct proc *p = myproc();
  struct file *rf, *wf;
  int fds[2] = {-1, -1};
  if (pipealloc(&rf, &wf) < 0)
    return -1;
  if ((fds[0] = fdalloc(rf)) < 0 || (fds[1] = fdalloc(wf)) < 0 ||
      copyout(p->pagetable, argraw(0), (char *)fds, sizeof(fds)) < 0) {
    for (int i = 0; i < 2; i++) {
      if (fds[i] >= 0)
        p->ofile[fds[i]] = 0;
    }
    fileclose(rf);
    fileclose(wf);
    return -1;
  }
  return 0;
}

// Fetches the path and the arguments, and gives them to exec().
uint64 sys_exec(void) {
  char path[MAXPATH], *argv[MAXARG] = {0};
  uint64 uargv = argraw(1), uarg;
  uint64 result = -1;
  if (argstr(0, path, MAXPATH) < 0)
    return -1;

  for (int i = 0; i < MAXARG; i++) {
    if (fetchaddr(uargv + i * sizeof(uint64), &uarg) < 0)
      break;
    if (uarg == 0) {
      result = exec(path, argv);
      break;
    }
    if ((argv[i] = kalloc()) == 0 || fetchstr(uarg, argv[i], PGSIZE) < 0)
      break;
  }
  for (int i = 0; i < MAXARG && argv[i]; i++)
    kfree(argv[i]);
  return result;
}
