// The integer types and the sizes of the kernel's tables.

#pragma once
#include "flags.h"

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned int uint32;
typedef unsigned long uint64;

typedef uint64 pte_t;
typedef uint64 *pagetable_t;  // 512 entries

#if BUG(COUNT_8BIT)
#define NPROC 300  // more processes than an 8-bit count can count
#else
#define NPROC 64
#endif
#define NCPU 8
#define NOFILE 16     // open files of a process
#define NFILE 100     // open files of all processes
#define MAXARG 32     // arguments of exec
#define MAXPATH 128   // bytes of a path, its 0 included
#define USERSTACK 1   // pages
#define CONSOLE 1     // the console's major device number
