// exec(): another program for the process, from an ELF file.

#include "types.h"
#include "defs.h"
#include "file.h"
#include "memlayout.h"
#include "proc.h"

// A segment's permissions; it can always be read.
static int flags2perm(uint flags) {
  if (VARIANT(NO_MARK))
    return PTE_X | PTE_W;  // as until 2021
  int perm = 0;
  if (flags & ELF_PROG_FLAG_EXEC)
    perm |= PTE_X;
  if (flags & ELF_PROG_FLAG_WRITE)
    perm |= PTE_W;
  return perm;
}

// Reads size bytes of the file to va, which is mapped and starts a page. 0, or -1.
static int loadseg(pagetable_t pagetable, uint64 va, struct inode *ip, uint off, uint size) {
  for (uint at = 0; at < size; at += PGSIZE) {
    uint64 pa = walkaddr(pagetable, va + at);
    if (pa == 0)
      panic("loadseg: address should exist");
    uint n = size - at < PGSIZE ? size - at : PGSIZE;
    if (readi(ip, 0, pa, off + at, n) != (int)n)
      return -1;
  }
  return 0;
}

// Loads the segments of an ELF file into an empty page table. 0, or -1; *sz is what has been mapped, in either case.
static int load(pagetable_t pagetable, struct inode *ip, uint64 *sz, uint64 *entry) {
  struct elfhdr elf;
  struct proghdr ph;
  if (readi(ip, 0, (uint64)&elf, 0, sizeof(elf)) != sizeof(elf) || elf.magic != ELF_MAGIC)
    return -1;

  for (int i = 0; i < elf.phnum; i++) {
    if (readi(ip, 0, (uint64)&ph, elf.phoff + i * sizeof(ph), sizeof(ph)) != sizeof(ph))
      return -1;
    if (ph.type != ELF_PROG_LOAD)
      continue;
    uint64 top = ph.vaddr + ph.memsz;
    if (ph.memsz < ph.filesz || top < ph.vaddr || top > TRAPFRAME || ph.vaddr % PGSIZE != 0)
      return -1;
    uint64 grown = uvmalloc(pagetable, *sz, top, flags2perm(ph.flags));
    if (grown == 0 && top > *sz)
      return -1;
    *sz = grown;
    if (loadseg(pagetable, ph.vaddr, ip, ph.off, ph.filesz) < 0)
      return -1;
  }
  *entry = elf.entry;
  return 0;
}

// Puts the arguments and then argv[] on the stack. Returns argc, or -1.
static int pushargs(pagetable_t pagetable, char **argv, uint64 *sp, uint64 stackbase) {
  uint64 ustack[MAXARG + 1];
  int argc;
  for (argc = 0; argv[argc]; argc++) {
    if (argc >= MAXARG)
      return -1;
    int size = strlen(argv[argc]) + 1;
    *sp = (*sp - size) & ~15L;  // the ABI's alignment
    if (*sp < stackbase || copyout(pagetable, *sp, argv[argc], size) < 0)
      return -1;
    ustack[argc] = *sp;
  }
  ustack[argc] = 0;

  uint64 size = (argc + 1) * sizeof(uint64);
  *sp = (*sp - size) & ~15L;
  if (*sp < stackbase || copyout(pagetable, *sp, (char *)ustack, size) < 0)
    return -1;
  return argc;
}

// Replaces the process's program. Returns argc, which the new program finds in a0, or -1 in the old one.
int exec(char *path, char **argv) {
  struct proc *p = myproc();
  struct inode inode;
  uint64 entry, sz = 0;
  pagetable_t pagetable = 0;
  if (namei(path, &inode) < 0 || (pagetable = proc_pagetable(p)) == 0)
    return -1;
  if (load(pagetable, &inode, &sz, &entry) < 0)
    goto bad;

  // A guard page, which the user cannot access, and the stack above it.
  sz = PGROUNDUP(sz);
  uint64 top = uvmalloc(pagetable, sz, sz + (1 + USERSTACK) * PGSIZE, PTE_W | (VARIANT(NO_MARK) ? PTE_X : 0));
  if (top == 0)
    goto bad;
  sz = top;
  uvmclear(pagetable, sz - (1 + USERSTACK) * PGSIZE);
  uint64 sp = sz;
  int argc = pushargs(pagetable, argv, &sp, sp - USERSTACK * PGSIZE);
  if (argc < 0)
    goto bad;

  char *name = path;
  for (char *s = path; *s; s++) {
    if (*s == '/')
      name = s + 1;
  }
  safestrcpy(p->name, name, sizeof(p->name));

  pagetable_t old = p->pagetable;
  uint64 oldsz = p->sz;
  p->pagetable = pagetable;
  p->sz = sz;
  p->trapframe->epc = entry;
  p->trapframe->sp = sp;
  p->trapframe->a1 = sp;  // argv
  proc_freepagetable(old, oldsz);
  return argc;

bad:
  proc_freepagetable(pagetable, sz);
  return -1;
}
