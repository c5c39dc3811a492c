/* The hardware: translation, TLBs, user accesses, traps. model/hardware.py, function for function. */

static inline const Op *op_of(const word *s, int pid) { return &OPS[s[PROCESS(pid) + UPC]]; }

static inline int token_of(const word *s, int pid)
{
    return FIRST_STORE_TOKEN + pid * L->ops + s[PROCESS(pid) + UPC];
}

static inline int filled(int token) { return token << REST_BITS | (token & REST_MASK); }

/* --- translation --- */

static int leaf_pte(const word *s, int pid, int page)
{
    int table = s[PROCESS(pid) + TABLE];
    if (!table || page >= L->pages || s[LEAF_OF(table, page / L->leaf_pages)] == 0)
        return 0;
    return s[PTE_OF(table, page)];
}

static int permission(int kind) { return kind == OP_EXECUTE ? PTE_X : kind == OP_LOAD ? PTE_R : PTE_W; }

static int walk_grants(int pte, int kind)
{
    int wanted = PTE_V | PTE_U | permission(kind);
    return (pte & wanted) == wanted;
}

static int is_fault(int cause)
{
    return cause == SCAUSE_FETCH_FAULT || cause == SCAUSE_LOAD_FAULT || cause == SCAUSE_STORE_FAULT ||
           cause == SCAUSE_FETCH_ACCESS || cause == SCAUSE_LOAD_ACCESS || cause == SCAUSE_STORE_ACCESS;
}

static void trap(word *s, int pid, int cause, int page)
{
    int b = PROCESS(pid);
    s[b + SCAUSE] = cause;
    s[b + STVAL] = page;
    s[b + INTR] = 0;
    if (is_fault(cause))
        s[b + FAULT_PTE] = leaf_pte(s, pid, page);
}

/* A user load, store or jump to a page: 0 where it retired, else the cause of the trap. */
static int user_access(word *s, int pid, int hart, const Op *op)
{
    int kind = op->kind;
    int no_page = kind == OP_EXECUTE ? SCAUSE_FETCH_FAULT : kind == OP_LOAD ? SCAUSE_LOAD_FAULT : SCAUSE_STORE_FAULT;
    int no_ram = kind == OP_EXECUTE ? SCAUSE_FETCH_ACCESS : kind == OP_LOAD ? SCAUSE_LOAD_ACCESS : SCAUSE_STORE_ACCESS;
    if (op->page >= L->pages)
        return no_page;
    int cached = HART(hart) + 1 + op->page;
    int pte = s[cached] ? s[cached] : leaf_pte(s, pid, op->page);
    if (!walk_grants(pte, kind))
        return no_page;
    int frame = pte >> FLAG_BITS;
    if (!in_ram(frame))
        return no_ram;
    s[cached] = pte;
    int due = DUE(pid, op->page);
    if (kind == OP_STORE) {
        int token = token_of(s, pid);
        s[DATA + frame] = fit(with_word(s[DATA + frame], token));
        s[due] = fit(with_word(s[due], token));
        s[NEXT + frame] = 0;
    } else if (kind == OP_LOAD) {
        int64_t view[] = {s[DATA + frame], s[due]};
        event(LOAD_VIEW, view);
    }
    s[PROCESS(pid) + UPC] += 1;
    return 0;
}

static void flush(word *s, int hart) { memset(&s[HART(hart) + 1], 0, L->pages * sizeof(word)); }

static int hart_of(const word *s, int pid)
{
    for (int hart = 0; hart < L->harts; hart++)
        if (s[HART(hart)] == pid)
            return hart;
    return -1;
}

void do_sfence_vma(word *s, int pid)
{
    int hart = hart_of(s, pid);
    if (hart >= 0)
        flush(s, hart);
}

void do_intr_on(word *s, int pid) { s[PROCESS(pid) + INTR] = 1; }
void do_intr_off(word *s, int pid) { s[PROCESS(pid) + INTR] = 0; }
