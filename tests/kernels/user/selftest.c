// The kernel's self test, run as /init: every test in a process of its own, and the free pages counted after every
// group of tests. With arguments it is what one of the tests asks exec() for.

#include "check.h"

#ifndef ONLY
#define ONLY ""  // the name of a test: to run only that one
#endif

void failed(const char *file, int line, const char *condition) {
  printf("%s:%d: does not hold: %s (pid %d)\n", file, line, condition, getpid());
  exit(1);
}

int spawn(void) {
  int pid = fork();
  CHECK(pid >= 0);
  return pid;
}

int spawn_hungry(void) {
  int go[2];
  CHECK(pipe(go) == 0);
  int pid = spawn();
  volatile char c = 'x';  // a store to the stack
  if (pid == 0)
    CHECK(read(go[0], (void *)&c, 1) == 1);
  else
    CHECK(write(go[1], (void *)&c, 1) == 1);
  close(go[0]);
  close(go[1]);
  return pid;
}

int status_of(int pid) {
  int status = 12345;
  int ended = wait(&status);
  CHECK(ended > 0);
  CHECK(pid == 0 || ended == pid);
  return status;
}

int all_writable(void) {
  static volatile uint data;
  int pid = spawn();
  if (pid == 0) {
    data = 0x00008067;  // the instruction `ret`, where only such a kernel would run it
    asm volatile("fence.i" ::: "memory");
    ((void (*)(void))&data)();
    exit(0);
  }
  return status_of(pid) == 0;
}

int fork_copies(void) {
  int pid = spawn_hungry();
  if (pid == 0) {
    int bytes = take_all_memory();
    sbrk(-bytes / 3 / PGSIZE * PGSIZE);
    pid = fork();
    if (pid == 0)
      exit(0);
    exit(pid < 0 ? 1 : status_of(pid));
  }
  return status_of(pid);
}

int take_all_memory(void) {
  int bytes = 0;
  for (int step = 1 << 20; step >= PGSIZE; step /= 2) {
    while (sbrk(step) != (char *)-1)
      bytes += step;
  }
  return bytes;
}

void fill(char *at, int n, int seed) {
  for (int i = 0; i < n; i++)
    at[i] = seed + i * 7 + i / 256;
}

int filled(const char *at, int n, int seed) {
  for (int i = 0; i < n; i++) {
    if (at[i] != (char)(seed + i * 7 + i / 256))
      return 0;
  }
  return 1;
}

// How many pages a process can get.
static int free_pages(void) {
  int pid = spawn_hungry();
  if (pid == 0)
    exit(take_all_memory() / PGSIZE);
  return status_of(pid);
}

// Runs a test, and reaps all it leaves behind.
static int passes(const struct test *test) {
  int pid = spawn_hungry();
  if (pid == 0) {
    test->run();
    exit(0);
  }
  int ended, status, result = -1;
  while ((ended = wait(&status)) > 0) {
    if (ended == pid)
      result = status;
  }
  printf("%s: %s\n", test->name, result != 0 ? "FAILED" : "ok");
  return result == 0;
}

// Are there as many free pages as at the start?
static int none_lost(int pages) {
  int now = free_pages();
  if (now != pages)
    printf("LOST PAGES: %d free pages at the start, %d now\n", pages, now);
  return now == pages;
}

// exec() has been called by a test: with "status <letters> <arguments>" it ends with the number of letters, if the
// arguments are n times "argument".
static int called_by_exec(int argc, char **argv) {
  CHECK(argc >= 3 && strcmp(argv[1], "status") == 0 && argv[argc] == 0);
  for (int i = 3; i < argc; i++)
    CHECK(strcmp(argv[i], "argument") == 0);
  return strlen(argv[2]);
}

int main(int argc, char **argv) {
  static const struct test *const groups[] = {share_tests,   fault_tests,  memory_tests,
                                              process_tests, stress_tests, asked_for_tests};
  int failures = 0, pages;
  if (argc > 1)
    exit(called_by_exec(argc, argv));

  mknod("console", 1, 0);
  CHECK(open("console", O_RDWR) == 0 && dup(0) == 1 && dup(0) == 2);
  pages = free_pages();
  for (uint i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
    int ran = 0;
    for (const struct test *test = groups[i]; test->name; test++) {
      if (ONLY[0] ? strcmp(ONLY, test->name) != 0 : groups[i] == asked_for_tests)
        continue;
      failures += !passes(test);
      ran = 1;
    }
    failures += ran && !none_lost(pages);
  }
  if (failures)
    printf("%d TESTS FAILED\n", failures);
  else
    printf("ALL TESTS PASSED\n");
  for (;;)
    wait(0);
}
