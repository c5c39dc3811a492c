/* The built-ins of the language on a state: model/kernel.py, function for function. */

/* --- memory --- */

/* How often each frame stands on the free list; 2 where the list comes back to it. */
static void free_counts(const word *s, int *counts)
{
    memset(counts, 0, (L->frames + 1) * sizeof(int));
    for (int frame = s[FREE_LIST]; in_ram(frame); frame = s[NEXT + frame])
        if (++counts[frame] == 2)
            break;
}

void touch(const word *s, int frame)
{
    int counts[MAX_FRAMES + 1];
    free_counts(s, counts);
    int64_t view[] = {counts[frame] > 0};
    event(TOUCH_VIEW, view);
}

int64_t do_pte_at(word *s, int pid, int64_t table, int64_t page)
{
    (void)s, (void)pid;
    if (page < 0)
        fault = FAULT_INDEX;
    return 0 <= page && page < L->pages ? PTE_OF(table, page) : 0;
}

int64_t do_leaf_index(word *s, int pid, int64_t page)
{
    (void)s, (void)pid;
    if (page < 0)
        fault = FAULT_INDEX;
    return page / L->leaf_pages;
}

int64_t do_leaf_count(word *s, int pid) { return (void)s, (void)pid, L->leaves; }

int64_t do_leaf_page(word *s, int pid, int64_t table, int64_t index)
{
    (void)pid;
    if (index < 0)
        fault = FAULT_INDEX;
    return 0 <= index && index < L->leaves ? s[LEAF_OF(table, index)] : 0;
}

void do_set_leaf_page(word *s, int pid, int64_t table, int64_t index, int64_t leaf)
{
    (void)pid;
    if (index < 0)
        fault = FAULT_INDEX;
    else if (index < L->leaves)
        s[LEAF_OF(table, index)] = leaf;
}

int64_t do_new_pagetable(word *s, int pid, int64_t root)
{
    (void)pid;
    for (int number = 1; number <= L->tables; number++)
        if (s[TABLE_OF(number)] == 0) {
            s[TABLE_OF(number)] = root;
            return number;
        }
    fault = FAULT_INDEX; /* the reference says why */
    return 1;
}

void do_drop_pagetable(word *s, int pid, int64_t table)
{
    (void)pid;
    memset(&s[TABLE_OF(table)], 0, L->table_size * sizeof(word));
}

int64_t do_has_mappings(word *s, int pid, int64_t table)
{
    (void)pid;
    for (int page = 0; page < L->pages; page++)
        if (s[PTE_OF(table, page)] & PTE_V)
            return 1;
    return 0;
}

static int region(int64_t page) { return page < L->image_pages ? L->region[page] : REGION_DATA; }

int64_t do_region_flags(word *s, int pid, int64_t page)
{
    (void)s, (void)pid;
    if (page < 0)
        return fault = FAULT_INDEX;
    switch (region(page)) {
    case REGION_TEXT:
        return FLAGS_TEXT;
    case REGION_GUARD:
        return FLAGS_GUARD;
    default:
        return FLAGS_DATA;
    }
}

int64_t do_image_pages(word *s, int pid) { return (void)s, (void)pid, L->image_pages; }
int64_t do_stack_page(word *s, int pid) { return (void)s, (void)pid, L->stack_page; }
int64_t do_image_token(word *s, int pid) { return (void)s, (void)pid, IMAGE_TOKEN; }
int64_t do_frame_limit(word *s, int pid) { return (void)s, (void)pid, L->frames + 1; }

/* --- traps and system calls --- */

int64_t do_syscall_number(word *s, int pid)
{
    switch (op_of(s, pid)->kind) {
    case OP_FORK:
        return SYS_fork;
    case OP_EXIT:
        return SYS_exit;
    case OP_WAIT:
    case OP_REAP:
        return SYS_wait;
    case OP_READ:
        return SYS_read;
    case OP_KILL:
        return SYS_kill;
    case OP_EXEC:
        return SYS_exec;
    case OP_SBRK:
        return SYS_sbrk;
    }
    fault = FAULT_INDEX;
    return 0;
}

