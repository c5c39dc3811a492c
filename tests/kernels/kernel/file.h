// Open files, pipes, and the on-disk formats: xv6's file system and ELF.

#pragma once
#include "spinlock.h"

#define BSIZE 1024
#define ROOTINO 1
#define NDIRECT 12
#define NINDIRECT (BSIZE / sizeof(uint))
#define FSMAGIC 0x10203040
#define DIRSIZ 14

struct superblock {  // block 1
  uint magic;
  uint size;  // all of these in blocks, but ninodes
  uint nblocks;
  uint ninodes;
  uint nlog;
  uint logstart;
  uint inodestart;
  uint bmapstart;
};

enum { T_DIR = 1, T_FILE = 2, T_DEVICE = 3 };

struct dinode {
  short type;
  short major;
  short minor;
  short nlink;
  uint size;
  uint addrs[NDIRECT + 1];
};

struct dirent {
  ushort inum;
  char name[DIRSIZ];
};

struct stat {
  int dev;
  uint ino;
  short type;
  short nlink;
  uint64 size;
};

// The file system is read-only, so an inode is a value: a copy of what is on disk.
struct inode {
  uint inum;
  struct dinode disk;
};

#define PIPESIZE 512

struct pipe {
  struct spinlock lock;
  char data[PIPESIZE];
  uint nread;
  uint nwrite;
  int readopen;
  int writeopen;
};

struct file {
  enum { FD_NONE, FD_PIPE, FD_INODE, FD_DEVICE } type;
  int ref;
  char readable;
  char writable;
  struct pipe *pipe;
  struct inode inode;
  uint off;
};

#define O_WRONLY 1
#define O_RDWR 2
#define O_CREATE 0x200
#define O_TRUNC 0x400

#define ELF_MAGIC 0x464C457FU
#define ELF_PROG_LOAD 1
#define ELF_PROG_FLAG_EXEC 1
#define ELF_PROG_FLAG_WRITE 2

struct elfhdr {
  uint magic;
  uchar elf[12];
  ushort type;
  ushort machine;
  uint version;
  uint64 entry;
  uint64 phoff;
  uint64 shoff;
  uint flags;
  ushort ehsize;
  ushort phentsize;
  ushort phnum;
  ushort shentsize;
  ushort shnum;
  ushort shstrndx;
};

struct proghdr {
  uint type;
  uint flags;
  uint64 off;
  uint64 vaddr;
  uint64 paddr;
  uint64 filesz;
  uint64 memsz;
  uint64 align;
};
