// Memory: sbrk up and down, and what happens when there is none left.

#include "check.h"

static struct page data[2] = {{"data"}};

static void sbrk_up_and_down(void) {
  char *start = sbrk(0);
  CHECK(sbrk(10) == start && sbrk(PGSIZE) == start + 10 && sbrk(0) == start + 10 + PGSIZE);
  fill(start, PGSIZE + 10, 1);
  CHECK(sbrk(-20) == start + PGSIZE + 10);  // from the second page into the first
  CHECK(filled(start, PGSIZE - 10, 1));
  CHECK(sbrk(30) == start + PGSIZE - 10);
  CHECK(filled(start, PGSIZE - 10, 1));
  for (int i = PGSIZE; i < PGSIZE + 20; i++)
    CHECK(start[i] == 0);  // a new page
  CHECK(sbrk(-PGSIZE - 20) == start + PGSIZE + 20 && sbrk(0) == start);

  CHECK(sbrk(0x7fffffff) == (char *)-1);
  CHECK(sbrk(-0x7fffffff) == (char *)-1);
  CHECK(sbrk((int)0x80000000) == (char *)-1);
  CHECK(sbrk(0) == start);
}

static void sbrk_and_fork(void) {
  char *start = sbrk(5 * PGSIZE + 1);  // a sixth page
  fill(start, 5 * PGSIZE + 1, 3);
  int pid = spawn();
  if (pid == 0) {
    CHECK(filled(start, 5 * PGSIZE + 1, 3));
    CHECK(sbrk(-3 * PGSIZE) == start + 5 * PGSIZE + 1);
    CHECK(filled(start, 2 * PGSIZE + 1, 3));
    fill(start, 2 * PGSIZE, 4);
    CHECK(sbrk(3 * PGSIZE) == start + 2 * PGSIZE + 1);
    CHECK(start[4 * PGSIZE] == 0);
    int child = spawn();
    if (child == 0) {
      CHECK(sbrk(-3 * PGSIZE) != (char *)-1);
      start[2 * PGSIZE] = 1;
      start[3 * PGSIZE] = 1;  // given back
      exit(0);
    }
    CHECK(status_of(child) == -1);
    exit(0);
  }
  CHECK(status_of(pid) == 0);
  CHECK(filled(start, 5 * PGSIZE + 1, 3));
  sbrk(-5 * PGSIZE - 1);
}

// Pages that come when they are used, by the process or by the kernel for it: none of this tells whether they do.
static void sbrk_lazily(void) {
  char byte = 1;
  int fds[2];
  CHECK(pipe(fds) == 0);
  char *start = sbrklazy(20 * PGSIZE);
  CHECK(start != (char *)-1);
  CHECK(start[0] == 0);
  start[PGSIZE] = 1;
  CHECK(write(fds[1], start + 3 * PGSIZE - 2, 4) == 4);
  CHECK(read(fds[0], start + 5 * PGSIZE - 2, 4) == 4);
  CHECK(open(start + 6 * PGSIZE, O_RDONLY) >= 0);  // an empty path: the root
  int pid = spawn();
  if (pid == 0) {
    fill(start, 10 * PGSIZE, 1);
    CHECK(start[11 * PGSIZE] == 0 && sbrk(-2 * PGSIZE) == start + 20 * PGSIZE);
    pid = spawn();
    if (pid == 0) {
      start[18 * PGSIZE] = 1;  // given back
      exit(0);
    }
    CHECK(status_of(pid) == -1);
    exit(0);
  }
  CHECK(status_of(pid) == 0);
  CHECK(start[1] == 0 && start[PGSIZE] == 1 && start[9 * PGSIZE] == 0);
  start[18 * PGSIZE] = 1;
  sbrk(-20 * PGSIZE);

  start = sbrklazy(1 << 30);
  if (start == (char *)-1)
    return;  // this kernel gives them at once
  start[0] = start[(1 << 30) - 1] = 5;
  CHECK(write(fds[1], start + (1 << 29), 1) == 1 && read(fds[0], &byte, 1) == 1 && byte == 0);
  pid = spawn_hungry();
  if (pid == 0) {
    for (int i = 0; i < 1 << 30; i += PGSIZE)
      start[i] = 1;  // until memory is out
    exit(0);
  }
  CHECK(status_of(pid) == -1);
  CHECK(start[0] == 5 && start[PGSIZE] == 0);
}

