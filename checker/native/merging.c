/* Merged runs: checker/merging.py says which steps are merged, and why that is sound. */

enum { RUN_WORD = 1, RUN_PAGE = 2, RUN_RELEASE = 4, RUN_ACQUIRE = 8, RUN_REPORTS = 16 };

/* Whether a page table that is not the process's own leads to the frame, be the PTE valid or not. */
static int in_other_table(const word *s, int pid, int frame)
{
    for (int table = 1; table <= L->tables; table++) {
        if (table == s[PROCESS(pid) + TABLE])
            continue;
        for (int upper = 0; upper <= L->leaves; upper++)
            if (s[TABLE_OF(table) + upper] == frame)
                return 1;
        for (int page = 0; page < L->pages; page++)
            if (s[PTE_OF(table, page)] >> FLAG_BITS == frame)
                return 1;
    }
    return 0;
}

static int in_other_tlb(const word *s, int pid, int frame)
{
    for (int hart = 0; hart < L->harts; hart++)
        if (s[HART(hart)] != pid)
            for (int page = 0; page < L->pages; page++)
                if (s[HART(hart) + 1 + page] >> FLAG_BITS == frame)
                    return 1;
    return 0;
}

static int in_other_registers(const word *s, int pid, int frame)
{
    for (int other = 1; other <= L->processes; other++) {
        int b = PROCESS(other);
        if (other == pid || !s[b + PC])
            continue;
        const Reference *it = &program.references[program.boundaries[s[b + PC] - 1].frames];
        for (; it->type != REFERENCE_END; it++) {
            int value = s[b + FIXED + L->pages + it->reg];
            if ((it->type == REFERENCE_PTE ? value >> FLAG_BITS : value) == frame)
                return 1;
        }
    }
    return 0;
}

/* Whether the process's next step belongs to the run that it is in, or begins one. */
static int runs_on(const word *s, int pid)
{
    int pc = s[PROCESS(pid) + PC];
    if (!S->merging || s[PHASE] == 0 || s[PANIC] || !pc)
        return 0;
    int kind = S->merging[pc - 1], frame;
    if (kind & (RUN_WORD | RUN_RELEASE))
        return 1;
    if (kind & RUN_ACQUIRE)
        return pinned(s, pid) && s[wanted_lock(s, pid, pc - 1)] == 0;
    if (!(kind & RUN_PAGE))
        return 0;
    frame = wanted_frame(s, pid, pc - 1);
    return in_ram(frame) && !in_other_table(s, pid, frame) && !in_other_tlb(s, pid, frame) &&
           !in_other_registers(s, pid, frame);
}

static int list_changed(const word *before, const word *now)
{
    return before[FREE_LIST] != now[FREE_LIST] || memcmp(&before[NEXT + 1], &now[NEXT + 1], L->frames * sizeof(word));
}

/* What the others' next steps would report now; whether some of it breaks something. */
static int judge_others(const word *s, int pid)
{
    static word passing[MOST_CHUNKS * CHUNK];
    int actions[MOST_ACTIONS], count = enabled_actions(s, actions);
    for (int index = 0; index < count && !fault; index++) {
        int other = actions[index] >> 1, pc = s[PROCESS(other) + PC];
        if (other == pid || !(S->merging[pc ? pc - 1 : program.trap] & RUN_REPORTS))
            continue;
        memcpy(passing, s, L->size * sizeof(word));
        event_count = 0;
        take(passing, actions[index]);
        if (event_count)
            return 1;
    }
    return 0;
}

/* Whether the process's step from this state is one of a run, and more of the run may follow it. */
static int begins_run(const word *s, int action)
{
    int pc = s[PROCESS(action >> 1) + PC];
    return !(action & 1) && runs_on(s, action >> 1) && !(S->merging[pc - 1] & RUN_RELEASE);
}

/* Goes on to the end of the run, after its first step from `from`; whether something is broken on the way. */
static int run_on(word *s, int action, const word *from)
{
    static word before[MOST_CHUNKS * CHUNK];
    int pid = action >> 1, released = 0;
    memcpy(before, from, L->size * sizeof(word));
    while (!fault && !released && runs_on(s, pid)) {
        if (judge_state(s, NO_NUMBER, NOBODY) || (list_changed(before, s) && judge_others(s, pid)))
            return 1;
        memcpy(before, s, L->size * sizeof(word));
        released = S->merging[s[PROCESS(pid) + PC] - 1] & RUN_RELEASE;
        event_count = 0;
        take(s, pid * 2);
        S->merged++;
        if (event_count)
            return 1;
    }
    return 0;
}
