/* The native engine but for the program: its parts, in the order in which they use each other. `constants.h` and
 * `predicates.h` are written by Python; the program is an object of its own, which run_step and `program` stand in. */

#include "state.h"

#include "kernel.h"

const Sizes *L;
const Op *OPS;
const int *STARTS;
int fault;

#include "hardware.c"
#include "kernel.c"
#include "processes.c"
#include "system.c"
#include "observe.c"
#include "symmetry.c"
#include "table.c"
#include "predicates.h"
#include "records.c"
#include "merging.c"
#include "search.c"
#include "calls.c"
#include "progress.c"
