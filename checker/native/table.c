/* The visited states, each kept exactly and once, in a tree: a state is cut into chunks of eight words; every distinct
 * chunk gets a number, every distinct pair of numbers gets one, and so on up to the root, whose pairs are the states
 * in the order of their discovery. States that have most of their parts in common share them, so a state takes little
 * more than its pair of eight bytes. Chunks that a step did not change keep their numbers without a look-up.
 * (The idea: Laarman, van de Pol, Weber, "Parallel recursive state compression for free", SPIN 2011.) */

#define CHUNK 8 /* words */
#define MOST_CHUNKS 512
#define MOST_LEVELS 12
#define NO_NUMBER UINT32_MAX

typedef struct {
    uint64_t *keys;     /* by number, `width` of them each */
    uint32_t *index;    /* open addressing: 1 + the number, or 0 */
    uint32_t count, room, mask;
} Table;

typedef struct {
    Table chunks, pairs, roots;
    int levels, width[MOST_LEVELS]; /* numbers at each level, until there are two */
} Tree;

/* The numbers of a state's parts, by level. */
typedef struct {
    uint32_t at[MOST_LEVELS][MOST_CHUNKS];
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

static int grow_index(Table *table, int width)
{
    uint32_t size = table->mask ? (table->mask + 1) * 2 : 256;
    uint32_t *index = size ? calloc(size, sizeof *index) : NULL;
    if (!index) {
        fault = FAULT_MEMORY;
        return 0;
    }
    free(table->index);
    table->index = index;
    table->mask = size - 1;
    for (uint32_t number = 0; number < table->count; number++) {
        uint32_t at = hash_of(&table->keys[(size_t)number * width], width) & table->mask;
        while (index[at])
            at = (at + 1) & table->mask;
        index[at] = number + 1;
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
    uint32_t at = hash_of(key, width) & table->mask;
    for (; table->index[at]; at = (at + 1) & table->mask) {
        const uint64_t *known = &table->keys[(size_t)(table->index[at] - 1) * width];
        if (known[0] == key[0] && (width == 1 || known[1] == key[1]))
            return table->index[at] - 1;
    }
    memcpy(&table->keys[(size_t)table->count * width], key, width * sizeof *key);
    table->index[at] = ++table->count;
    return table->count - 1;
}

static void tree_begin(Tree *tree, int size)
{
    memset(tree, 0, sizeof *tree);
    int width = (size + CHUNK - 1) / CHUNK;
    for (tree->width[0] = width; width > 2; tree->width[++tree->levels] = width)
        width = (width + 1) / 2;
}

static void tree_end(Tree *tree)
{
    Table *tables[] = {&tree->chunks, &tree->pairs, &tree->roots};
    for (int index = 0; index < 3; index++) {
        free(tables[index]->keys);
        free(tables[index]->index);
    }
}

static inline uint64_t pair(uint32_t left, uint32_t right) { return left | (uint64_t)right << 32; }

/* The number of a state; a new one is `roots.count` of before. Where the state differs from `from`, of which `known` has
 * the parts, they are looked up. */
static uint32_t tree_add(Tree *tree, const word *state, const word *from, const Parts *known)
{
    static Parts parts;
    int width = tree->width[0];
    for (int chunk = 0; chunk < width; chunk++) {
        if (from && !memcmp(&state[chunk * CHUNK], &from[chunk * CHUNK], CHUNK * sizeof(word))) {
            parts.at[0][chunk] = known->at[0][chunk];
        } else {
            uint64_t key[2];
            memcpy(key, &state[chunk * CHUNK], sizeof key);
            parts.at[0][chunk] = number_of(&tree->chunks, key, 2);
        }
    }
    for (int level = 0; level < tree->levels; level++) {
        const uint32_t *below = parts.at[level], *before = known->at[level];
        for (int left = 0; left + 1 < tree->width[level]; left += 2) {
            if (from && below[left] == before[left] && below[left + 1] == before[left + 1]) {
                parts.at[level + 1][left / 2] = known->at[level + 1][left / 2];
            } else {
                uint64_t key = pair(below[left], below[left + 1]);
                parts.at[level + 1][left / 2] = number_of(&tree->pairs, &key, 1);
            }
        }
        if (tree->width[level] & 1)
            parts.at[level + 1][tree->width[level] / 2] = below[tree->width[level] - 1];
    }
    const uint32_t *top = parts.at[tree->levels];
    uint64_t key = pair(top[0], tree->width[tree->levels] > 1 ? top[1] : 0);
    return fault ? NO_NUMBER : number_of(&tree->roots, &key, 1);
}

/* The state of a number, and its parts. */
static void tree_get(const Tree *tree, uint32_t number, word *state, Parts *parts)
{
    uint64_t key = tree->roots.keys[number];
    parts->at[tree->levels][0] = (uint32_t)key;
    parts->at[tree->levels][1] = (uint32_t)(key >> 32);
    for (int level = tree->levels - 1; level >= 0; level--) {
        int width = tree->width[level];
        for (int left = 0; left + 1 < width; left += 2) {
            key = tree->pairs.keys[parts->at[level + 1][left / 2]];
            parts->at[level][left] = (uint32_t)key;
            parts->at[level][left + 1] = (uint32_t)(key >> 32);
        }
        if (width & 1)
            parts->at[level][width - 1] = parts->at[level + 1][width / 2];
    }
    for (int chunk = 0; chunk < tree->width[0]; chunk++)
        memcpy(&state[chunk * CHUNK], &tree->chunks.keys[(size_t)parts->at[0][chunk] * 2], CHUNK * sizeof(word));
}

static uint64_t table_bytes(const Table *table, int width)
{
    return (uint64_t)table->room * width * 8 + ((uint64_t)table->mask + 1) * 4;
}

static uint64_t tree_bytes(const Tree *tree)
{
    return table_bytes(&tree->chunks, 2) + table_bytes(&tree->pairs, 1) + table_bytes(&tree->roots, 1);
}
