/* Judging: which statements a state or a step breaks, and the first violation of each invariant. */

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
