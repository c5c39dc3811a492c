/* The search: breadth first over the states of a model, as checker/explore.py does it, step for step. Python calls it in
 * slices, and looks at the clock, the memory and Ctrl-C between them. */

enum { MARK_BAD = 1 << 5, MARK_BEFORE_BAD = 1 << 6, MARK_END = 1 << 7, MARK_ACTION = MARK_BAD - 1 };
#define NOBODY (-1)
#define MOST_EVENTS 64
#define MOST_ACTIONS (2 * MAX_PROCESSES)

/* The first violation of an invariant: where, and the view that breaks it. */
typedef struct {
    int32_t used, order, statement, kind, action; /* action: the step that breaks it; NOBODY where the state does */
    int32_t cause;                                /* the invariant that was broken by the same step before */
    uint32_t number;
    int64_t fields[MOST_FIELDS];
} Record;

typedef struct {
    Sizes sizes;
    Op *ops;
    int *starts;
    Tree tree;
    uint32_t *parent;    /* of each state */
    uint8_t *marks;      /* of each state: the action that led there, and what it is */
    uint8_t *degree;     /* of each state: how many steps lead from it to states that were known */
    uint32_t *targets;   /* of each of these steps, in the order of their states */
    uint64_t transitions, kept_steps, target_room;
    uint32_t room, next, level_end, depth; /* `next` is expanded next; it lies `depth` steps deep, as all to `level_end` */
    uint32_t *levels, level_count;         /* the first state of each level */
    uint64_t asked;                        /* the statements that are judged, a bit each */
    int symmetry, steps_kept, sequel;
    uint32_t outcomes[MAX_FRAMES + 1]; /* ends, by how many frames are free */
    Record found[STATEMENTS], aftermath[STATEMENTS];
    int found_count, aftermath_count;
    uint8_t *merging;   /* by instruction: what it is to a run (merging.c); NULL where runs are not merged */
    int broken_run;     /* something is broken in the middle of a run */
    uint64_t merged;    /* steps that were taken within a run */
    uint8_t *reach; /* progress: a bit for each state from which an end can be reached */
} Search;

static Search *S;

/* --- judging --- */

static struct {
    uint64_t broken;
    int kind;
    int64_t fields[MOST_FIELDS];
} events[MOST_EVENTS]; /* of a step: those that break something */
static int event_count;

static enum { JUDGE_STATE, JUDGE_AFTERMATH } judging;
static uint32_t judged_number;
static int judged_action, judged_cause, judged_bad;

static void record(Record *records, int *count, uint64_t broken, int kind, const int64_t *fields, int cause)
{
    for (; broken; broken &= broken - 1) {
        int statement = __builtin_ctzll(broken);
        Record *it = &records[invariant_of[statement]];
        if (it->used || invariant_of[statement] == cause)
            continue;
        *it = (Record){1, (*count)++, statement, kind, judged_action, cause, judged_number, {0}};
        memcpy(it->fields, fields, fields_of[kind] * sizeof *fields);
    }
}

void event(int kind, const int64_t *fields)
{
    uint64_t broken = broken_by(kind, fields) & S->asked;
    if (!broken)
        return;
    if (event_count == MOST_EVENTS) {
        fault = FAULT_EVENTS;
        return;
    }
    events[event_count].broken = broken;
    events[event_count].kind = kind;
    memcpy(events[event_count++].fields, fields, fields_of[kind] * sizeof *fields);
}

static void view(int kind, const int64_t *fields)
{
    uint64_t broken = broken_by(kind, fields) & S->asked;
    if (!broken)
        return;
    judged_bad = 1;
    if (judging == JUDGE_AFTERMATH)
        record(S->aftermath, &S->aftermath_count, broken, kind, fields, judged_cause);
    else
        record(S->found, &S->found_count, broken, kind, fields, NOBODY);
}

/* Judges a state; whether it breaks something. */
static int judge_state(const word *s, uint32_t number, int action)
{
    judging = JUDGE_STATE;
    judged_number = number;
    judged_action = action;
    judged_bad = 0;
    observe(s);
    return judged_bad;
}

/* Judges the step that was taken; whether it breaks something by itself, be the state after it as it may. */
static int judge_step(const word *after, uint32_t number, int action)
{
    if (!event_count)
        return 0;
    judged_number = number;
    judged_action = action;
    for (int index = 0; index < event_count; index++)
        record(S->found, &S->found_count, events[index].broken, events[index].kind, events[index].fields, NOBODY);
    if (S->sequel)
        return 0; /* the sequel goes on as if nothing had happened */
    judging = JUDGE_AFTERMATH;
    judged_cause = invariant_of[__builtin_ctzll(events[0].broken)];
    observe(after);
    return 1;
}

#include "merging.c"

/* --- the graph --- */

