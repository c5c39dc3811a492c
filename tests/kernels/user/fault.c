// Faults: who touches what is not his is killed, and alone; a system call that is given it fails.

#include "check.h"

static struct page data[2] = {{"data"}};

// Addresses that no process may use: kernel, trapframe, trampoline, and beyond.
static const uint64 foreign[] = {
    0x10000000,   0x80000000,   0x87fffff8,         MAXVA - 2 * PGSIZE,  MAXVA - PGSIZE,
    MAXVA - 8,    MAXVA,        MAXVA + PGSIZE,     MAXVA * 2,           1UL << 39,
    1UL << 56,    1UL << 63,    0xffffffff80000000, 0xfffffffffffff000,  0xfffffffffffffff8,
};
#define FOREIGN (sizeof(foreign) / sizeof(foreign[0]))

enum access { LOAD, STORE, JUMP };

// Does a process that makes this access live?
static int survives(enum access access, uint64 address) {
  int pid = spawn();
  if (pid == 0) {
    if (access == LOAD)
      (void)*(volatile char *)address;
    else if (access == STORE)
      *(volatile char *)address = 1;
    else
      ((void (*)(void))address)();
    exit(0);
  }
  int status = status_of(pid);
  CHECK(status == 0 || status == -1);
  return status == 0;
}

// The stack's guard page is the page below the one that is in use.
static uint64 guard(void) { return ((uint64)__builtin_frame_address(0) & ~(PGSIZE - 1UL)) - PGSIZE; }

static void killed_for_access(void) {
  for (uint i = 0; i < FOREIGN; i++) {
    CHECK(!survives(LOAD, foreign[i]));
    CHECK(!survives(STORE, foreign[i]));
    CHECK(!survives(JUMP, foreign[i] & ~7UL));
  }
  CHECK(!survives(LOAD, guard()));
  CHECK(!survives(STORE, guard()));
  CHECK(!survives(STORE, guard() + PGSIZE - 1));
  CHECK(!survives(STORE, (uint64)sbrk(0)));
  CHECK(!survives(STORE, (uint64)sbrk(0) + (1 << 30)));
  CHECK(survives(STORE, (uint64)data));
  CHECK(survives(STORE, guard() + PGSIZE));
}

// The stack grows into the guard page.
static void recurse(volatile char *above) {
  volatile char frame[128];
  frame[0] = 1;
  if (above[0])
    recurse(frame);
  frame[1] = frame[0];
}

static void stack_overflow(void) {
  for (int forked = 0; forked < 2; forked++) {
    int pid = spawn();
    if (pid == 0) {
      if (forked && (pid = spawn()) != 0)
        exit(status_of(pid));
      recurse("deeper");
    }
    CHECK(status_of(pid) == -1);
  }
}

// Text is nobody's to write, forked or not, by a store or by the kernel.
static void text_is_read_only(void) {
  if (all_writable())
    return;
  char *text = (char *)((uint64)stack_overflow & ~15UL);
  char before = *text;
  int fds[2];
  CHECK(pipe(fds) == 0);
  CHECK(write(fds[1], "\0\0\0\0", 4) == 4);
  for (int generation = 0; generation < 3; generation++) {
    CHECK(!survives(STORE, (uint64)text));
    CHECK(read(fds[0], text, 4) == -1);
    CHECK(*text == before);
    int pid = spawn();
    if (pid != 0) {
      CHECK(status_of(pid) == 0);
      CHECK(*text == before);
      exit(0);
    }
  }
  CHECK(!survives(JUMP, (uint64)data));
}

// System calls with addresses that are not the caller's.
static void foreign_arguments(void) {
  char byte = 'x';
  int fds[2];
  CHECK(pipe(fds) == 0);
  CHECK(write(fds[1], "12345678", 8) == 8);
  int file = open("/init", O_RDONLY);
  CHECK(file >= 0);

  for (uint i = 0; i < FOREIGN + 2; i++) {
    uint64 address = i < FOREIGN ? foreign[i] : i == FOREIGN ? guard() + 16 : (uint64)sbrk(0);
    char *argv[] = {"init", (char *)address, 0};
    CHECK(read(fds[0], (void *)address, 8) == -1);
    CHECK(read(file, (void *)address, 8) == -1);
    CHECK(write(fds[1], (void *)address, 8) <= 0);
    CHECK(write(1, (void *)address, 8) <= 0);
    CHECK(pipe((int *)address) == -1);
    CHECK(fstat(file, (struct stat *)address) == -1);
    CHECK(open((char *)address, O_RDONLY) == -1);
    CHECK(exec((char *)address, argv) == -1);
    CHECK(exec("/init", (char **)address) == -1);
    CHECK(exec("/init", argv) == -1);
    CHECK(mknod((char *)address, 1, 0) == -1);

    int pid = spawn();
    if (pid == 0)
      exit(0);
    CHECK(wait((int *)address) == -1);  // and the child is still there
    CHECK(status_of(pid) == 0);
  }

  // Half of it is the caller's.
  char *top = sbrk(0);
  CHECK(((uint64)top % PGSIZE) == 0);
  CHECK(pipe((int *)(top - 4)) == -1);
  CHECK(read(file, top - 4, 8) == -1);
  CHECK(read(fds[0], &byte, 1) == 1 && byte == '1');
}

// The same in a child, whose pages are shared.
static void foreign_arguments_forked(void) {
  int pid = spawn();
  if (pid == 0) {
    foreign_arguments();
    exit(0);
  }
  CHECK(status_of(pid) == 0);
}

static void wrong_numbers(void) {
  CHECK(unknown() == -1);
  CHECK(read(-1, data, 1) == -1 && read(16, data, 1) == -1 && read(9, data, 1) == -1);
  CHECK(write(100, data, 1) == -1 && close(7) == -1 && dup(5) == -1);
  CHECK(write(1, data, -1) == -1 && read(1, data, -1) == -1);
  CHECK(kill(0) == -1 && kill(-1) == -1 && kill(30000) == -1);
  CHECK(open("/none", O_RDONLY) == -1 && open("/init/none", O_RDONLY) == -1);
  CHECK(exec("/none", (char *[]){"none", 0}) == -1 && exec("/", (char *[]){"/", 0}) == -1);
  CHECK(wait(0) == -1);
}

const struct test fault_tests[] = {
    {"killed_for_access", killed_for_access},
    {"stack_overflow", stack_overflow},
    {"text_is_read_only", text_is_read_only},
    {"foreign_arguments", foreign_arguments},
    {"foreign_arguments_forked", foreign_arguments_forked},
    {"wrong_numbers", wrong_numbers},
    {0, 0},
};