// All user memory is given back, the running program's own too: it can only be killed.
static void sbrk_to_nothing(void) {
  int pid = spawn();
  if (pid == 0) {
    sbrk(-(int)(uint64)sbrk(0));
    exit(0);
  }
  CHECK(status_of(pid) == -1);
}

static void no_memory_for_sbrk(void) {
  char *start = sbrk(0);
  int bytes = take_all_memory();
  CHECK(sbrk(PGSIZE) == (char *)-1 && sbrk(10 * PGSIZE) == (char *)-1);
  CHECK(sbrk(0) == start + bytes);
  sbrk(-bytes);
  for (int pages = 1; pages < 200; pages++) {  // fails at each step, and gives all back
    CHECK(sbrk(bytes - pages * PGSIZE) != (char *)-1);
    CHECK(sbrk((pages + 1) * PGSIZE) == (char *)-1);
    CHECK(sbrk(-(bytes - pages * PGSIZE)) != (char *)-1);
    pages += pages / 2 + 40;
  }
}

// fork() or pipe() with few pages left: it fails until it can be done, and leaves the process whole.
static void few_pages(int (*call)(void), int most) {
  char *heap = sbrk(3 * PGSIZE);
  int failures = 0;
  fill(heap, 3 * PGSIZE, 0);
  fill(data[0].bytes, sizeof(data), 0);
  int bytes = take_all_memory();
  for (int pages = 0; call() < 0; failures++) {
    CHECK(pages < most);
    CHECK(filled(heap, 3 * PGSIZE, failures));
    fill(heap, 3 * PGSIZE, failures + 1);
    fill(data[0].bytes, sizeof(data), failures);
    for (uint64 at = 1 << 21; at < (uint64)sbrk(0); at += 1 << 21)
      *(char *)at = failures;  // the first page of a page table: fork() failed at one of those
    int more = pages < 10 ? 1 : 9;
    CHECK(sbrk(-more * PGSIZE) != (char *)-1);
    bytes -= more * PGSIZE;
    pages += more;
  }
  CHECK(failures > 0);
  CHECK(filled(heap, 3 * PGSIZE, failures));
  sbrk(-bytes);
}

// Forks a child that ends at once, and waits for it: without a store in between, for which there may be no page.
static int fork_and_wait(void) {
  register long result asm("a0");
  asm volatile(
      "li a7, 1\n ecall\n bltz a0, 1f\n bnez a0, 2f\n"
      "li a7, 2\n li a0, 0\n ecall\n"
      "2: li a7, 3\n li a0, 0\n ecall\n"
      "1:"
      : "=r"(result)::"a7", "memory");
  return result;
}

static int open_pipe(void) {
  static int fds[2];
  if (pipe(fds) < 0)
    return -1;
  close(fds[0]);
  close(fds[1]);
  return 0;
}

static void no_memory_for_fork(void) {
  if (!fork_copies())
    few_pages(fork_and_wait, 200);  // one for each two MiB, and those of the child itself
}

static void no_memory_for_pipe(void) { few_pages(open_pipe, 2); }

// exec() does not return where it succeeds: the child that has tried tells by its status.
static void no_memory_for_exec(void) {
  char *argv[] = {"init", "status", "four", "argument", 0};
  int pid = spawn_hungry();
  if (pid == 0) {
    take_all_memory();
    for (int pages = 0; pages < 60; pages++) {
      CHECK(exec("/init", argv) == -1);
      sbrk(-PGSIZE);
    }
    exit(1);
  }
  CHECK(status_of(pid) == 4);
}

