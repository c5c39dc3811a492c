// Many processes at once, all doing what shares, breaks and frees pages: for the harts to meet in the kernel.

#include "check.h"

enum { PAGES = 6 };

static struct page data[PAGES] = {{"data"}};

static uint next_random(uint *state) {
  *state = *state * 1664525 + 1013904223;
  return *state >> 16;
}

static void mark(int with) {
  for (int i = 0; i < PAGES; i++)
    data[i].bytes[i * 100] = with;
}

static int marked(int with) {
  for (int i = 0; i < PAGES; i++) {
    if (data[i].bytes[i * 100] != (char)with)
      return 0;
  }
  return 1;
}

// Siblings that store to the same shared pages at the same time.
static void siblings(void) {
  for (int round = 0; round < 20; round++) {
    mark(round);
    for (int child = 1; child <= 5; child++) {
      if (spawn() == 0) {
        CHECK(marked(round));
        mark(round + child);
        CHECK(marked(round + child));
        exit(0);
      }
    }
    CHECK(marked(round));
    mark(100 - round);
    for (int child = 1; child <= 5; child++)
      CHECK(status_of(0) == 0);
    CHECK(marked(100 - round));
  }
}

// A process that does a bit of everything, and whose descendants do.
static void roam(uint seed, int depth) {
  uint random = seed;
  for (int step = 0; step < 8; step++) {
    int value = next_random(&random) % 100;
    mark(value);
    switch (next_random(&random) % 7) {
      case 0:
      case 1:
        if (depth < 2) {
          int pid = fork();
          if (pid == 0) {
            CHECK(marked(value));
            roam(random + 77, depth + 1);
            exit(0);
          }
          mark(++value);
          if (pid > 0 && next_random(&random) % 2)
            wait(0);
        }
        break;
      case 2: {
        int fds[2];
        if (pipe(fds) == 0) {
          int pid = fork();
          if (pid == 0) {
            write(fds[1], "abcd", 4);
            exit(0);
          }
          close(fds[1]);
          if (pid > 0 && read(fds[0], data[2].bytes - 2, 4) == 4)
            CHECK(data[1].bytes[PGSIZE - 1] == 'b' && data[2].bytes[0] == 'c');
          close(fds[0]);
        }
        break;
      }
      case 3: {
        int size = next_random(&random) % (5 * PGSIZE) + 1;
        char *heap = sbrk(size);
        if (heap != (char *)-1) {
          fill(heap, size, value);
          int pid = fork();
          if (pid == 0) {
            sbrk(-size / 2);
            CHECK(filled(heap, size - size / 2, value));
            exit(0);
          }
          fill(heap, size, value + 1);
          CHECK(filled(heap, size, value + 1));
          sbrk(-size);
        }
        break;
      }
      case 4: {
        int pid = fork();
        if (pid == 0) {
          for (;;)
            mark(getpid());
        }
        if (pid > 0)
          kill(pid);
        break;
      }
      case 5: {
        char *argv[] = {"init", "status", "12345678", 0};
        int pid = fork();
        if (pid == 0) {
          exec("/init", argv);
          exit(0);
        }
        break;
      }
      case 6:
        while (wait(0) > 0)
          ;
    }
    CHECK(marked(value));
  }
  while (wait(0) > 0)
    ;
}

static void roamers(void) {
  for (int i = 0; i < 3; i++) {
    if (spawn() == 0) {
      roam(i * 1000 + uptime(), 0);
      exit(0);
    }
  }
  for (int i = 0; i < 3; i++)
    CHECK(status_of(0) == 0);
}

// The same while hardly any memory is left: whoever finds none is killed, and nothing is lost.
static void roamers_without_memory(void) {
  for (int i = 0; i < 4; i++) {
    int pid = spawn_hungry();
    if (pid == 0) {
      int left = (30 + 40 * i) * PGSIZE;
      int bytes = take_all_memory() - left;
      sbrk(-left);
      for (int j = 0; j < 3; j++) {
        if (fork() == 0) {
          sbrk(-bytes);
          roam(i * 10 + j, 1);
          exit(0);
        }
      }
      int status;
      while (wait(&status) > 0)
        CHECK(status == 0 || status == -1);
      exit(0);
    }
    int status = status_of(pid);
    CHECK(status == 0 || status == -1);
  }
}

const struct test stress_tests[] = {
    {"siblings", siblings},
    {"roamers", roamers},
    {"roamers_without_memory", roamers_without_memory},
    {0, 0},
};
