/* The built-ins that deal with processes, and the ghosts: the rest of model/kernel.py. */

int64_t do_unused_proc(word *s, int pid)
{
    for (int other = FIRST; other <= L->processes; other++) {
        int b = PROCESS(other);
        if (s[b + STATE] == UNUSED && s[b + LOCK] == 0) {
            s[b + STATE] = EMBRYO;
            s[b + LOCK] = pid;
            s[PROCESS(pid) + NOFF] += 1;
            return other;
        }
    }
    return 0;
}

int64_t do_first_proc(word *s, int pid)
{
    (void)pid;
    s[PROCESS(FIRST) + STATE] = EMBRYO;
    s[PROCESS(FIRST) + PARENT] = INIT;
    return FIRST;
}

void do_start_proc(word *s, int pid, int64_t proc)
{
    int b = PROCESS(proc);
    if (pid == INIT) {
        s[b + UPC] = L->first_op;
        for (int page = 0; page < L->image_pages; page++)
            s[DUE(proc, page)] = filled(IMAGE_TOKEN);
    } else {
        int target = op_of(s, pid)->target;
        if (target < 0)
            fault = FAULT_INDEX;
        else
            s[b + UPC] = STARTS[target];
    }
    s[b + STATE] = RUNNABLE;
    s[b + PC] = 0;
    s[b + INTR] = 1;
}

void do_reset_proc(word *s, int pid, int64_t proc)
{
    (void)pid;
    int b = PROCESS(proc);
    word lock = s[b + LOCK];
    memset(&s[b], 0, L->process_size * sizeof(word));
    s[b + LOCK] = lock;
}

void do_zombify(word *s, int pid, int64_t status)
{
    (void)status;
    int b = PROCESS(pid);
    if (s[b + KILLED] || op_of(s, pid)->kind != OP_EXIT)
        operation(s, pid, 1); /* it was to go on: the kernel ends it */
    for (int other = FIRST; other <= L->processes; other++)
        if (s[PROCESS(other) + PARENT] == pid)
            s[PROCESS(other) + PARENT] = INIT;
    if (s[b + PARENT] < 1) {
        fault = FAULT_INDEX; /* a process without a parent: the reference knows what it makes of it */
        return;
    }
    int parent = PROCESS(s[b + PARENT]);
    if (s[parent + STATE] == SLEEPING)
        s[parent + STATE] = RUNNABLE;
    s[b + STATE] = ZOMBIE;
    memset(&s[b + FIXED], 0, L->pages * sizeof(word));
    s[b + KILLED] = s[b + SCAUSE] = s[b + STVAL] = s[b + RETURN] = s[b + OOM] = s[b + KILL_ASKED] = 0;
    s[b + FAULT_PTE] = 0;
}

/* A child in one of the states of a set (a bit for each); 0 where there is none. */
static int child_of(const word *s, int64_t pid, int states)
{
    for (int other = FIRST; other <= L->processes; other++) {
        int b = PROCESS(other);
        if (s[b + PARENT] == pid && (unsigned)s[b + STATE] <= ZOMBIE && (states >> s[b + STATE] & 1))
            return other;
    }
    return 0;
}

int64_t do_zombie_child(word *s, int pid, int64_t proc)
{
    (void)pid;
    return child_of(s, proc, 1 << ZOMBIE);
}

int64_t do_has_child(word *s, int pid, int64_t proc)
{
    (void)pid;
    return child_of(s, proc, 1 << EMBRYO | 1 << SLEEPING | 1 << RUNNABLE | 1 << ZOMBIE) > 0;
}

int64_t do_kill_target(word *s, int pid)
{
    int target = op_of(s, pid)->target;
    for (int other = FIRST; other <= L->processes; other++) {
        int b = PROCESS(other);
        int alive = s[b + STATE] == SLEEPING || s[b + STATE] == RUNNABLE;
        if (alive && op_of(s, other)->program == target) {
            s[b + KILLED] = s[b + KILL_ASKED] = 1;
            if (s[b + STATE] == SLEEPING)
                s[b + STATE] = RUNNABLE;
            return 0;
        }
    }
    return -1;
}

/* --- ghosts --- */

void do_ghost_inherit(word *s, int pid, int64_t child)
{
    memcpy(&s[DUE(child, 0)], &s[DUE(pid, 0)], L->pages * sizeof(word));
}

void do_ghost_due(word *s, int pid, int64_t page, int64_t token)
{
    if (page < 0 || page >= L->pages) {
        fault = FAULT_INDEX;
        return;
    }
    int due = DUE(pid, page);
    s[due] = fit(token >= FIRST_STORE_TOKEN ? with_word(s[due], token) : filled(token));
}
