/* The views of a state: model/observe.py. Each is handed to `view`, in the order in which the reference makes them:
 * the kernel, every frame, every mapping, every cached translation. */

static void view(int kind, const int64_t *fields);

typedef struct {
    int mappings, visible, writers, held, owned, touched;
} FrameUse;

typedef struct {
    int count;
    struct {
        int kind;
        int64_t fields[MOST_FIELDS];
    } list[MAX_PROCESSES * 2 * MAX_PAGES + MAX_HARTS * MAX_PAGES];
} Later; /* views that are made while the frames are counted, and told after them */

static void later(Later *found, int kind, const int64_t *fields, int count)
{
    found->list[found->count].kind = kind;
    memcpy(found->list[found->count].fields, fields, count * sizeof *fields);
    found->count++;
}

/* Of a process inside an operation: the page tables and frames that its registers refer to. */
static void observe_references(const word *s, int pid, FrameUse *use, char *busy)
{
    int b = PROCESS(pid);
    for (const Reference *it = &program.references[program.boundaries[s[b + PC] - 1].references]; it->type != REFERENCE_END; it++) {
        int value = s[b + FIXED + L->pages + it->reg];
        if (!value)
            continue;
        int frame = 0;
        switch (it->type) {
        case REFERENCE_TABLE:
            busy[value] = 1;
            break;
        case REFERENCE_PROC:
            if (value != pid)
                busy[s[PROCESS(value) + TABLE]] = 1;
            break;
        case REFERENCE_FRAME:
        case REFERENCE_PTE:
            frame = it->type == REFERENCE_FRAME ? value : value >> FLAG_BITS;
            if (in_ram(frame))
                use[frame].held++;
            break;
        case REFERENCE_PTE_REF:
            frame = s[value] >> FLAG_BITS;
            break;
        }
        if (in_ram(frame))
            use[frame].touched = 1;
    }
}

static void observe_table(const word *s, int table, int seen, int inside, FrameUse *use, Later *found)
{
    int slot = TABLE_OF(table);
    for (int upper = 0; upper <= L->leaves; upper++)
        if (inside)
            use[s[slot + upper]].touched = 1;
        else
            use[s[slot + upper]].owned++;
    for (int page = 0; page < L->pages; page++) {
        int pte = s[PTE_OF(table, page)], frame = pte >> FLAG_BITS;
        if (!(pte & PTE_V))
            continue;
        int writable = (pte & PTE_W) != 0, user = (pte & PTE_U) != 0;
        if (in_ram(frame)) {
            use[frame].mappings++;
            use[frame].visible += seen;
            use[frame].writers += seen && writable && user;
            use[frame].touched |= inside;
        }
        int64_t fields[] = {in_ram(frame), seen, user, writable, (pte & PTE_COW) != 0, region(page) == REGION_DATA};
        later(found, MAPPING_VIEW, fields, 6);
    }
}

static void observe_translation(const word *s, int pid, int page, int cached, FrameUse *use, Later *found)
{
    int pte = leaf_pte(s, pid, page), frame = cached >> FLAG_BITS;
    int valid = pte & PTE_V && pte & PTE_U;
    int same = valid && pte >> FLAG_BITS == frame;
    if (!same)
        use[frame].visible++;
    if (cached & PTE_W && !(same && pte & PTE_W))
        use[frame].writers++;
    int64_t fields[] = {(cached & PTE_W) != 0, valid, valid && pte & PTE_W, same};
    later(found, TRANSLATION_VIEW, fields, 4);
}

static void observe(const word *s)
{
    int64_t kernel[] = {s[PANIC] != 0, 1};
    view(SYSTEM_VIEW, kernel);
    if (s[PANIC])
        return; /* stopped in the middle of a step: what the process pointed to is not known any more */
    FrameUse use[MAX_FRAMES + 1] = {0};
    char owner_seen[2 * MAX_PROCESSES] = {0}, busy[2 * MAX_PROCESSES] = {0};
    static Later found;
    found.count = 0;
    if (s[PHASE] == 0 && s[PROCESS(INIT) + PC]) /* booting: kinit has not freed every frame yet */
        for (int frame = 1; frame <= L->frames; frame++)
            use[frame].touched = 1;
    for (int pid = 1; pid <= L->processes; pid++) {
        int b = PROCESS(pid), pc = s[b + PC], run = s[b + STATE], table = s[b + TABLE];
        int inside = pc != 0 && run != SLEEPING;
        if (table) {
            owner_seen[table] = run == SLEEPING || (run == RUNNABLE && pc == 0);
            if (inside)
                busy[table] = 1;
        }
        if (inside)
            observe_references(s, pid, use, busy);
    }
    for (int index = 0; index < program.kept_frames; index++) { /* variables of the kernel, but the free list, that hold frames */
        int scalar = program.kept_frame[index];
        if (scalar > 0)
            use[s[scalar]].held++;
        else
            for (int frame = 1; frame <= L->frames; frame++)
                use[s[ARRAY(-scalar) + frame]].held++;
    }
    for (int table = 1; table <= L->tables; table++)
        observe_table(s, table, owner_seen[table], busy[table], use, &found);
    for (int hart = 0; hart < L->harts; hart++) {
        int pid = s[HART(hart)];
        if (!pid || s[PROCESS(pid) + PC])
            continue;
        for (int page = 0; page < L->pages; page++)
            if (s[HART(hart) + 1 + page])
                observe_translation(s, pid, page, s[HART(hart) + 1 + page], use, &found);
    }
    int counts[MAX_FRAMES + 1];
    free_counts(s, counts);
    for (int frame = 1; frame <= L->frames; frame++) {
        int refs = program.count_array ? s[ARRAY(program.count_array) + frame] - program.count_offset : 0;
        int64_t fields[] = {
            program.count_array != 0, refs,          use[frame].mappings, use[frame].visible,  use[frame].writers,
            counts[frame],    use[frame].held, use[frame].owned,    !use[frame].touched,
        };
        view(FRAME_VIEW, fields);
    }
    for (int index = 0; index < found.count; index++)
        view(found.list[index].kind, found.list[index].fields);
}
