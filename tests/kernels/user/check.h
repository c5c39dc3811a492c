// What the self test's files share.

#pragma once
#include "user.h"

// Ends the process, and so the test, where `condition` does not hold.
#define CHECK(condition) ((condition) ? (void)0 : failed(__FILE__, __LINE__, #condition))

struct test {
  const char *name;
  void (*run)(void);
};

extern const struct test share_tests[], fault_tests[], memory_tests[], process_tests[], stress_tests[];
extern const struct test asked_for_tests[];  // run by their names only: they need somebody at the console

__attribute__((noreturn)) void failed(const char *file, int line, const char *condition);

// fork(), which must succeed.
int spawn(void);

// The same for a child that is going to take all memory: it starts when the parent's stack is the parent's own again,
// so that the parent can store to it, and so can the kernel in wait().
int spawn_hungry(void);

// Waits for a child, whichever ends first: its pid must be `pid` (0: any). Returns its status.
int status_of(int pid);

// Is user memory readable, writable and executable throughout, text included (as in kernels until 2021)?
int all_writable(void);

// Does fork() copy every page at once?
int fork_copies(void);

// Grows the process until no page is left. Returns how many bytes it has got: give them back by sbrk(-bytes).
int take_all_memory(void);

// A page of its own in the program's data: what is on it is shared after a fork, and nothing else is.
struct page {
  char bytes[PGSIZE];
} __attribute__((aligned(PGSIZE)));

// Fills n bytes with a pattern that `seed` gives, and tells whether it is there.
void fill(char *at, int n, int seed);
int filled(const char *at, int n, int seed);