int64_t do_syscall_argument(word *s, int pid, int64_t n)
{
    const Op *op = op_of(s, pid);
    switch (op->kind) {
    case OP_SBRK:
        return op->pages;
    case OP_READ:
        if (n != 0 && n != 1)
            fault = FAULT_INDEX;
        return n == 0 ? op->page : op->pages;
    case OP_WAIT:
        return op->page;
    case OP_REAP:
        return -1;
    }
    return 0;
}

int64_t do_syscall_buffer(word *s, int pid) { return token_of(s, pid); }

void do_set_return(word *s, int pid, int64_t value) { s[PROCESS(pid) + RETURN] = fit(value); }

static int may_access(const word *s, int pid, int page, int store)
{
    if (page >= s[PROCESS(pid) + SZ])
        return 0;
    int kind = region(page);
    return kind == REGION_DATA || (kind == REGION_TEXT && !store);
}

static int permitted(const word *s, int pid, const Op *op)
{
    switch (op->kind) {
    case OP_LOAD:
    case OP_STORE:
        return may_access(s, pid, op->page, op->kind == OP_STORE);
    case OP_READ:
        for (int n = 0; n < op->pages; n++)
            if (!may_access(s, pid, op->page + n, 1))
                return 0;
        return 1;
    case OP_EXECUTE:
        return op->page < s[PROCESS(pid) + SZ] && region(op->page) == REGION_TEXT;
    }
    return 1;
}

/* How the operation that brought the process into the kernel ends. */
static void operation(const word *s, int pid, int killed)
{
    int b = PROCESS(pid);
    const Op *op = op_of(s, pid);
    int cause = s[b + SCAUSE];
    int faulted = is_fault(cause);
    int judged = op->kind == OP_READ || op->kind == OP_FORK || op->kind == OP_EXEC || op->kind == OP_SBRK;
    if (!faulted && !killed && !judged)
        return;
    int pte = faulted ? leaf_pte(s, pid, op->page) : 0;
    int succeeded = !killed;
    if (faulted)
        succeeded = succeeded && walk_grants(pte, op->kind) && in_ram(pte >> FLAG_BITS);
    else
        succeeded = succeeded && s[b + RETURN] >= 0;
    int64_t view[] = {
        faulted,
        permitted(s, pid, op),
        succeeded,
        killed,
        s[b + KILL_ASKED] != 0,
        s[b + OOM] != 0 || s[FREE_LIST] == 0,
        faulted && pte != s[b + FAULT_PTE],
    };
    event(OPERATION_VIEW, view);
}

/* What the pages are due to hold now. A call that failed may have written those before the one it failed at. */
static void settle_copyout(word *s, int pid, const Op *op)
{
    int token = token_of(s, pid);
    int failed = s[PROCESS(pid) + RETURN] < 0;
    for (int page = op->page; page < op->page + op->pages; page++) {
        if (!may_access(s, pid, page, 1))
            continue;
        if (failed) {
            int pte = leaf_pte(s, pid, page), frame = pte >> FLAG_BITS;
            if (!(pte & PTE_V && in_ram(frame) && s[DATA + frame] >> REST_BITS == token))
                continue;
        }
        if (page >= L->pages)
            fault = FAULT_INDEX;
        else
            s[DUE(pid, page)] = fit(with_word(s[DUE(pid, page)], token));
    }
}

void do_sret(word *s, int pid)
{
    int b = PROCESS(pid);
    if (s[b + SCAUSE] != SCAUSE_TIMER)
        operation(s, pid, 0);
    if (s[b + SCAUSE] == SCAUSE_SYSCALL) {
        const Op *op = op_of(s, pid);
        if (op->kind == OP_READ || (op->kind == OP_WAIT && op->page >= 0))
            settle_copyout(s, pid, op);
        if (op->kind != OP_REAP)
            s[b + UPC] += 1;
    }
    s[b + PC] = 0;
    s[b + INTR] = 1;
    s[b + SCAUSE] = s[b + STVAL] = s[b + RETURN] = s[b + OOM] = s[b + FAULT_PTE] = 0;
}