static void *grown(void *memory, uint64_t count, size_t bytes)
{
    void *more = realloc(memory, count * bytes);
    if (!more)
        fault = FAULT_MEMORY;
    return more ? more : memory;
}

static void make_room(uint32_t count)
{
    if (count <= S->room)
        return;
    uint64_t room = S->room + (uint64_t)S->room / 2 + 1024;
    if (room > NO_NUMBER)
        room = NO_NUMBER;
    S->parent = grown(S->parent, room, sizeof *S->parent);
    S->marks = grown(S->marks, room, sizeof *S->marks);
    S->degree = grown(S->degree, room, sizeof *S->degree);
    if (!fault)
        S->room = room;
}

/* Keeps a step to a state that was known: one to a new state is told by that state's parent. */
static void keep_step(uint32_t number, uint32_t target)
{
    if (S->kept_steps == S->target_room) {
        uint64_t room = S->target_room + S->target_room / 2 + 2048;
        S->targets = grown(S->targets, room, sizeof *S->targets);
        if (fault)
            return;
        S->target_room = room;
    }
    S->degree[number]++;
    S->targets[S->kept_steps++] = target;
}

/* The number of a state, which is judged where it is new. */
static uint32_t add_state(const word *s, const word *from, const Parts *known, uint32_t parent, int action)
{
    uint32_t count = STATES_OF(&S->tree)->count;
    uint32_t number = tree_add(&S->tree, s, from, known);
    if (number != count || fault)
        return number;
    make_room(count + 1);
    if (fault)
        return number;
    S->parent[number] = parent;
    S->degree[number] = 0;
    S->marks[number] = action;
    int bad = S->sequel ? judge_state(s, parent, action) : judge_state(s, number, NOBODY);
    if (bad && !S->sequel)
        S->marks[number] |= MARK_BAD;
    return number;
}

static word current[MOST_CHUNKS * CHUNK], after[MOST_CHUNKS * CHUNK];
static Parts current_parts;

static void end_reached(uint32_t number)
{
    S->marks[number] |= MARK_END;
    int counts[MAX_FRAMES + 1], free_frames = 0;
    free_counts(current, counts);
    for (int frame = 1; frame <= L->frames; frame++)
        free_frames += counts[frame] > 0;
    S->outcomes[free_frames]++;
}

static void expand(uint32_t number)
{
    int actions[MOST_ACTIONS];
    tree_get(&S->tree, number, current, &current_parts);
    int count = enabled_actions(current, actions);
    for (int index = 0; index < count && !fault; index++) {
        memcpy(after, current, L->size * sizeof(word));
        event_count = 0;
        take(after, actions[index]);
        if (fault)
            return;
        if (judge_step(after, number, actions[index])) {
            S->marks[number] |= MARK_BEFORE_BAD; /* judged: progress asks for no continuation through here */
            continue;
        }
        if (begins_run(current, actions[index]) && run_on(after, actions[index], current)) {
            S->broken_run = 1; /* the search is begun anew without merging: nothing more need be known */
            return;
        }
        if (S->symmetry && !fault)
            canonicalise(after);
        uint32_t known = STATES_OF(&S->tree)->count;
        uint32_t target = fault ? NO_NUMBER : add_state(after, current, &current_parts, number, actions[index]);
        S->transitions++;
        if (!fault && S->steps_kept && target < known)
            keep_step(number, target);
    }
    if (!count && is_end(current))
        end_reached(number);
}

static void use(Search *search)
{
    S = search;
    L = &search->sizes;
    OPS = search->ops;
    STARTS = search->starts;
    fault = NO_FAULT;
}

/* --- what Python calls --- */

enum { RAN_OUT, SLICE_ENDED, FOUND_ONE, FAULTED, BROKEN_RUN };

void search_end(Search *search)
{
    tree_end(&search->tree);
    free(search->ops);
    free(search->starts);
    free(search->parent);
    free(search->marks);
    free(search->degree);
    free(search->targets);
    free(search->levels);
    free(search->reach);
    free(search->merging);
    free(search);
}

/* A search from a state; NULL where it cannot be made. `first`: the state, of sizes->size words. */
Search *search_begin(const int *sizes, const int *ops, int op_count, const int *starts, int start_count,
                     const word *first, uint64_t asked, int symmetry, int steps_kept, int sequel)
{
    Search *search = calloc(1, sizeof *search);
    if (!search)
        return NULL;
    memcpy(&search->sizes, sizes, sizeof search->sizes);
    search->ops = malloc(op_count * sizeof *search->ops + 1);
    search->starts = malloc(start_count * sizeof *search->starts + 1);
    search->levels = malloc(sizeof *search->levels);
    search->asked = asked;
    search->symmetry = symmetry;
    search->steps_kept = steps_kept;
    search->sequel = sequel;
    if (!search->ops || !search->starts || !search->levels || search->sizes.size > MOST_CHUNKS * CHUNK) {
        search_end(search);
        return NULL;
    }
    memcpy(search->ops, ops, op_count * sizeof *search->ops);
    memcpy(search->starts, starts, start_count * sizeof *search->starts);
    use(search);
    if (!tree_begin(&S->tree)) {
        search_end(search);
        return NULL;
    }
    memset(current, 0, sizeof current);
    memset(after, 0, sizeof after);
    memcpy(after, first, L->size * sizeof(word));
    if (S->symmetry)
        canonicalise(after);
    uint64_t judged = S->asked;
    S->asked = sequel ? 0 : judged; /* the sequel begins at a state that was judged */
    add_state(after, NULL, &current_parts, NO_NUMBER, 0);
    S->asked = judged;
    S->levels[0] = 0;
    S->level_count = 1;
    S->level_end = 1;
    return search;
}

