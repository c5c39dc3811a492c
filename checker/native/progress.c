/* Progress: the states from which no end can be reached, and nothing that was judged already. Reachability is spread
 * backwards along the steps, which mostly lead from lower numbers to higher ones: sweeps from the last state to the first
 * settle it, two where there is no way back, one more for each way back that counts. */

static int reaches(const Search *search, uint32_t number) { return search->reach[number >> 3] >> (number & 7) & 1; }

/* How many states cannot reach an end; -1 where memory is out. */
int64_t progress_lost(Search *search)
{
    uint32_t states = search->tree.roots.count;
    int64_t lost = states;
    free(search->reach);
    search->reach = calloc(states / 8 + 1, 1);
    if (!search->reach)
        return -1;
    for (int changed = 1; changed && lost;) {
        changed = 0;
        uint64_t at = search->transitions;
        for (uint32_t number = states; number-- > 0;) {
            at -= search->degree[number];
            if (reaches(search, number))
                continue;
            int goal = search->marks[number] & (MARK_END | MARK_BAD | MARK_BEFORE_BAD);
            for (int step = 0; step < search->degree[number] && !goal; step++)
                goal = reaches(search, search->targets[at + step]);
            if (goal) {
                search->reach[number >> 3] |= 1 << (number & 7);
                changed = 1;
                lost--;
            }
        }
    }
    return lost;
}

/* Those states, and the steps between them: the source and the target of each; how many steps there are. Without
 * buffers they are only counted. */
uint64_t progress_steps(const Search *search, uint32_t *states, uint32_t *steps)
{
    uint64_t at = 0, count = 0;
    uint32_t lost = 0;
    for (uint32_t number = 0; number < search->tree.roots.count; at += search->degree[number++]) {
        if (reaches(search, number))
            continue;
        if (states)
            states[lost++] = number;
        for (int step = 0; step < search->degree[number]; step++, count++)
            if (steps) {
                steps[2 * count] = number;
                steps[2 * count + 1] = search->targets[at + step];
            }
    }
    return count;
}
