// Processes: fork, wait, exit, kill, exec, and the pipes between them.

#include "check.h"

static struct page data[2] = {{"data"}};

// As many children as there can be, all alive at once.
static void fork_until_full(void) {
  int children = 0, go[2];
  char c;
  CHECK(pipe(go) == 0);
  for (;;) {
    int pid = fork();
    if (pid < 0)
      break;
    if (pid == 0) {
      close(go[1]);
      CHECK(read(go[0], &c, 1) == 0);  // when the parent closes it
      exit(children);
    }
    CHECK(++children < 1000);
  }
  CHECK(children > 20);
  close(go[1]);
  int sum = 0;
  for (int i = 0; i < children; i++)
    sum += status_of(0) - i;
  CHECK(sum == 0);
  CHECK(wait(0) == -1);
}

static void statuses(void) {
  for (int i = -2; i < 50; i++) {
    int pid = spawn();
    if (pid == 0)
      exit(i * 1000);
    CHECK(status_of(pid) == i * 1000);
  }
}

// Children whose parent is gone are init's: it has to reap them.
static void orphans(void) {
  for (int i = 0; i < 20; i++) {
    int pid = spawn();
    if (pid == 0) {
      for (int j = 0; j < 2; j++) {
        if (spawn() == 0) {
          spawn();
          sleep(i % 5 == 4 ? j : 0);
          exit(0);
        }
      }
      exit(0);
    }
    CHECK(status_of(pid) == 0);
    if (i % 5 == 4)
      sleep(2);
  }
}

// Parent and child end at the same time.
static void exits_at_once(void) {
  for (int i = 0; i < 50; i++) {
    int pid = spawn();
    if (pid == 0) {
      spawn();
      spawn();
      exit(0);
    }
    if (i % 2)
      CHECK(status_of(pid) == 0);
    else
      wait(0);
  }
  while (wait(0) > 0)
    ;
}

static void kills(void) {
  int fds[2];
  CHECK(pipe(fds) == 0);
  for (int how = 0; how < 16; how++) {
    int pid = spawn();
    if (pid == 0) {
      for (;;) {
        switch (how % 4) {
          case 0:
            sleep(1000);
            break;
          case 1:
            read(fds[0], data, 1);
            break;
          case 2:
            data[0].bytes[how]++;
            break;
          case 3: {
            int child = fork();
            if (child == 0)
              exit(0);
            wait(0);
          }
        }
      }
    }
    if (how > 7)
      sleep(1);
    CHECK(kill(pid) == 0);
    CHECK(status_of(pid) == -1);
    CHECK(kill(pid) == -1);
  }
}

static void execs(void) {
  static char longest[PGSIZE];
  char *few[] = {"init", "status", "123456789", "argument", "argument", 0};
  char *none[] = {"init", "status", "12", 0};
  char *many[33] = {"init", "status", "123"};
  for (int i = 3; i < 31; i++)
    many[i] = "argument";

  char **const all[] = {few, none, many};
  const int wanted[] = {9, 2, 3};
  for (int i = 0; i < 9; i++) {
    int pid = spawn();
    if (pid == 0) {
      exec(i % 2 ? "/init" : "init", all[i % 3]);
      exit(-5);
    }
    CHECK(status_of(pid) == wanted[i % 3]);
  }

  // Too many, and too long: the old program goes on.
  many[31] = "argument";
  CHECK(exec("/init", many) == -1);
  memset(longest, 'x', PGSIZE - 1);
  none[2] = longest;
  CHECK(exec("/init", none) == -1);
  longest[PGSIZE - 1] = 'x';
  CHECK(exec("/init", none) == -1);
}