static void next_level(void)
{
    S->depth++;
    S->level_end = STATES_OF(&S->tree)->count;
    S->levels = grown(S->levels, S->level_count + 1, sizeof *S->levels);
    if (!fault)
        S->levels[S->level_count++] = S->next;
}

/* Whether a state waits to be expanded; what is bad does not. */
static int find_next(void)
{
    for (; S->next < STATES_OF(&S->tree)->count; S->next++) {
        if (S->next == S->level_end)
            next_level();
        if (!(S->marks[S->next] & MARK_BAD))
            return 1;
    }
    return 0;
}

/* Expands states until there are `most` of them, or `slice` more than now; with `one`, until a violation is found. */
int search_run(Search *search, uint32_t most, uint32_t slice, int one)
{
    use(search);
    uint32_t begun = STATES_OF(&S->tree)->count;
    while (!fault && find_next()) {
        if (one && S->found_count)
            return FOUND_ONE;
        expand(S->next++);
        if (S->broken_run)
            return BROKEN_RUN;
        if (STATES_OF(&S->tree)->count >= most || STATES_OF(&S->tree)->count - begun >= slice)
            break;
    }
    return fault ? FAULTED : find_next() ? SLICE_ENDED : fault ? FAULTED : RAN_OUT;
}

/* Merges runs from here on: `kinds` by instruction. Returns whether it can. */
int search_merge(Search *search, const uint8_t *kinds)
{
    search->merging = malloc(program.instructions);
    if (!search->merging)
        return 0;
    memcpy(search->merging, kinds, program.instructions);
    return 1;
}

uint64_t search_merged(const Search *search) { return search->merged; }
int search_fault(void) { return fault; }
uint32_t search_states(const Search *search) { return STATES_OF(&search->tree)->count; }
uint64_t search_transitions(const Search *search) { return search->transitions; }
uint32_t search_frontier(const Search *search) { return STATES_OF(&search->tree)->count - search->next; }
uint32_t search_expanding(const Search *search) { return search->depth; }
uint32_t search_level_count(const Search *search) { return search->level_count; }
uint32_t search_level_end(const Search *search) { return search->level_end; }
const uint32_t *search_levels(const Search *search) { return search->levels; }
const uint32_t *search_outcomes(const Search *search) { return search->outcomes; }
const uint32_t *search_parents(const Search *search) { return search->parent; }
const uint8_t *search_marks(const Search *search) { return search->marks; }
const uint8_t *search_degrees(const Search *search) { return search->degree; }
const uint32_t *search_targets(const Search *search) { return search->targets; }
const Record *search_found(const Search *search) { return search->found; }
const Record *search_aftermath(const Search *search) { return search->aftermath; }
const unsigned char *search_blocks(void) { return program.blocks_run; }
void search_forget_blocks(void) { memset(program.blocks_run, 0, program.instructions); }

/* The bytes that the search holds. */
uint64_t search_bytes(const Search *search)
{
    return tree_bytes(&search->tree) + search->room * 6ull + search->target_room * 4 + sizeof *search;
}

/* The state of a number, as words. */
void search_state(Search *search, uint32_t number, word *out)
{
    use(search);
    tree_get(&S->tree, number, current, &current_parts);
    memcpy(out, current, L->size * sizeof(word));
}

/* The steps from a state that was expanded: their targets and actions; returns how many. */
int search_steps(Search *search, uint32_t number, uint32_t *targets, int *codes)
{
    use(search);
    int actions[MOST_ACTIONS], steps = 0;
    tree_get(&S->tree, number, current, &current_parts);
    int count = S->marks[number] & MARK_BAD ? 0 : enabled_actions(current, actions);
    for (int index = 0; index < count; index++) {
        memcpy(after, current, L->size * sizeof(word));
        event_count = 0;
        take(after, actions[index]);
        if (event_count && !S->sequel)
            continue;
        if (S->symmetry)
            canonicalise(after);
        targets[steps] = tree_add(&S->tree, after, current, &current_parts);
        codes[steps++] = actions[index];
    }
    return steps;
}
