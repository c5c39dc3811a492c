/* The visited states, each kept exactly and once, in a tree: a state is cut into chunks of at most eight words; every
 * distinct chunk gets a number, every distinct pair of numbers gets one, and so on up to the root, whose pairs are the
 * states in the order of their discovery. States that have most of their parts in common share them, so a state takes
 * little more than its pair of eight bytes. Parts that a step did not change keep their numbers without a look-up.
 * (The idea: Laarman, van de Pol, Weber, "Parallel recursive state compression for free", SPIN 2011.)
 *
 * The tree follows the layout: memory is one subtree, each process one, for what a step changes lies close together. */

#define CHUNK 8 /* words */
#define MOST_CHUNKS 512
#define NO_NUMBER UINT32_MAX

typedef struct {
    uint64_t *keys;  /* by number, `width` of them each */
    uint32_t *index; /* open addressing: 1 + the number, or 0; above its bits, as many of the hash as there is room for */
    uint32_t count, room, mask;
} Table;

/* Parts are numbered: the chunks, then the pairs, each after its two parts, the root last. */
typedef struct {
    Table chunks, *pairs; /* every pair has a table of its own: most stay small, and in the processor's cache */
    int chunk_count, part_count;
    short start[MOST_CHUNKS], words[MOST_CHUNKS];      /* of a chunk, in the state */
    short left[2 * MOST_CHUNKS], right[2 * MOST_CHUNKS]; /* of a pair */
} Tree;

#define ROOT(tree) ((tree)->part_count - 1)
#define PAIR(tree, part) (&(tree)->pairs[(part) - (tree)->chunk_count])
#define STATES_OF(tree) (PAIR(tree, ROOT(tree)))

/* The numbers of a state's parts. */
typedef struct {
    uint32_t at[2 * MOST_CHUNKS];
} Parts;

static inline uint64_t mixed(uint64_t key)
{
    key *= 0x9e3779b97f4a7c15u;
    key ^= key >> 32;
    key *= 0xd6e8feb86659fd93u;
    return key ^ key >> 29;
}

static inline uint64_t hash_of(const uint64_t *key, int width)
{
    return width == 1 ? mixed(key[0]) : mixed(mixed(key[0]) + key[1]);
}

/* Bits of the hash that its place does not tell, where an entry of the index has no number: so nearly every entry of
 * another key is told apart without a look at that key. */
static inline uint32_t tag_of(const Table *table, uint64_t hash) { return (uint32_t)(hash >> 32) & ~table->mask; }

/* Zeroed memory for an index. One that is large is asked for in huge pages, where the system has them: every look-up
 * goes to a place of its own. */
static uint32_t *index_of_size(size_t count)
{
    size_t bytes = count * sizeof(uint32_t), huge = (size_t)1 << 21;
    if (bytes < 2 * huge)
        return calloc(count, sizeof(uint32_t));
    void *index = NULL;
    if (posix_memalign(&index, huge, bytes))
        return NULL;
#ifdef MADV_HUGEPAGE
    madvise(index, bytes, MADV_HUGEPAGE);
#endif
    return memset(index, 0, bytes);
}

static int grow_index(Table *table, int width)
{
    uint32_t size = table->mask ? (table->mask + 1) * 2 : 256;
    uint32_t *index = size ? index_of_size(size) : NULL;
    if (!index) {
        fault = FAULT_MEMORY;
        return 0;
    }
    free(table->index);
    table->index = index;
    table->mask = size - 1;
    for (uint32_t number = 0; number < table->count; number++) {
        uint64_t hash = hash_of(&table->keys[(size_t)number * width], width);
        uint32_t at = hash & table->mask;
        while (index[at])
            at = (at + 1) & table->mask;
        index[at] = tag_of(table, hash) | (number + 1);
    }
    return 1;
}

static int grow_keys(Table *table, int width)
{
    uint64_t room = table->room ? table->room + (uint64_t)table->room / 2 : 256;
    if (room >= NO_NUMBER - 1)
        room = NO_NUMBER - 1;
    if (room == table->room) {
        fault = FAULT_IDS;
        return 0;
    }
    uint64_t *keys = realloc(table->keys, room * width * sizeof *keys);
    if (!keys) {
        fault = FAULT_MEMORY;
        return 0;
    }
    table->keys = keys;
    table->room = room;
    return 1;
}

/* The number of a key, which is given one where it has none; NO_NUMBER where memory is out. */
static inline uint32_t number_of(Table *table, const uint64_t *key, int width)
{
    if (table->count >= table->room && !grow_keys(table, width))
        return NO_NUMBER;
    if (table->count >= table->mask - table->mask / 4 && !grow_index(table, width))
        return NO_NUMBER;
    uint64_t hash = hash_of(key, width);
    uint32_t at = hash & table->mask, tag = tag_of(table, hash), entry;
    for (; (entry = table->index[at]); at = (at + 1) & table->mask) {
        if ((entry & ~table->mask) != tag)
            continue;
        uint32_t number = (entry & table->mask) - 1;
        const uint64_t *known = &table->keys[(size_t)number * width];
        if (known[0] == key[0] && (width == 1 || known[1] == key[1]))
            return number;
    }
    memcpy(&table->keys[(size_t)table->count * width], key, width * sizeof *key);
    table->index[at] = tag | ++table->count;
    return table->count - 1;
}

