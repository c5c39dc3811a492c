/* The model as a transition system: model/system.py, function for function. */

static int pinned(const word *s, int pid)
{
    int b = PROCESS(pid);
    return s[b + NOFF] || (s[b + PC] && !s[b + INTR]);
}

static int orphan_zombie(const word *s)
{
    for (int pid = FIRST; pid <= L->processes; pid++)
        if (s[PROCESS(pid) + PARENT] == INIT && s[PROCESS(pid) + STATE] == ZOMBIE)
            return 1;
    return 0;
}

static int can_step(const word *s, int pid)
{
    int b = PROCESS(pid), pc = s[b + PC];
    if (pc == 0) {
        if (s[b + STATE] != RUNNABLE || OPS[s[b + UPC]].kind == OP_MEET)
            return 0;
        return pid != INIT || orphan_zombie(s);
    }
    if (s[b + STATE] == SLEEPING)
        return 0;
    int lock = wanted_lock(s, pid, pc - 1);
    return lock == 0 || s[lock] == 0 || s[lock] == pid;
}

/* The hart that runs the process's next step; -1 where there is none. */
static int place(const word *s, int pid)
{
    int idle = -1, preempted = -1, last = 0;
    for (int hart = 0; hart < L->harts; hart++) {
        int current = s[HART(hart)];
        if (current == pid)
            return hart;
        if (current == 0)
            idle = idle < 0 ? hart : idle;
        else if (current > last && !pinned(s, current))
            preempted = hart, last = current;
    }
    return idle >= 0 ? idle : preempted;
}

/* The enabled actions, each pid * 2 + timer, in the order of pids; returns how many. */
static int enabled_actions(const word *s, int *actions)
{
    int count = 0;
    if (s[PANIC])
        return 0;
    for (int pid = 1; pid <= L->processes; pid++) {
        int can = can_step(s, pid);
        if (s[PHASE] == 0) {
            if (can) {
                actions[0] = pid * 2;
                return 1;
            }
            continue;
        }
        if (can && place(s, pid) >= 0)
            actions[count++] = pid * 2;
        int b = PROCESS(pid);
        int dying = s[b + KILLED] && s[b + PC] == 0 && s[b + STATE] == RUNNABLE;
        if (dying && pid != INIT && place(s, pid) >= 0)
            actions[count++] = pid * 2 + 1;
    }
    return count;
}

static int is_end(const word *s)
{
    if (s[PANIC] || s[PROCESS(INIT) + PC])
        return 0;
    for (int pid = FIRST; pid <= L->processes; pid++)
        if (s[PROCESS(pid) + STATE] != UNUSED)
            return 0;
    return 1;
}

/* Where every process that is not asleep, ended or init has come to meet(), all go on. */
static void meet(word *s)
{
    int waiting[MAX_PROCESSES], count = 0;
    for (int pid = FIRST; pid <= L->processes; pid++) {
        int b = PROCESS(pid), run = s[b + STATE];
        if (run == UNUSED || run == SLEEPING || (run == ZOMBIE && s[b + PC] == 0))
            continue;
        if (s[b + PC] || OPS[s[b + UPC]].kind != OP_MEET)
            return;
        waiting[count++] = b;
    }
    if (count)
        s[PHASE] = 1;
    for (int index = 0; index < count; index++)
        s[waiting[index] + UPC] += 1;
}

/* A process that can be preempted and has nothing cached needs no hart; the setup ends when all have met. */
static void settle(word *s, int pid, int hart)
{
    int slot = HART(hart), cached = 0;
    int pin = pinned(s, pid);
    int gone = s[PROCESS(pid) + STATE] != RUNNABLE && !pin;
    if (gone)
        flush(s, hart);
    for (int page = 0; page < L->pages; page++)
        cached |= s[slot + 1 + page];
    if (gone || (!pin && !cached))
        s[slot] = 0;
    if (L->has_meet)
        meet(s);
    else if (s[PHASE] == 0 && s[PROCESS(INIT) + PC] == 0)
        s[PHASE] = 1;
}

/* Takes an action: s becomes the state after it. */
static void take(word *s, int action)
{
    int pid = action >> 1, hart = place(s, pid), b = PROCESS(pid);
    if (hart < 0) {
        fault = FAULT_INDEX;
        return;
    }
    if (s[HART(hart)] != pid) {
        s[HART(hart)] = pid;
        flush(s, hart);
    }
    if (s[b + PC]) {
        if (!program.tests_free_list && !s[FREE_LIST])
            s[b + OOM] = 1;
        run_step(s, pid, s[b + PC] - 1);
    } else if (action & 1) {
        trap(s, pid, SCAUSE_TIMER, 0);
        run_step(s, pid, program.trap);
    } else {
        const Op *op = op_of(s, pid);
        int access = op->kind == OP_LOAD || op->kind == OP_STORE || op->kind == OP_EXECUTE;
        int cause = access ? user_access(s, pid, hart, op) : SCAUSE_SYSCALL;
        if (cause) {
            trap(s, pid, cause, access ? op->page : 0);
            run_step(s, pid, program.trap);
        }
    }
    if (!s[PANIC])
        settle(s, pid, hart);
}
