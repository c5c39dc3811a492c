/* Progress: the states from which no end can be reached, and nothing that was judged already. Reachability is spread
 * backwards along the steps, which mostly lead from lower numbers to higher ones: sweeps from the last state to the first
 * settle it, one and a last that finds nothing where there is no way back, one more for each way back that counts. */

static int reaches(const Search *search, uint32_t number) { return search->reach[number >> 3] >> (number & 7) & 1; }

static int64_t mark_reaching(Search *search, uint32_t number)
{
    if (reaches(search, number))
        return 0;
    search->reach[number >> 3] |= 1 << (number & 7);
    return 1;
}

/* One sweep; how many states it marked. */
static int64_t sweep(Search *search)
{
    int64_t marked = 0;
    uint64_t at = search->kept_steps;
    for (uint32_t number = STATES_OF(&search->tree)->count; number-- > 0;) {
        at -= search->degree[number];
        int goal = reaches(search, number) || search->marks[number] & (MARK_END | MARK_BAD | MARK_BEFORE_BAD);
        for (int step = 0; step < search->degree[number] && !goal; step++)
            goal = reaches(search, search->targets[at + step]);
        if (goal) {
            marked += mark_reaching(search, number);
            if (search->parent[number] != NO_NUMBER)
                marked += mark_reaching(search, search->parent[number]);
        }
    }
    return marked;
}

/* How many states cannot reach an end; -1 where memory is out. */
int64_t progress_lost(Search *search)
{
    int64_t lost = STATES_OF(&search->tree)->count;
    free(search->reach);
    search->reach = calloc(lost / 8 + 1, 1);
    if (!search->reach)
        return -1;
    for (int64_t marked = 1; marked && lost; lost -= marked)
        marked = sweep(search);
    return lost;
}

/* Those states, in order. */
void progress_states(const Search *search, uint32_t *states)
{
    for (uint32_t number = 0; number < STATES_OF(&search->tree)->count; number++)
        if (!reaches(search, number))
            *states++ = number;
}
