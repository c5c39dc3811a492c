// Sharing: what one process stores, no other sees, whoever stores it: the process or the kernel for it.

#include "check.h"

static struct page data[4] = {{"data"}};
static struct page zeros[4];

static void write_in_turn(void) {
  char *heap = sbrk(3 * PGSIZE);
  char stack[64];
  fill(data[0].bytes, sizeof(data), 1);
  fill(zeros[0].bytes, sizeof(zeros), 2);
  fill(heap, 3 * PGSIZE, 3);
  fill(stack, sizeof(stack), 4);

  // The parent's, then each descendant's in turn: what came by fork, what was stored, what stays.
  for (int generation = 0; generation < 5; generation++) {
    int pid = spawn();
    if (pid != 0) {
      CHECK(status_of(pid) == 0);
      CHECK(filled(data[0].bytes, sizeof(data), generation + 1));
      CHECK(filled(zeros[0].bytes, sizeof(zeros), generation + 2));
      CHECK(filled(heap, 3 * PGSIZE, generation + 3));
      CHECK(filled(stack, sizeof(stack), generation + 4));
      exit(0);
    }
    CHECK(filled(data[0].bytes, sizeof(data), generation + 1));
    CHECK(filled(zeros[0].bytes, sizeof(zeros), generation + 2));
    CHECK(filled(heap, 3 * PGSIZE, generation + 3));
    CHECK(filled(stack, sizeof(stack), generation + 4));
    fill(data[0].bytes, sizeof(data), generation + 2);
    fill(zeros[0].bytes, sizeof(zeros), generation + 3);
    fill(heap, 3 * PGSIZE, generation + 4);
    fill(stack, sizeof(stack), generation + 5);
  }
}

static void write_in_parent(void) {
  int fds[2];
  CHECK(pipe(fds) == 0);
  fill(data[0].bytes, sizeof(data), 1);
  int pid = spawn();
  if (pid == 0) {
    char c;
    CHECK(read(fds[0], &c, 1) == 1);
    CHECK(filled(data[0].bytes, sizeof(data), 1));
    exit(0);
  }
  fill(data[0].bytes, sizeof(data), 2);
  CHECK(write(fds[1], "x", 1) == 1);
  CHECK(status_of(pid) == 0);
  CHECK(filled(data[0].bytes, sizeof(data), 2));
}

// A page that only one process is left with is written again, and shared again.
static void last_sharer(void) {
  fill(data[0].bytes, sizeof(data), 1);
  for (int round = 1; round < 6; round++) {
    int pid = spawn();
    if (pid == 0) {
      fill(data[1].bytes, PGSIZE, 77);
      exit(0);
    }
    CHECK(status_of(pid) == 0);
    CHECK(filled(data[0].bytes, sizeof(data), round));
    fill(data[0].bytes, sizeof(data), round + 1);
  }
}

// More memory than there is, were it not shared.
static void much_memory(void) {
  if (fork_copies())
    return;
  int used = take_all_memory();
  sbrk(-used);
  used = used / 3 * 2 / PGSIZE * PGSIZE;
  char *heap = sbrk(used);
  for (int i = 0; i < used; i += PGSIZE)
    *(int *)(heap + i) = i;
  int pid = spawn();
  for (int i = 0; i < used; i += PGSIZE)
    CHECK(*(int *)(heap + i) == i);
  if (pid == 0)
    exit(0);
  CHECK(status_of(pid) == 0);
  for (int i = 0; i < used; i += PGSIZE)
    *(int *)(heap + i) = i + 1;
}

// Three processes that each write a part of it.
static void three_writers(void) {
  if (fork_copies())
    return;
  int used = take_all_memory();
  sbrk(-used);
  used = used / 4 / PGSIZE * PGSIZE;
  char *heap = sbrk(used);
  for (int i = 0; i < used; i += PGSIZE)
    *(int *)(heap + i) = i;
  for (int child = 1; child < 3; child++) {
    int pid = spawn();
    if (pid == 0) {
      for (int i = 0; i < used / child; i += PGSIZE)
        *(int *)(heap + i) = i + child;
      for (int i = 0; i < used; i += PGSIZE)
        CHECK(*(int *)(heap + i) == (i < used / child ? i + child : i));
      exit(0);
    }
  }
  for (int i = 0; i < used; i += PGSIZE)
    *(int *)(heap + i) = i - 1;
  CHECK(status_of(0) == 0 && status_of(0) == 0);
  for (int i = 0; i < used; i += PGSIZE)
    CHECK(*(int *)(heap + i) == i - 1);
}

