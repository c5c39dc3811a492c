/* What every part of the native engine shares. A state is an array of 16-bit words, laid out as model/layout.py says:
 * word for word the reference interpreter's state. The names of slots, flags and numbers come from Python
 * (constants.h, written by model/native/constants.py), so they are stated once. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "constants.h"

typedef int16_t word;

typedef struct {
    int kind, page, pages, target, program; /* of programs: their numbers; -1 for none */
} Op;

/* A scenario and the layout that it gives the program's states; in the order of SIZES in model/native/sizes.py. */
typedef struct {
    int size, frames, pages, processes, harts, tables, leaves, leaf_pages;
    int table_base, table_size, process_base, process_size, hart_base, hart_size;
    int ops, first_op, image_pages, stack_page, has_meet;
    int region[MAX_PAGES]; /* what each page of an address space is: REGION_TEXT, ... */
} Sizes;

extern const Sizes *L;   /* of the search that runs now */
extern const Op *OPS;     /* its scenario's operations */
extern const int *STARTS; /* each program's first operation */

/* Why the search cannot go on here: the reference interpreter is asked then, and says what is to be said. */
enum { NO_FAULT, FAULT_VALUE, FAULT_STEP, FAULT_INDEX, FAULT_EVENTS, FAULT_MEMORY, FAULT_IDS };
extern int fault;

/* Registers that matter where a step begins: which hold frames, page tables and so on. */
typedef struct {
    unsigned char reg, type;
} Reference;
enum {
    REFERENCE_END, REFERENCE_TABLE, REFERENCE_PROC, REFERENCE_FRAME, REFERENCE_PTE, REFERENCE_PTE_REF
};
typedef struct {
    uint64_t kept;            /* the registers that matter, a bit each */
    short frames, references; /* begin in `references`: those that name frames; those that are used as addresses */
} Boundary;

/* A design's program: what is the same in every scenario. The C that it is written as is one of these, and run_step. */
typedef struct {
    int free_list;                     /* slot of kmem.freelist */
    int first_array, arrays;           /* arrays with an element for each frame; the first two are NEXT and DATA */
    int count_array, count_offset;     /* the reference counts: the array's number, or 0 */
    int trap, instructions;            /* the instruction that a trap begins at; how many there are */
    int tests_free_list;               /* some branch depends on the free list's head */
    int frame_scalars, kept_frames;    /* how many of these: */
    const char *array_of_frames;       /* by array: its elements name frames */
    const short *frame_scalar;         /* slots of variables that name a frame */
    const short *kept_frame;           /* where the kernel keeps frames, but the free list: slots; arrays, negative */
    const Boundary *boundaries;        /* by instruction */
    const Reference *references;
    unsigned char *blocks_run;         /* by instruction: the coverage, as the reference interpreter notes it */
} Program;
extern const Program program;

/* Runs process `pid` from the instruction `start` to the next one that begins a step. */
void run_step(word *s, int pid, int start);

/* The slot of the lock that an instruction acquires; 0 where it acquires none. */
int wanted_lock(const word *s, int pid, int index);

/* The frame of the element or page that an instruction reads or writes; 0 where it does neither. */
int wanted_frame(const word *s, int pid, int index);

#define PROCESS(pid) (L->process_base + ((pid) - 1) * L->process_size)
#define TABLE_OF(number) (L->table_base + ((number) - 1) * L->table_size)
#define PTE_OF(table, page) (TABLE_OF(table) + 1 + L->leaves + (page))
#define LEAF_OF(table, index) (TABLE_OF(table) + 1 + (index))
#define HART(number) (L->hart_base + (number) * L->hart_size)
#define DUE(pid, page) (PROCESS(pid) + FIXED + (page))
#define ARRAY(number) (program.first_array + (number) * L->frames - 1) /* plus a frame: its element */
#define NEXT ARRAY(0)
#define DATA ARRAY(1)
#define FREE_LIST (program.free_list)

/* A value that is put into a word. */
static inline word fit(int64_t value)
{
    if (value != (word)value)
        fault = FAULT_VALUE;
    return (word)value;
}

/* A value that is kept within a step: far from where 64 bits end. */
static inline int64_t bound(int64_t value)
{
    if (value >> 40 != 0 && value >> 40 != -1)
        fault = FAULT_VALUE;
    return value;
}

static inline int64_t shifted(int64_t value, int bits)
{
    return bound(value) * ((int64_t)1 << bits);
}

static inline int in_ram(int64_t frame) { return 0 < frame && frame <= L->frames; }

static inline int with_word(int contents, int token) { return token << REST_BITS | (contents & REST_MASK); }

/* What a step gave an invariant to judge (model/views.py): the fields in their order. */
void event(int kind, const int64_t *fields);
