// A lock for short critical sections. Interrupts are off on the hart that holds one.

#pragma once
#include "types.h"

struct spinlock {
  uint locked;
  char *name;       // for debugging
  struct cpu *cpu;  // the hart that holds it
};