// read() into pages that are shared: the kernel writes, over a border between two of them, and over all.
static void read_to_shared(void) {
  static char sent[512];
  fill(sent, sizeof(sent), 9);
  fill(data[0].bytes, sizeof(data), 1);
  for (int child_reads = 0; child_reads < 2; child_reads++) {
    int fds[2], go[2];
    CHECK(pipe(fds) == 0 && pipe(go) == 0);
    CHECK(write(fds[1], sent, sizeof(sent)) == sizeof(sent));
    int pid = spawn();
    if ((pid == 0) == child_reads) {
      char *at = data[1].bytes + PGSIZE - 200;
      CHECK(read(fds[0], at, sizeof(sent)) == sizeof(sent));
      CHECK(filled(at, sizeof(sent), 9));
      CHECK(filled(data[0].bytes, 2 * PGSIZE - 200, 1));
      CHECK(write(go[1], "x", 1) == 1);
      if (pid != 0) {
        CHECK(status_of(pid) == 0);
        fill(data[0].bytes, sizeof(data), 1);
      }
    } else {
      char c;
      CHECK(read(go[0], &c, 1) == 1);
      CHECK(filled(data[0].bytes, sizeof(data), 1));
      if (pid != 0)
        CHECK(status_of(pid) == 0);
    }
    if (pid == 0)
      exit(0);
    close(fds[0]);
    close(fds[1]);
    close(go[0]);
    close(go[1]);
  }
}

// The same from a file, by four pages at once.
static void read_file_to_shared(void) {
  static struct page wanted[4];
  int fd = open("/init", O_RDONLY);
  CHECK(fd >= 0 && read(fd, wanted, sizeof(wanted)) == sizeof(wanted));
  close(fd);
  fill(data[0].bytes, sizeof(data), 1);
  int pid = spawn();
  if (pid == 0) {
    fd = open("/init", O_RDONLY);
    CHECK(read(fd, data, sizeof(data)) == sizeof(data));
    for (uint i = 0; i < sizeof(data); i++)
      CHECK(data[0].bytes[i] == wanted[0].bytes[i]);
    exit(0);
  }
  CHECK(status_of(pid) == 0);
  CHECK(filled(data[0].bytes, sizeof(data), 1));
}

// What else the kernel writes to user memory: pipe()'s descriptors, wait()'s status, fstat()'s answer.
static void results_to_shared(void) {
  fill(data[0].bytes, sizeof(data), 1);
  int pid = spawn();
  if (pid == 0) {
    CHECK(pipe((int *)data[0].bytes) == 0);
    CHECK(((int *)data[0].bytes)[1] == 4);
    int fd = open("/init", O_RDONLY);
    struct stat *st = (struct stat *)(data[2].bytes - 8);
    CHECK(fstat(fd, st) == 0 && st->type == 2 && st->size > PGSIZE);
    int child = spawn();
    if (child == 0)
      exit(1234567);
    CHECK(wait((int *)(data[3].bytes - 2)) == child);
    CHECK(data[2].bytes[PGSIZE - 2] == (char)1234567 && data[3].bytes[0] == (char)(1234567 >> 16));
    exit(0);
  }
  CHECK(status_of(pid) == 0);
  CHECK(filled(data[0].bytes, sizeof(data), 1));
}

const struct test share_tests[] = {
    {"write_in_turn", write_in_turn},
    {"write_in_parent", write_in_parent},
    {"last_sharer", last_sharer},
    {"much_memory", much_memory},
    {"three_writers", three_writers},
    {"read_to_shared", read_to_shared},
    {"read_file_to_shared", read_file_to_shared},
    {"results_to_shared", results_to_shared},
    {0, 0},
};
