/* The canonical form of a state: frames named by their first use, harts sorted. checker/symmetry.py has the argument why
 * that is sound, and is what this is held to, state for state. */

typedef struct {
    int name[MAX_FRAMES + 1]; /* the new one; 0 while there is none */
    int order[MAX_FRAMES + 1]; /* frames by their new names, from 0 */
    int count;
} Names;

static inline void meet_frame(Names *names, int frame)
{
    if (frame == 0)
        return;
    if (frame < 0 || frame > L->frames) {
        fault = FAULT_INDEX;
        return;
    }
    if (!names->name[frame]) {
        names->order[names->count++] = frame;
        names->name[frame] = names->count;
    }
}

static inline void rename_pte(const Names *names, word *slot)
{
    if (*slot > FLAG_MASK)
        *slot = names->name[*slot >> FLAG_BITS] << FLAG_BITS | (*slot & FLAG_MASK);
}

/* The slots that hold frames or PTEs: in the reference's order. Returns how many PTEs. */
static int frame_slots(const word *s, short *ptes, short *plain, int *plain_count)
{
    int count = 0, other = 0;
    for (int table = 1; table <= L->tables; table++)
        for (int page = 0; page < L->pages; page++)
            ptes[count++] = PTE_OF(table, page);
    for (int hart = 0; hart < L->harts; hart++)
        for (int page = 0; page < L->pages; page++)
            ptes[count++] = HART(hart) + 1 + page;
    for (int pid = 1; pid <= L->processes; pid++)
        ptes[count++] = PROCESS(pid) + FAULT_PTE;
    for (int table = 1; table <= L->tables; table++)
        for (int upper = 0; upper <= L->leaves; upper++)
            plain[other++] = TABLE_OF(table) + upper;
    for (int index = 0; index < program.frame_scalars; index++)
        plain[other++] = program.frame_scalar[index];
    for (int pid = 1; pid <= L->processes; pid++) {
        int b = PROCESS(pid), first = b + FIXED + L->pages;
        if (!s[b + PC])
            continue;
        for (const Reference *it = &program.references[program.boundaries[s[b + PC] - 1].frames]; it->type != REFERENCE_END; it++)
            if (it->type == REFERENCE_PTE)
                ptes[count++] = first + it->reg;
            else
                plain[other++] = first + it->reg;
    }
    *plain_count = other;
    return count;
}

/* Frames that nothing refers to come last, by what they hold. */
static int comes_before(const word *s, int frame, int other)
{
    for (int array = 0; array < program.arrays; array++)
        if (!program.array_of_frames[array] && s[ARRAY(array) + frame] != s[ARRAY(array) + other])
            return s[ARRAY(array) + frame] < s[ARRAY(array) + other];
    return 0;
}

static void name_the_rest(const word *s, Names *names)
{
    int first = names->count;
    for (int frame = 1; frame <= L->frames; frame++) {
        if (names->name[frame])
            continue;
        int at = names->count++;
        for (; at > first && comes_before(s, frame, names->order[at - 1]); at--)
            names->order[at] = names->order[at - 1];
        names->order[at] = frame;
    }
    for (int at = first; at < names->count; at++)
        names->name[names->order[at]] = at + 1;
}

static void rename_arrays(word *s, const Names *names)
{
    word values[MAX_FRAMES];
    for (int array = 0; array < program.arrays; array++) {
        for (int at = 0; at < L->frames; at++) {
            int value = s[ARRAY(array) + names->order[at]];
            if (program.array_of_frames[array] && (value < 0 || value > L->frames))
                fault = FAULT_INDEX, value = 0;
            values[at] = program.array_of_frames[array] ? names->name[value] : value;
        }
        memcpy(&s[ARRAY(array) + 1], values, L->frames * sizeof(word));
    }
}

static int hart_order(const word *left, const word *right)
{
    for (int slot = 0; slot < L->hart_size; slot++)
        if (left[slot] != right[slot])
            return left[slot] < right[slot] ? -1 : 1;
    return 0;
}

static void sort_harts(word *s)
{
    word moved[1 + MAX_PAGES];
    size_t bytes = L->hart_size * sizeof(word);
    for (int hart = 1; hart < L->harts; hart++)
        for (int at = hart; at > 0 && hart_order(&s[HART(at - 1)], &s[HART(at)]) < 0; at--) {
            memcpy(moved, &s[HART(at)], bytes);
            memcpy(&s[HART(at)], &s[HART(at - 1)], bytes);
            memcpy(&s[HART(at - 1)], moved, bytes);
        }
}

static void canonicalise(word *s)
{
    if (s[PHASE] == 0)
        return;
    static short ptes[4 * MAX_PROCESSES * MAX_PAGES + MAX_HARTS * MAX_PAGES + MAX_PROCESSES * 64];
    static short plain[4 * MAX_PROCESSES * (1 + MAX_PAGES) + MAX_PROCESSES * 64 + 1024];
    int plain_count, pte_count = frame_slots(s, ptes, plain, &plain_count);
    Names names = {.count = 0};
    for (int index = 0; index < pte_count; index++)
        meet_frame(&names, s[ptes[index]] >> FLAG_BITS);
    for (int index = 0; index < plain_count; index++)
        meet_frame(&names, s[plain[index]]);
    for (int at = 0; at < names.count; at++) /* grows while it is walked: the free list, from its head */
        meet_frame(&names, s[NEXT + names.order[at]]);
    if (fault)
        return;
    name_the_rest(s, &names);
    int same = 1;
    for (int at = 0; at < names.count; at++)
        same &= names.order[at] == at + 1;
    if (!same) {
        for (int index = 0; index < plain_count; index++)
            s[plain[index]] = names.name[s[plain[index]]];
        for (int index = 0; index < pte_count; index++)
            rename_pte(&names, &s[ptes[index]]);
        rename_arrays(s, &names);
    }
    sort_harts(s);
}
