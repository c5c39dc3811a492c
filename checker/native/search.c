/* The search: breadth first over the states of a model, as checker/explore.py does it, step for step. Python calls it in
 * slices (calls.c), and looks at the clock, the memory and Ctrl-C between them. */

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