/* A part for the chunks from the first to before the last. */
static int part_of_chunks(Tree *tree, int first, int last)
{
    if (last - first == 1)
        return first;
    int middle = first + (last - first + 1) / 2;
    int left = part_of_chunks(tree, first, middle), right = part_of_chunks(tree, middle, last);
    tree->left[tree->part_count] = left;
    tree->right[tree->part_count] = right;
    return tree->part_count++;
}

static int part_of_both(Tree *tree, int left, int right)
{
    tree->left[tree->part_count] = left;
    tree->right[tree->part_count] = right;
    return tree->part_count++;
}

static void cut(Tree *tree, int from, int to)
{
    for (; from < to; from += CHUNK) {
        tree->start[tree->chunk_count] = from;
        tree->words[tree->chunk_count++] = to - from < CHUNK ? to - from : CHUNK;
    }
}

/* Cuts a state of the sizes L: memory, each process, the harts. Returns whether there was memory for it. */
static int tree_begin(Tree *tree)
{
    int first[MAX_PROCESSES + 3], count = 0;
    memset(tree, 0, sizeof *tree);
    first[count++] = 0;
    cut(tree, 0, L->process_base);
    for (int pid = 1; pid <= L->processes; pid++) {
        first[count++] = tree->chunk_count;
        cut(tree, PROCESS(pid), PROCESS(pid) + L->process_size);
    }
    first[count++] = tree->chunk_count;
    cut(tree, L->hart_base, L->size);
    first[count] = tree->chunk_count;
    tree->part_count = tree->chunk_count;
    int memory = part_of_chunks(tree, first[0], first[1]);
    int processes = part_of_chunks(tree, first[count - 1], first[count]); /* the harts, then processes to them */
    for (int at = 1; at < count - 2; at++)
        processes = part_of_both(tree, processes, part_of_chunks(tree, first[at], first[at + 1]));
    if (count > 3) /* the last process goes with memory: two halves that are alike have the fewest parts */
        memory = part_of_both(tree, memory, part_of_chunks(tree, first[count - 2], first[count - 1]));
    part_of_both(tree, memory, processes);
    tree->pairs = calloc(tree->part_count - tree->chunk_count, sizeof *tree->pairs);
    return tree->pairs != NULL;
}

static void tree_end(Tree *tree)
{
    free(tree->chunks.keys);
    free(tree->chunks.index);
    for (int part = tree->chunk_count; tree->pairs && part < tree->part_count; part++) {
        free(PAIR(tree, part)->keys);
        free(PAIR(tree, part)->index);
    }
    free(tree->pairs);
}

/* The number of a state; a new one is the count of before. Where the state differs from `from`, of which `known` has the
 * parts, they are looked up. */
static uint32_t tree_add(Tree *tree, const word *state, const word *from, const Parts *known)
{
    static Parts parts;
    for (int chunk = 0; chunk < tree->chunk_count; chunk++) {
        const word *words = &state[tree->start[chunk]];
        size_t bytes = tree->words[chunk] * sizeof(word);
        if (from && !memcmp(words, &from[tree->start[chunk]], bytes)) {
            parts.at[chunk] = known->at[chunk];
        } else {
            uint64_t key[2] = {0};
            memcpy(key, words, bytes);
            parts.at[chunk] = number_of(&tree->chunks, key, 2);
        }
    }
    for (int part = tree->chunk_count; part < tree->part_count; part++) {
        int left = tree->left[part], right = tree->right[part];
        if (from && parts.at[left] == known->at[left] && parts.at[right] == known->at[right]) {
            parts.at[part] = known->at[part];
        } else {
            uint64_t key = parts.at[left] | (uint64_t)parts.at[right] << 32;
            parts.at[part] = number_of(PAIR(tree, part), &key, 1);
        }
    }
    return fault ? NO_NUMBER : parts.at[ROOT(tree)];
}

/* The state of a number, and its parts. */
static void tree_get(const Tree *tree, uint32_t number, word *state, Parts *parts)
{
    parts->at[ROOT(tree)] = number;
    for (int part = ROOT(tree); part >= tree->chunk_count; part--) {
        uint64_t key = PAIR(tree, part)->keys[parts->at[part]];
        parts->at[tree->left[part]] = (uint32_t)key;
        parts->at[tree->right[part]] = (uint32_t)(key >> 32);
    }
    for (int chunk = 0; chunk < tree->chunk_count; chunk++)
        memcpy(&state[tree->start[chunk]], &tree->chunks.keys[(size_t)parts->at[chunk] * 2],
               tree->words[chunk] * sizeof(word));
}

static uint64_t table_bytes(const Table *table, int width)
{
    return (uint64_t)table->room * width * 8 + ((uint64_t)table->mask + 1) * 4;
}

static uint64_t tree_bytes(const Tree *tree)
{
    uint64_t bytes = table_bytes(&tree->chunks, 2);
    for (int part = tree->chunk_count; part < tree->part_count; part++)
        bytes += table_bytes(PAIR(tree, part), 1);
    return bytes;
}