// A child that shares `data` waits until the parent has taken all memory, and then runs `with_none`. Returns the
// child's status. The stacks are not shared any more by then.
static int without_memory(void (*with_none)(int pipe)) {
  int go[2], ready[2];
  volatile int status = 1, ended = 0, c = 0;
  CHECK(pipe(go) == 0 && pipe(ready) == 0);
  fill(data[0].bytes, sizeof(data), 1);
  int pid = spawn();
  if (pid == 0) {
    c = 1;
    CHECK(write(ready[1], "x", 1) == 1);
    CHECK(read(go[0], (void *)&c, 1) == 1);
    with_none(go[0]);
    exit(0);
  }
  CHECK(read(ready[0], (void *)&c, 1) == 1);
  int bytes = take_all_memory();
  CHECK(write(go[1], "go12345", 7) == 7);
  ended = wait((int *)&status);
  sbrk(-bytes);
  CHECK(ended == pid);
  CHECK(filled(data[0].bytes, sizeof(data), 1));
  return status;
}

static void store(int pipe) { data[0].bytes[0] = pipe; }

static void no_memory_for_store(void) { CHECK(without_memory(store) == (fork_copies() ? 0 : -1)); }

static void receive(int pipe) {
  if (read(pipe, data[1].bytes - 2, 4) != -1 && read(pipe, data[0].bytes, 4) != -1)
    exit(1);
  if (!filled(data[0].bytes, sizeof(data), 1))
    exit(2);
  exit(7);
}

static void no_memory_for_read(void) {
  CHECK(without_memory(receive) == (fork_copies() ? 1 : 7));
}

// wait() cannot write the status: it fails, and the child is still there afterwards.
static void no_memory_for_wait(void) {
  int go[2], ready[2];
  volatile int c = 0, result = 0, status = 0;
  if (fork_copies())
    return;
  CHECK(pipe(go) == 0 && pipe(ready) == 0);
  fill(data[0].bytes, sizeof(data), 1);
  int pid = spawn();
  if (pid == 0) {
    int child = spawn();
    if (child == 0) {
      CHECK(write(ready[1], "x", 1) == 1);
      exit(5);
    }
    c = 1;
    CHECK(write(ready[1], "x", 1) == 1);
    CHECK(read(go[0], (void *)&c, 1) == 1);
    result = wait((int *)data[0].bytes);
    CHECK(write(ready[1], "x", 1) == 1);
    CHECK(read(go[0], (void *)&c, 1) == 1);
    CHECK(result == -1);
    CHECK(wait((int *)&status) == child && status == 5);
    exit(7);
  }
  CHECK(read(ready[0], (void *)&c, 1) == 1);
  CHECK(read(ready[0], (void *)&c, 1) == 1);
  int bytes = take_all_memory();
  CHECK(write(go[1], "x", 1) == 1);
  CHECK(read(ready[0], (void *)&c, 1) == 1);
  sbrk(-bytes);
  CHECK(write(go[1], "x", 1) == 1);
  CHECK(status_of(pid) == 7);
  CHECK(filled(data[0].bytes, sizeof(data), 1));
}

const struct test memory_tests[] = {
    {"sbrk_up_and_down", sbrk_up_and_down},
    {"sbrk_and_fork", sbrk_and_fork},
    {"sbrk_lazily", sbrk_lazily},
    {"sbrk_to_nothing", sbrk_to_nothing},
    {"no_memory_for_sbrk", no_memory_for_sbrk},
    {"no_memory_for_fork", no_memory_for_fork},
    {"no_memory_for_pipe", no_memory_for_pipe},
    {"no_memory_for_exec", no_memory_for_exec},
    {"no_memory_for_store", no_memory_for_store},
    {"no_memory_for_read", no_memory_for_read},
    {"no_memory_for_wait", no_memory_for_wait},
    {0, 0},
};