// More than a pipe holds, in pieces of all sizes.
static void pipes(void) {
  enum { TOTAL = 20000 };
  static char buffer[1500];
  int fds[2];
  CHECK(pipe(fds) == 0);
  int pid = spawn();
  if (pid == 0) {
    close(fds[0]);
    for (int sent = 0, size = 1; sent < TOTAL; size = (size * 5 + 3) % 1499 + 1) {
      int n = TOTAL - sent < size ? TOTAL - sent : size;
      for (int i = 0; i < n; i++)
        buffer[i] = (sent + i) % 251;
      CHECK(write(fds[1], buffer, n) == n);
      sent += n;
    }
    exit(0);
  }
  close(fds[1]);
  int got = 0;
  for (int size = 1;; size = (size * 7 + 1) % 1500 + 1) {
    int n = read(fds[0], buffer, size > 1500 ? 1500 : size);
    CHECK(n >= 0);
    if (n == 0)
      break;
    for (int i = 0; i < n; i++)
      CHECK((uchar)buffer[i] == (got + i) % 251);
    got += n;
  }
  CHECK(got == TOTAL);
  CHECK(status_of(pid) == 0);
}

static void pipe_ends(void) {
  int fds[2];
  char c;
  CHECK(pipe(fds) == 0);
  CHECK(read(fds[1], &c, 1) == -1 && write(fds[0], "x", 1) == -1 && fstat(fds[0], (struct stat *)data) == -1);
  CHECK(write(fds[1], "ab", 2) == 2);
  close(fds[1]);
  CHECK(read(fds[0], &c, 1) == 1 && c == 'a' && read(fds[0], &c, 1) == 1 && read(fds[0], &c, 1) == 0);
  close(fds[0]);
  CHECK(pipe(fds) == 0);
  close(fds[0]);
  CHECK(write(fds[1], "x", 1) == -1);
  close(fds[1]);

  // Until the descriptors are used up.
  int opened = 0;
  while (pipe(fds) == 0)
    opened++;
  CHECK(opened == 6 && dup(0) == 15 && dup(0) == -1 && open("/init", O_RDONLY) == -1 && pipe(fds) == -1);
}

// Until the kernel's table of open files is full.
static void open_until_full(void) {
  int go[2], ready[2];
  char c;
  CHECK(pipe(go) == 0 && pipe(ready) == 0);
  for (int i = 0; i < 10; i++) {
    if (spawn() == 0) {
      int fds[2];
      close(go[1]);
      while (pipe(fds) == 0)
        ;
      while (open("/init", O_RDONLY) >= 0)
        ;
      CHECK(write(ready[1], "x", 1) == 1);
      CHECK(read(go[0], &c, 1) == 0);
      exit(0);
    }
  }
  for (int i = 0; i < 10; i++)
    CHECK(read(ready[0], &c, 1) == 1);
  CHECK(open("/init", O_RDONLY) == -1);
  close(go[1]);
  for (int i = 0; i < 10; i++)
    CHECK(status_of(0) == 0);
  CHECK(open("/init", O_RDONLY) >= 0);
}

static void time_passes(void) {
  int before = uptime();
  CHECK(sleep(2) == 0 && sleep(0) == 0 && sleep(-1) == 0);
  CHECK(uptime() >= before + 2);
}

// Somebody types "cox", takes the x back, and goes on with "w" and return; then control-D.
static void console_input(void) {
  char line[8];
  printf("type\n");
  CHECK(read(0, line, sizeof(line)) == 4);
  CHECK(line[0] == 'c' && line[1] == 'o' && line[2] == 'w' && line[3] == '\n');
  CHECK(read(0, line, sizeof(line)) == 0);
}

const struct test asked_for_tests[] = {
    {"console_input", console_input},
    {0, 0},
};

const struct test process_tests[] = {
    {"fork_until_full", fork_until_full},
    {"statuses", statuses},
    {"orphans", orphans},
    {"exits_at_once", exits_at_once},
    {"kills", kills},
    {"execs", execs},
    {"pipes", pipes},
    {"pipe_ends", pipe_ends},
    {"open_until_full", open_until_full},
    {"time_passes", time_passes},
    {0, 0},
};
