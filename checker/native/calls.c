/* What Python calls (checker/native/engine.py). */

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

/* The bytes that the next states need at once, where the index of all states then grows. */
uint64_t search_growth(const Search *search, uint32_t states)
{
    const Table *table = STATES_OF(&search->tree);
    return (uint64_t)table->count + states >= table->mask - table->mask / 4 ? ((uint64_t)table->mask + 1) * 8 : 0;
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
