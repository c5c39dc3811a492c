// What a user program of the tests can call.

#pragma once

#define PGSIZE 4096
#define MAXVA (1L << 38)
#define O_RDONLY 0
#define O_WRONLY 1
#define O_RDWR 2

typedef unsigned char uchar;
typedef unsigned int uint;
typedef unsigned long uint64;

struct stat {
  int dev;
  uint ino;
  short type;
  short nlink;
  uint64 size;
};

int fork(void);
__attribute__((noreturn)) void exit(int);
int wait(int *);
int pipe(int *);
int read(int, void *, int);
int kill(int);
int exec(const char *, char **);
int fstat(int, struct stat *);
int dup(int);
int getpid(void);
char *sbrk(int);
char *sbrklazy(int);
int sleep(int);
int uptime(void);
int open(const char *, int);
int write(int, const void *, int);
int mknod(const char *, short, short);
int close(int);
int unknown(void);

int main(int, char **);
void *memset(void *, int, uint64);
void *memmove(void *, const void *, uint64);
void *memcpy(void *, const void *, uint64);
int strcmp(const char *, const char *);
uint64 strlen(const char *);
void printf(const char *, ...);  // %d %x %p %s
