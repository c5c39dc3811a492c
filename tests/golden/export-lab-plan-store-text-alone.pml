/* The design 'lab-plan' in the scenario 'store-text-alone', by cowcheck export */
/* harts: 1; frames: 6; pages: text, data

   spin -a FILE && gcc -O2 -DSAFETY -DNOREDUCE -DNOBOUNDCHECK -o pan pan.c && ./pan -m1000000

   An error is an invariant that does not hold (the assertion has its name), or a deadlock (an invalid
   end state). SPIN stops there; with -c0 it goes on, and counts what explore --no-symmetry counts. */

#define PROCESSES 2
#define HARTS 1
#define FRAMES 6
#define PAGES 2
#define TABLES 1
#define LEAVES 1
#define LEAF_PAGES 16
#define OPERATIONS 7
#define REAP 0
#define BIAS 16
#define PROC_LOCKS 2
#define UNUSED 0
#define EMBRYO 1
#define SLEEPING 2
#define RUNNABLE 3
#define ZOMBIE 4
#define PTE_V 1
#define SCAUSE_SYSCALL 8
#define SCAUSE_TIMER 64
#define SYS_exit 2

#define IN_RAM(f) ((f) > 0 && (f) <= FRAMES)
#define IS_FAULT(c) ((c) == 1 || (c) == 5 || (c) == 7 || (c) == 12 || (c) == 13 || (c) == 15)
#define LOCK(n) lock[(n) - 1]
/* what a page holds: the token in its first word, and the token that fills the rest */
#define WORD_OF(contents) ((contents) >> 3)
#define WITH_WORD(contents, token) (((token) << 3) | ((contents) & 7))
#define FILLED(token) (((token) << 3) | ((token) & 7))
/* what the operation of the running process stores: a value of its own */
#define TOKEN (8 + me * OPERATIONS + proc[self].upc)
/* lock 1: kmem.lock */
/* lock 2: proctable.wait_lock */
/* lock 3 and on: proc.lock */
/* lock 5 and on:  */
/* the design's variables that outlive a step, each in a register of the running process */
#define pa_0 proc[self].frame0
#define past_the_last_frame_1 proc[self].int0
#define memory_2 proc[self].int1
#define memory_4 proc[self].frame1
#define p_6 proc[self].proc0
#define r_10 proc[self].frame0
#define memory_11 proc[self].frame1
#define root_12 proc[self].frame0
#define memory_15 proc[self].pagetable0
#define va_18 proc[self].int0
#define past_the_last_va_19 proc[self].int1
#define newsz_22 proc[self].int2
#define xperm_23 proc[self].int3
#define a_24 proc[self].int4
#define past_the_last_a_25 proc[self].int5
#define r_28 proc[self].frame0
#define memory_29 proc[self].frame1
#define mem_30 proc[self].frame0
#define a_33 proc[self].int2
#define past_the_last_a_34 proc[self].int3
#define pte_40 proc[self].pteref0
#define pa_43 proc[self].frame0
#define memory_44 proc[self].int4
#define memory_46 proc[self].frame1
#define perm_48 proc[self].int6
#define index_51 proc[self].int7
#define r_55 proc[self].frame1
#define memory_56 proc[self].frame2
#define leaf_57 proc[self].frame1
#define memory_61 proc[self].int2
#define memory_63 proc[self].frame1
#define a_66 proc[self].int2
#define past_the_last_a_67 proc[self].int3
#define pte_73 proc[self].pteref0
#define pa_76 proc[self].frame0
#define memory_77 proc[self].int4
#define memory_79 proc[self].frame1
#define memory_86 proc[self].pte0
#define image_token_87 proc[self].int2
#define p_97 proc[self].proc0
#define syscall_argument_225 proc[self].int0
#define p_227 proc[self].proc1
#define pp_229 proc[self].proc2
#define memory_232 proc[self].pagetable0
#define syscall_buffer_233 proc[self].buffer0
#define va0_235 proc[self].int0
#define past_the_last_va0_236 proc[self].int1
#define pte_242 proc[self].pteref0
#define pte_252 proc[self].pteref1
#define pa_257 proc[self].frame0
#define r_260 proc[self].frame1
#define memory_261 proc[self].frame2
#define mem_262 proc[self].frame1
#define page_contents_263 proc[self].int2
#define memory_265 proc[self].int2
#define memory_267 proc[self].frame1
#define memory_268 proc[self].pte0
#define memory_270 proc[self].pagetable0
#define a_272 proc[self].int0
#define past_the_last_a_273 proc[self].int1
#define pte_279 proc[self].pteref0
#define pa_282 proc[self].frame0
#define memory_283 proc[self].int2
#define memory_285 proc[self].frame1
#define index_288 proc[self].int0
#define past_the_last_index_289 proc[self].int1
#define leaf_291 proc[self].frame0
#define memory_292 proc[self].int2
#define memory_294 proc[self].frame1
#define memory_295 proc[self].frame0
#define memory_296 proc[self].int0
#define memory_298 proc[self].frame1
#define pte_660 proc[self].pteref0
#define pa_665 proc[self].frame0
#define r_668 proc[self].frame1
#define memory_669 proc[self].frame2
#define mem_670 proc[self].frame1
#define page_contents_671 proc[self].int0
#define memory_673 proc[self].int0
#define memory_675 proc[self].frame1

/* --- the state --- */
typedef Proc { /* struct proc, its trapframe, and what the kernel's code keeps between two steps */
  bit intr;
  bit oom;
  bit kill_asked;
  byte upc; /* its place in the scenario */
  byte table;
  byte parent;
  byte killed;
  byte noff;
  byte wants;
  byte scause;
  byte frame0;
  byte frame1;
  byte frame2;
  byte pagetable0;
  byte proc0;
  byte proc1;
  byte proc2;
  byte pteref0;
  byte pteref1;
  short sz;
  short stval;
  short returned;
  short fault_pte;
  short buffer0;
  short int0;
  short int1;
  short int2;
  short int3;
  short int4;
  short int5;
  short int6;
  short int7;
  short pte0;
  short due[PAGES] /* what each page is due to hold */
};
Proc proc[PROCESSES]; /* element pid - 1; the same holds of pc and state */
byte pc[PROCESSES] = { 1, 0 }; /* 0 in user mode, else the step that comes next */
byte state[PROCESSES] = { RUNNABLE, 0 };
byte panic; /* 0, or the number of the message */
bit phase; /* 0 while one process runs at a time (boot, setup) */
bit bad; /* this state breaks an invariant */
byte lock[4]; /* the pid that holds it */
byte run_next[FRAMES]; /* r->next; element frame - 1; the same holds of what follows */
short page_data[FRAMES];
byte kmem_freelist; /* kmem.freelist */
short kmem_refcnt[FRAMES]; /* kmem.refcnt */
byte root[TABLES]; /* of each page table the page of the upper levels; its leaf pages; its PTEs */
byte leaf[TABLES * LEAVES];
short pte[TABLES * PAGES];
byte hart[HARTS]; /* the pid that it runs, and its TLB */
short tlb[HARTS * PAGES];

/* --- what the scenario and the program fix: no part of the state --- */
/* operations, by the place of a process in the scenario (upc):
   0: init: reap()
   1: parent: load page 0
   2: parent: execute page 0
   3: parent: store page 1
   4: parent: load page 1
   5: parent: store page 0
   6: parent: exit()
*/
hidden byte op_syscall[7] = { 3, 0, 0, 0, 0, 0, 2 };
hidden short op_argument0[7] = { 15, 16, 16, 16, 16, 16, 16 };
hidden short op_argument1[7] = { 15, 16, 16, 16, 16, 16, 16 };
hidden short op_page[7] = { 0, 0, 0, 1, 1, 0, 0 };
hidden short op_needs[7] = { 0, 19, 25, 21, 19, 21, 0 };
hidden short op_least_sz[7] = { 0, 1, 1, 2, 2, 32767, 0 };
hidden byte op_judged[7] = { 0, 0, 0, 0, 0, 0, 0 };
hidden short op_start[7] = { 0, 0, 0, 0, 0, 0, 0 };
hidden byte op_program[7] = { 0, 1, 1, 1, 1, 1, 1 };
hidden byte op_target[7] = { 0, 0, 0, 0, 0, 0, 0 };
hidden short op_first[7] = { 0, 0, 0, 0, 0, 0, 0 };
hidden short op_past[7] = { 0, 0, 0, 0, 0, 0, 0 };
hidden byte region_is_data[2] = { 0, 1 };
hidden byte region_flags[2] = { 26, 22 };
/* by step, a bit for each register: those that matter before it, those that refer to something */
hidden int keeps[164] = { 0, 0, 1025, 1025, 1025, 3073, 1025, 1025, 1025, 1025, 1027, 1025, 1025, 16, 16, 17, 19, 17, 17, 17, 17, 64536, 64536, 64537, 64539, 64537, 64537, 64537, 15513, 15513, 31897, 15513, 15512, 15513, 15513, 15515, 15513, 15512, 64537, 261145, 261145, 261147, 261151, 261147, 261147, 261147, 261147, 19481, 19481, 23577, 19481, 19480, 19481, 19481, 19483, 19481, 19480, 15513, 15513, 31897, 15513, 15512, 15513, 15513, 15515, 15513, 15512, 269336, 16, 16, 0, 0, 0, 1024, 1024, 0, 48, 48, 112, 4057, 4057, 4059, 4063, 4059, 4059, 4059, 4059, 8155, 3801, 3801, 7897, 3801, 3800, 3801, 3801, 3803, 3801, 3800, 265816, 80, 16, 3289, 3289, 7385, 3289, 3288, 3289, 3289, 3291, 3289, 3288, 3161, 3161, 7257, 3161, 3160, 3161, 3161, 3163, 3161, 3160, 89, 89, 1113, 89, 88, 89, 89, 91, 89, 88, 80, 80, 16, 48, 48, 16, 48, 48, 145, 145, 147, 151, 147, 147, 147, 147, 1171, 17, 17, 1041, 17, 16, 17, 17, 19, 17, 16, 16, 16, 16, 0, 0, 0 };
hidden int refers[164] = { 0, 0, 1, 1, 1, 2049, 1, 1, 1, 1, 3, 1, 1, 16, 16, 17, 19, 17, 17, 17, 17, 25624, 25624, 25625, 25627, 25625, 25625, 25625, 5273, 5273, 21657, 5273, 5272, 5273, 5273, 5275, 5273, 5272, 25625, 222233, 222233, 222235, 222239, 222235, 222235, 222235, 222235, 1049, 1049, 5145, 1049, 1048, 1049, 1049, 1051, 1049, 1048, 5273, 5273, 21657, 5273, 5272, 5273, 5273, 5275, 5273, 5272, 267288, 16, 16, 0, 0, 0, 1024, 1024, 0, 48, 48, 112, 2009, 2009, 2011, 2015, 2011, 2011, 2011, 2011, 6107, 1753, 1753, 5849, 1753, 1752, 1753, 1753, 1755, 1753, 1752, 263768, 80, 16, 1241, 1241, 5337, 1241, 1240, 1241, 1241, 1243, 1241, 1240, 1113, 1113, 5209, 1113, 1112, 1113, 1113, 1115, 1113, 1112, 89, 89, 1113, 89, 88, 89, 89, 91, 89, 88, 80, 80, 16, 48, 48, 16, 48, 48, 145, 145, 147, 151, 147, 147, 147, 147, 1171, 17, 17, 1041, 17, 16, 17, 17, 19, 17, 16, 16, 16, 16, 0, 0, 0 };

/* --- what is used within a step only: no part of the state --- */
hidden byte self, me; /* the running process, from 0, and its pid */
hidden byte at_hart, touched_frame, wrong_step;
hidden int other, page, frame, table, count, found_pte, cached, matters;
hidden int is_fault, succeeded, inside, booting, valid, same;
/* which invariants hold of what is judged */
hidden byte refcount_equals_mappings = 1;
hidden byte no_writable_shared_frame = 1;
hidden byte no_free_frame_mapped = 1;
hidden byte freed_once = 1;
hidden byte no_leak = 1;
hidden byte no_permission_gained = 1;
hidden byte isolation = 1;
hidden byte no_stale_translation = 1;
hidden byte out_of_memory_kills = 1;
hidden byte progress = 1;
hidden byte kernel_survives = 1;
hidden byte mapping_in_ram = 1;
hidden byte no_undue_failure = 1;
/* the views of the state, by frame and by page table */
hidden byte mappings[FRAMES + 1];
hidden byte visible[FRAMES + 1];
hidden byte writers[FRAMES + 1];
hidden byte held[FRAMES + 1];
hidden byte owned[FRAMES + 1];
hidden byte touched[FRAMES + 1];
hidden byte on_list[FRAMES + 1];
hidden byte table_seen[TABLES + 1], table_busy[TABLES + 1];
/* the design's variables that live within a step */
hidden int memory_3, first_proc_5, uvmcreate_7, kalloc_8, memory_9, new_pagetable_13;
hidden int memory_14, load_image_16, image_pages_17, region_flags_20, uvmalloc_21, kalloc_26;
hidden int memory_27, uvmdealloc_31, npages_32, walk_35, leaf_index_36, index_37;
hidden int leaf_page_38, pte_at_39, memory_41, memory_42, memory_45, mappages_47;
hidden int walk_49, leaf_index_50, leaf_page_52, kalloc_53, memory_54, pte_at_58;
hidden int pte_59, memory_60, memory_62, uvmdealloc_64, npages_65, walk_68;
hidden int leaf_index_69, index_70, leaf_page_71, pte_at_72, memory_74, memory_75;
hidden int memory_78, walk_80, leaf_index_81, index_82, leaf_page_83, pte_at_84;
hidden int pte_85, region_flags_88, walk_89, leaf_index_90, index_91, leaf_page_92;
hidden int pte_at_93, pte_94, memory_95, image_pages_96, r_scause_98, killed_99;
hidden int memory_100, syscall_number_101, num_102, wait_226, zombie_child_228, syscall_argument_230;
hidden int status_231, copyout_234, walk_237, leaf_index_238, index_239, leaf_page_240;
hidden int pte_at_241, memory_243, memory_244, memory_245, cow_fault_246, walk_247;
hidden int leaf_index_248, index_249, leaf_page_250, pte_at_251, memory_253, memory_254;
hidden int memory_255, memory_256, kalloc_258, memory_259, memory_264, memory_266;
hidden int memory_269, memory_271, walk_274, leaf_index_275, index_276, leaf_page_277;
hidden int pte_at_278, memory_280, memory_281, memory_284, has_mappings_286, leaf_count_287;
hidden int leaf_page_290, memory_293, memory_297, has_child_299, memory_300, r_scause_650;
hidden int r_scause_651, memory_652, r_stval_653, cow_fault_654, walk_655, leaf_index_656;
hidden int index_657, leaf_page_658, pte_at_659, memory_661, memory_662, memory_663;
hidden int memory_664, kalloc_666, memory_667, memory_672, memory_674, killed_676;
hidden int memory_677;

/* inside the kernel with interrupts off: it stays on its hart */
#define PINNED(q) (proc[q].noff || (pc[q] && !proc[q].intr))
/* a hart can run it: its own, an idle one, or one that can be preempted */
#define HAS_PLACE(q) (hart[0] == (q) + 1 || (hart[0] == 0 || !PINNED(hart[0] - 1)))
/* in user mode: init only waits, for orphans; nobody goes past a meet() alone */
#define CAN_USE(q) (state[q] == 3 && ((q) != 0 || (proc[1].parent == 1 && state[1] == 4)))
/* in the kernel: not asleep, and the lock that it wants is free (or its own: it panics) */
#define CAN_GO_ON(q) (state[q] != 2 && (proc[q].wants == 0 || LOCK(proc[q].wants) == 0 || LOCK(proc[q].wants) == (q) + 1))
#define CAN_STEP(q) (pc[q] == 0 -> CAN_USE(q) : CAN_GO_ON(q))
/* during setup one process runs at a time, the lowest first */
#define LOWER_CAN_STEP ((_pid > 0 && CAN_STEP(0)))
#define ENABLED (!panic && !bad && CAN_STEP(_pid) && (phase -> HAS_PLACE(_pid) : !LOWER_CAN_STEP))
/* killed while in user mode: the timer interrupt that it dies at */
#define TIMER_COMES (!panic && !bad && phase && proc[_pid].killed && pc[_pid] == 0 && state[_pid] == 3 && _pid != 0 && HAS_PLACE(_pid))
/* every process but init has come and gone */
#define FINISHED (!panic && state[1] == 0 && pc[0] == 0)

inline flush(hart_number) {
  page = 0;
  do
  :: page < PAGES -> tlb[hart_number * PAGES + page] = 0; page++
  :: else -> break
  od
}
inline leaf_pte(va) {
  /* the PTE that a hardware walk of the running process ends at; 0 where there is none */
  found_pte = 0;
  if
  :: proc[self].table != 0 && va < PAGES -> /* has the page table a leaf page there? */
     if
     :: leaf[(proc[self].table - 1) * LEAVES + (va) / LEAF_PAGES] != 0 ->
        found_pte = pte[(proc[self].table - 1) * PAGES + va]
     :: else
     fi
  :: else
  fi
}
inline trap(cause, va) {
  proc[self].scause = cause; proc[self].stval = va; proc[self].intr = 0;
  if
  :: IS_FAULT(cause) -> leaf_pte(va); proc[self].fault_pte = found_pte
  :: else
  fi
}
inline judge_load(value_seen, value_due) {
  isolation = isolation && (value_seen == value_due);
  skip
}
inline operation(is_killed) {
  /* how the operation that brought the process into the kernel ends */
  is_fault = IS_FAULT(proc[self].scause); found_pte = 0;
  if
  :: is_fault || is_killed || op_judged[proc[self].upc] ->
     leaf_pte(op_page[proc[self].upc]); found_pte = (is_fault -> found_pte : 0);
     succeeded = (is_fault -> (found_pte & op_needs[proc[self].upc]) == op_needs[proc[self].upc] && IN_RAM(found_pte >> 10) : proc[self].returned >= 0);
     succeeded = succeeded && !(is_killed);
     no_permission_gained = no_permission_gained && ((!((!(proc[self].sz >= op_least_sz[proc[self].upc])) && (!is_fault))) || (!succeeded));
     out_of_memory_kills = out_of_memory_kills && ((!(is_fault && (proc[self].sz >= op_least_sz[proc[self].upc]) && (proc[self].oom || kmem_freelist == 0))) || (succeeded || (is_killed)));
     out_of_memory_kills = out_of_memory_kills && ((!((is_fault && (proc[self].sz >= op_least_sz[proc[self].upc]) && (proc[self].oom || kmem_freelist == 0)) && (is_killed) && (!proc[self].kill_asked))) || (!(is_fault && found_pte != proc[self].fault_pte)));
     no_undue_failure = no_undue_failure && ((!((proc[self].sz >= op_least_sz[proc[self].upc]) && (is_killed))) || (proc[self].kill_asked || (proc[self].oom || kmem_freelist == 0)));
     no_undue_failure = no_undue_failure && ((!((proc[self].sz >= op_least_sz[proc[self].upc]) && (!is_fault) && (!(is_killed)) && (!succeeded))) || (proc[self].kill_asked || (proc[self].oom || kmem_freelist == 0)));
     skip
  :: else
  fi
}
inline new_pagetable(result, top_page) {
  other = 1;
  do
  :: other <= TABLES && root[other - 1] != 0 -> other++
  :: else -> break
  od;
  assert(other <= TABLES);
  root[other - 1] = top_page;
  result = other
}
inline drop_pagetable(of_table) {
  root[of_table - 1] = 0;
  other = 0;
  do
  :: other < LEAVES -> leaf[(of_table - 1) * LEAVES + other] = 0; other++
  :: else -> break
  od;
  other = 0;
  do
  :: other < PAGES -> pte[(of_table - 1) * PAGES + other] = 0; other++
  :: else -> break
  od
}
inline has_mappings(result, of_table) {
  other = 0;
  do
  :: other < PAGES && !(pte[(of_table - 1) * PAGES + other] & PTE_V) -> other++
  :: else -> break
  od;
  result = other < PAGES
}
inline child(result, parent_pid, counts) {
  /* the first child whose state is one of a set */
  other = 1;
  do
  :: other < PROCESSES && (proc[other].parent != parent_pid || !((counts >> state[other]) & 1)) -> other++
  :: else -> break
  od;
  if
  :: other < PROCESSES -> result = other + 1
  :: else -> result = 0
  fi
}
inline settle_copyout() {
  /* what the pages that the call wrote to are due to hold; one that failed may have written the first of them */
  page = op_first[proc[self].upc];
  do
  :: page < op_past[proc[self].upc] ->
     if
     :: page < proc[self].sz && page < PAGES && region_is_data[page] ->
        leaf_pte(page);
        if
        :: proc[self].returned >= 0 || (found_pte & PTE_V && IN_RAM(found_pte >> 10) &&
                                        WORD_OF(page_data[(found_pte >> 10) - 1]) == TOKEN) ->
           proc[self].due[page] = WITH_WORD(proc[self].due[page], TOKEN)
        :: else
        fi
     :: else
     fi;
     page++
  :: else -> break
  od
}
inline zombify() {
  if
  :: proc[self].killed || op_syscall[proc[self].upc] != SYS_exit -> operation(1)  /* it was to go on */
  :: else
  fi;
  other = 1;
  do
  :: other < PROCESSES ->
     if
     :: proc[other].parent == me -> proc[other].parent = 1
     :: else
     fi;
     other++
  :: else -> break
  od;
  if
  :: state[proc[self].parent - 1] == SLEEPING -> state[proc[self].parent - 1] = RUNNABLE
  :: else
  fi;
  state[self] = ZOMBIE;
  page = 0;
  do
  :: page < PAGES -> proc[self].due[page] = 0; page++
  :: else -> break
  od;
  proc[self].killed = 0; proc[self].scause = 0; proc[self].stval = 0; proc[self].returned = 0;
  proc[self].oom = 0; proc[self].kill_asked = 0; proc[self].fault_pte = 0
}
inline sret() {
  if
  :: proc[self].scause != SCAUSE_TIMER -> operation(0)
  :: else
  fi;
  if
  :: proc[self].scause == SCAUSE_SYSCALL ->
     settle_copyout();
     if
     :: proc[self].upc != REAP -> proc[self].upc++  /* init waits for ever */
     :: else
     fi
  :: else
  fi;
  proc[self].intr = 1;
  proc[self].scause = 0; proc[self].stval = 0; proc[self].returned = 0; proc[self].oom = 0; proc[self].fault_pte = 0
}
inline reset_proc(which) {
  proc[which - 1].upc = 0; proc[which - 1].intr = 0; proc[which - 1].oom = 0; proc[which - 1].kill_asked = 0;
  proc[which - 1].table = 0; proc[which - 1].parent = 0; proc[which - 1].killed = 0; proc[which - 1].noff = 0;
  proc[which - 1].wants = 0; proc[which - 1].scause = 0; proc[which - 1].sz = 0; proc[which - 1].stval = 0;
  proc[which - 1].returned = 0; proc[which - 1].fault_pte = 0; proc[which - 1].frame0 = 0; proc[which - 1].frame1 = 0;
  proc[which - 1].frame2 = 0; proc[which - 1].pagetable0 = 0; proc[which - 1].proc0 = 0; proc[which - 1].proc1 = 0;
  proc[which - 1].proc2 = 0; proc[which - 1].pteref0 = 0; proc[which - 1].pteref1 = 0; proc[which - 1].buffer0 = 0;
  proc[which - 1].int0 = 0; proc[which - 1].int1 = 0; proc[which - 1].int2 = 0; proc[which - 1].int3 = 0;
  proc[which - 1].int4 = 0; proc[which - 1].int5 = 0; proc[which - 1].int6 = 0; proc[which - 1].int7 = 0;
  proc[which - 1].pte0 = 0;
  pc[which - 1] = 0; state[which - 1] = UNUSED;
  page = 0;
  do
  :: page < PAGES -> proc[which - 1].due[page] = 0; page++
  :: else -> break
  od
}
inline start_proc(started) {
  if
  :: self == 0 -> /* init starts the scenario's first process */
     proc[started - 1].upc = 1;
     proc[started - 1].due[0] = 18;
     proc[started - 1].due[1] = 18;
     skip
  :: else -> proc[started - 1].upc = op_start[proc[self].upc]
  fi;
  state[started - 1] = RUNNABLE; pc[started - 1] = 0;
  proc[started - 1].wants = 0; proc[started - 1].intr = 1
}
inline start_again() {
  /* the initial state */
  panic = 0; phase = 0; bad = 0; kmem_freelist = 0;
  other = 0;
  do
  :: other < 6 ->
     reset_proc(other % PROCESSES + 1);
     lock[other % 4] = 0;
     run_next[other % 6] = 0;
     page_data[other % 6] = 0;
     root[other % 1] = 0;
     leaf[other % 1] = 0;
     pte[other % 2] = 0;
     hart[other % 1] = 0;
     tlb[other % 2] = 0;
     kmem_refcnt[other % 6] = 0;
     other++
  :: else -> break
  od;
  state[0] = RUNNABLE; pc[0] = 1
}
inline settle() {
  if
  :: state[self] != 3 && !PINNED(self) -> flush(at_hart); hart[at_hart] = 0
  :: state[self] == 3 && !PINNED(self) && !(tlb[at_hart * PAGES + 0] || tlb[at_hart * PAGES + 1]) -> hart[at_hart] = 0
  :: else
  fi;
  if :: pc[0] == 0 -> phase = 1 :: else fi
}
inline walk_free_list() {
  /* how often each frame stands on the free list; 2 where the list comes back to it */
  frame = 0;
  do
  :: frame < FRAMES + 1 ->
     on_list[frame] = 0;
     frame++
  :: else -> break
  od;
  frame = kmem_freelist;
  do
  :: IN_RAM(frame) ->
     on_list[frame]++;
     if :: on_list[frame] == 2 -> break :: else fi;
     frame = run_next[frame - 1]
  :: else -> break
  od
}
inline observe() {
  /* the views of the state: who uses each frame, and what user code can reach */
  booting = phase == 0 && pc[0] != 0; /* kinit has not freed every frame yet */
  frame = 0;
  do
  :: frame < FRAMES + 1 ->
     mappings[frame] = 0; visible[frame] = 0; writers[frame] = 0; held[frame] = 0; owned[frame] = 0;
     touched[frame] = booting;
     frame++
  :: else -> break
  od;
  table = 0;
  do
  :: table < TABLES + 1 ->
     table_seen[table] = 0; table_busy[table] = 0;
     table++
  :: else -> break
  od;
  other = 0;
  do
  :: other < PROCESSES ->
     inside = pc[other] != 0 && state[other] != 2;
     table_seen[proc[other].table] = state[other] == 2 || (state[other] == 3 && pc[other] == 0);
     if
     :: inside ->
        table_busy[proc[other].table] = 1;
        matters = refers[pc[other]];
        frame = (matters & 1 -> proc[other].frame0 : 0); frame = (IN_RAM(frame) -> frame : 0);
        held[frame]++; touched[frame] = 1;
        frame = (matters & 2 -> proc[other].frame1 : 0); frame = (IN_RAM(frame) -> frame : 0);
        held[frame]++; touched[frame] = 1;
        frame = (matters & 4 -> proc[other].frame2 : 0); frame = (IN_RAM(frame) -> frame : 0);
        held[frame]++; touched[frame] = 1;
        table_busy[(matters & 8 -> proc[other].pagetable0 : 0)] = 1;
        if :: matters & 16 && proc[other].proc0 != 0 && proc[other].proc0 != other + 1 ->
           table_busy[proc[proc[other].proc0 - 1].table] = 1 :: else fi;
        if :: matters & 32 && proc[other].proc1 != 0 && proc[other].proc1 != other + 1 ->
           table_busy[proc[proc[other].proc1 - 1].table] = 1 :: else fi;
        if :: matters & 64 && proc[other].proc2 != 0 && proc[other].proc2 != other + 1 ->
           table_busy[proc[proc[other].proc2 - 1].table] = 1 :: else fi;
        frame = (matters & 128 -> proc[other].pteref0 : 0); frame = (frame -> pte[frame - 1] >> 10 : 0); frame = (IN_RAM(frame) -> frame : 0);
        touched[frame] = 1;
        frame = (matters & 256 -> proc[other].pteref1 : 0); frame = (frame -> pte[frame - 1] >> 10 : 0); frame = (IN_RAM(frame) -> frame : 0);
        touched[frame] = 1;
        frame = (matters & 262144 -> proc[other].pte0 : 0) >> 10; frame = (IN_RAM(frame) -> frame : 0);
        held[frame]++; touched[frame] = 1;
        skip
     :: else
     fi;
     other++
  :: else -> break
  od;
  table = 1;
  do
  :: table < TABLES + 1 ->
     inside = table_busy[table];
     frame = root[table - 1];
     touched[frame] = touched[frame] || inside; owned[frame] = owned[frame] + !inside;
     page = 0;
     do
     :: page < LEAVES ->
        frame = leaf[(table - 1) * LEAVES + page];
        touched[frame] = touched[frame] || inside; owned[frame] = owned[frame] + !inside;
        page++
     :: else -> break
     od;
     page = 0;
     do
     :: page < PAGES ->
        found_pte = pte[(table - 1) * PAGES + page];
        if
        :: found_pte & 1 ->
           no_permission_gained = no_permission_gained && ((!(table_seen[table] && ((found_pte & 16) != 0) && ((found_pte & 4) != 0))) || region_is_data[page]);
           mapping_in_ram = mapping_in_ram && IN_RAM(found_pte >> 10);
           frame = (IN_RAM(found_pte >> 10) -> found_pte >> 10 : 0);
           mappings[frame]++; visible[frame] = visible[frame] + table_seen[table];
           writers[frame] = writers[frame] + (table_seen[table] && (found_pte & 20) == 20);
           touched[frame] = touched[frame] || inside
        :: else
        fi;
        page++
     :: else -> break
     od;
     table++
  :: else -> break
  od;
  other = 0;
  do
  :: other < HARTS ->
     if
     :: hart[other] != 0 ->
        if
        :: pc[hart[other] - 1] == 0 -> /* in user mode: what it has cached can be used */
           table = proc[hart[other] - 1].table;
           page = 0;
           do
           :: page < PAGES ->
              cached = tlb[other * PAGES + page];
              if
              :: cached != 0 ->
                 found_pte = (table != 0 -> (leaf[(table - 1) * LEAVES + page / LEAF_PAGES] != 0 -> pte[(table - 1) * PAGES + page] : 0) : 0);
                 valid = (found_pte & 17) == 17;
                 frame = cached >> 10;
                 same = valid && (found_pte >> 10) == frame;
                 visible[frame] = visible[frame] + !same;
                 writers[frame] = writers[frame] + ((cached & 4) && !(same && (found_pte & 4)));
                 no_stale_translation = no_stale_translation && valid;
                 no_stale_translation = no_stale_translation && ((!valid) || same);
                 no_stale_translation = no_stale_translation && ((!(valid && same && ((cached & 4) != 0))) || (valid && (found_pte & 4) != 0));
                 skip
              :: else
              fi;
              page++
           :: else -> break
           od;
           skip
        :: else
        fi
     :: else
     fi;
     other++
  :: else -> break
  od;
  frame = 1;
  do
  :: frame < FRAMES + 1 ->
     refcount_equals_mappings = refcount_equals_mappings && ((!((!touched[frame]) && 1 && (mappings[frame] >= (1)))) || ((kmem_refcnt[frame - 1] - (0)) >= mappings[frame]));
     refcount_equals_mappings = refcount_equals_mappings && ((!((!touched[frame]) && 1 && (mappings[frame] >= (1)))) || ((kmem_refcnt[frame - 1] - (0)) <= mappings[frame]));
     no_writable_shared_frame = no_writable_shared_frame && ((!(writers[frame] >= (1))) || (visible[frame] == (1)));
     no_writable_shared_frame = no_writable_shared_frame && ((!(owned[frame] >= (1))) || (visible[frame] == (0)));
     no_free_frame_mapped = no_free_frame_mapped && ((!(on_list[frame] >= (1))) || (visible[frame] == (0)));
     no_free_frame_mapped = no_free_frame_mapped && ((!(on_list[frame] >= (1))) || (owned[frame] == (0)));
     freed_once = freed_once && (on_list[frame] <= (1));
     no_leak = no_leak && ((!(!touched[frame])) || ((on_list[frame] >= (1)) || (mappings[frame] >= (1)) || (held[frame] >= (1)) || (owned[frame] >= (1))));
     frame++
  :: else -> break
  od;
  skip
}
inline judge() {
  walk_free_list();
  if
  :: touched_frame != 0 ->
     no_free_frame_mapped = no_free_frame_mapped && (!(on_list[touched_frame] > 0));
     skip
  :: else
  fi;
  wrong_step = !(refcount_equals_mappings && no_writable_shared_frame && no_free_frame_mapped && freed_once && no_leak && no_permission_gained && isolation && no_stale_translation && out_of_memory_kills && progress && kernel_survives && mapping_in_ram && no_undue_failure);
  if
  :: wrong_step == 0 && panic == 0 -> observe()
  :: else
  fi;
  progress = progress && 1;
  kernel_survives = kernel_survives && (!(wrong_step == 0 && panic != 0));
  if
  :: refcount_equals_mappings && no_writable_shared_frame && no_free_frame_mapped && freed_once && no_leak && no_permission_gained && isolation && no_stale_translation && out_of_memory_kills && progress && kernel_survives && mapping_in_ram && no_undue_failure
  :: else ->
     assert(refcount_equals_mappings); refcount_equals_mappings = 1;
     assert(no_writable_shared_frame); no_writable_shared_frame = 1;
     assert(no_free_frame_mapped); no_free_frame_mapped = 1;
     assert(freed_once); freed_once = 1;
     assert(no_leak); no_leak = 1;
     assert(no_permission_gained); no_permission_gained = 1;
     assert(isolation); isolation = 1;
     assert(no_stale_translation); no_stale_translation = 1;
     assert(out_of_memory_kills); out_of_memory_kills = 1;
     assert(progress); progress = 1;
     assert(kernel_survives); kernel_survives = 1;
     assert(mapping_in_ram); mapping_in_ram = 1;
     assert(no_undue_failure); no_undue_failure = 1;
     if
     :: wrong_step -> start_again() /* the state after it is none of the graph's */
     :: else -> bad = 1 /* a state of the graph that is not expanded */
     fi
  fi
}

active [PROCESSES] proctype process() {
  do
  :: d_step { /* one action: a step from user mode to 68 */
    pc[_pid] <= 68 && ENABLED ->
    self = _pid; me = _pid + 1; touched_frame = 0; proc[self].wants = 0;
    /* the hart that runs the step */
    at_hart = 1; other = 0;
    if
    :: hart[0] == me -> at_hart = 0
    :: hart[0] == 0 -> at_hart = 0 /* SPIN takes the first that holds */
    :: else ->
       if :: hart[0] > other && !PINNED(hart[0] - 1) -> at_hart = 0; other = hart[0] :: else fi;
    fi;
    if
    :: hart[at_hart] != me -> hart[at_hart] = me; flush(at_hart)
    :: else
    fi;
    if
    :: pc[self] == 0 -> goto user
    :: pc[self] == 1 -> goto L0
    :: pc[self] == 2 -> goto L3
    :: pc[self] == 3 -> goto L6
    :: pc[self] == 4 -> goto L7
    :: pc[self] == 5 -> goto L8
    :: pc[self] == 6 -> goto L9
    :: pc[self] == 7 -> goto L11
    :: pc[self] == 8 -> goto L13
    :: pc[self] == 9 -> goto L14
    :: pc[self] == 10 -> goto L15
    :: pc[self] == 11 -> goto L16
    :: pc[self] == 12 -> goto L17
    :: pc[self] == 13 -> goto L22
    :: pc[self] == 14 -> goto L23
    :: pc[self] == 15 -> goto L26
    :: pc[self] == 16 -> goto L27
    :: pc[self] == 17 -> goto L28
    :: pc[self] == 18 -> goto L30
    :: pc[self] == 19 -> goto L32
    :: pc[self] == 20 -> goto L40
    :: pc[self] == 21 -> goto L59
    :: pc[self] == 22 -> goto L60
    :: pc[self] == 23 -> goto L63
    :: pc[self] == 24 -> goto L64
    :: pc[self] == 25 -> goto L65
    :: pc[self] == 26 -> goto L67
    :: pc[self] == 27 -> goto L69
    :: pc[self] == 28 -> goto L103
    :: pc[self] == 29 -> goto L104
    :: pc[self] == 30 -> goto L105
    :: pc[self] == 31 -> goto L106
    :: pc[self] == 32 -> goto L108
    :: pc[self] == 33 -> goto L110
    :: pc[self] == 34 -> goto L111
    :: pc[self] == 35 -> goto L112
    :: pc[self] == 36 -> goto L113
    :: pc[self] == 37 -> goto L114
    :: pc[self] == 38 -> goto L122
    :: pc[self] == 39 -> goto L130
    :: pc[self] == 40 -> goto L131
    :: pc[self] == 41 -> goto L134
    :: pc[self] == 42 -> goto L135
    :: pc[self] == 43 -> goto L136
    :: pc[self] == 44 -> goto L138
    :: pc[self] == 45 -> goto L140
    :: pc[self] == 46 -> goto L148
    :: pc[self] == 47 -> goto L167
    :: pc[self] == 48 -> goto L168
    :: pc[self] == 49 -> goto L169
    :: pc[self] == 50 -> goto L170
    :: pc[self] == 51 -> goto L172
    :: pc[self] == 52 -> goto L174
    :: pc[self] == 53 -> goto L175
    :: pc[self] == 54 -> goto L176
    :: pc[self] == 55 -> goto L177
    :: pc[self] == 56 -> goto L178
    :: pc[self] == 57 -> goto L207
    :: pc[self] == 58 -> goto L208
    :: pc[self] == 59 -> goto L209
    :: pc[self] == 60 -> goto L210
    :: pc[self] == 61 -> goto L212
    :: pc[self] == 62 -> goto L214
    :: pc[self] == 63 -> goto L215
    :: pc[self] == 64 -> goto L216
    :: pc[self] == 65 -> goto L217
    :: pc[self] == 66 -> goto L218
    :: pc[self] == 67 -> goto L249
    :: pc[self] == 68 -> goto L277
    fi;
user:
    if
    :: proc[self].upc == 1 -> /* specs/scenarios/store_text_alone.py:17 parent: load page 0 */
       found_pte = tlb[at_hart * PAGES + 0];
       if :: found_pte == 0 -> leaf_pte(0) :: else fi;
       if
       :: (found_pte & 19) != 19 -> trap(13, 0); goto L279
       :: else
       fi;
       frame = found_pte >> 10;
       if :: !IN_RAM(frame) -> trap(5, 0); goto L279 :: else fi;
       tlb[at_hart * PAGES + 0] = found_pte;
       judge_load(page_data[frame - 1], proc[self].due[0]);
       proc[self].upc++; goto done
    :: proc[self].upc == 2 -> /* specs/scenarios/store_text_alone.py:18 parent: execute page 0 */
       found_pte = tlb[at_hart * PAGES + 0];
       if :: found_pte == 0 -> leaf_pte(0) :: else fi;
       if
       :: (found_pte & 25) != 25 -> trap(12, 0); goto L279
       :: else
       fi;
       frame = found_pte >> 10;
       if :: !IN_RAM(frame) -> trap(1, 0); goto L279 :: else fi;
       tlb[at_hart * PAGES + 0] = found_pte;
       proc[self].upc++; goto done
    :: proc[self].upc == 3 -> /* specs/scenarios/store_text_alone.py:19 parent: store page 1 */
       found_pte = tlb[at_hart * PAGES + 1];
       if :: found_pte == 0 -> leaf_pte(1) :: else fi;
       if
       :: (found_pte & 21) != 21 -> trap(15, 1); goto L279
       :: else
       fi;
       frame = found_pte >> 10;
       if :: !IN_RAM(frame) -> trap(7, 1); goto L279 :: else fi;
       tlb[at_hart * PAGES + 1] = found_pte;
       page_data[frame - 1] = WITH_WORD(page_data[frame - 1], TOKEN);
       proc[self].due[1] = WITH_WORD(proc[self].due[1], TOKEN);
       run_next[frame - 1] = 0;
       proc[self].upc++; goto done
    :: proc[self].upc == 4 -> /* specs/scenarios/store_text_alone.py:20 parent: load page 1 */
       found_pte = tlb[at_hart * PAGES + 1];
       if :: found_pte == 0 -> leaf_pte(1) :: else fi;
       if
       :: (found_pte & 19) != 19 -> trap(13, 1); goto L279
       :: else
       fi;
       frame = found_pte >> 10;
       if :: !IN_RAM(frame) -> trap(5, 1); goto L279 :: else fi;
       tlb[at_hart * PAGES + 1] = found_pte;
       judge_load(page_data[frame - 1], proc[self].due[1]);
       proc[self].upc++; goto done
    :: proc[self].upc == 5 -> /* specs/scenarios/store_text_alone.py:21 parent: store page 0 */
       found_pte = tlb[at_hart * PAGES + 0];
       if :: found_pte == 0 -> leaf_pte(0) :: else fi;
       if
       :: (found_pte & 21) != 21 -> trap(15, 0); goto L279
       :: else
       fi;
       frame = found_pte >> 10;
       if :: !IN_RAM(frame) -> trap(7, 0); goto L279 :: else fi;
       tlb[at_hart * PAGES + 0] = found_pte;
       page_data[frame - 1] = WITH_WORD(page_data[frame - 1], TOKEN);
       proc[self].due[0] = WITH_WORD(proc[self].due[0], TOKEN);
       run_next[frame - 1] = 0;
       proc[self].upc++; goto done
    :: else -> trap(8, 0); goto L279
    fi;
L0:
    /* specs/designs/lab_plan.py:65 kinit: for pa in all_frames(): */
    pa_0 = 1;
    past_the_last_frame_1 = 7;
L2:
    if :: (pa_0 < past_the_last_frame_1) -> goto at_2
    :: else -> goto L20 fi;
L3:
    /* specs/designs/lab_plan.py:66 kinit: kmem.refcnt[pa] = 1 */
    if :: !IN_RAM(pa_0) -> panic = 1; goto left :: else fi;
    kmem_refcnt[pa_0 - 1] = 1;
    /* specs/designs/lab_plan.py:71 kfree: if not in_ram(pa): */
    if :: IN_RAM(pa_0) -> goto at_3
    :: else -> goto L5 fi;
L5:
    /* specs/designs/lab_plan.py:72 kfree: panic("kfree") */
    panic = 10; goto left;
L6:
    /* specs/designs/lab_plan.py:73 kfree: acquire(kmem.lock) */
    LOCK(1) = me; proc[self].noff++;
    goto at_4;
L7:
    /* specs/designs/lab_plan.py:74 kfree: kmem.refcnt[pa] -= 1 */
    memory_2 = kmem_refcnt[pa_0 - 1];
    goto at_5;
L8:
    kmem_refcnt[pa_0 - 1] = (memory_2 - 1);
    goto at_6;
L9:
    /* specs/designs/lab_plan.py:75 kfree: if kmem.refcnt[pa] > 0: */
    memory_3 = kmem_refcnt[pa_0 - 1];
    if :: (memory_3 > 0) -> goto at_7
    :: else -> goto at_8 fi;
L11:
    /* specs/designs/lab_plan.py:76 kfree: release(kmem.lock) */
    LOCK(1) = 0; proc[self].noff--;
    goto L18;
L13:
    /* specs/designs/lab_plan.py:78 kfree: memset(pa, JUNK_FREED) */
    touched_frame = pa_0;
    run_next[pa_0 - 1] = 0;
    page_data[pa_0 - 1] = 9;
    goto at_9;
L14:
    /* specs/designs/lab_plan.py:79 kfree: pa.next = kmem.freelist */
    memory_4 = kmem_freelist;
    goto at_10;
L15:
    run_next[pa_0 - 1] = memory_4;
    goto at_11;
L16:
    /* specs/designs/lab_plan.py:80 kfree: kmem.freelist = pa */
    kmem_freelist = pa_0;
    goto at_12;
L17:
    /* specs/designs/lab_plan.py:81 kfree: release(kmem.lock) */
    LOCK(1) = 0; proc[self].noff--;
L18:
    /* specs/designs/lab_plan.py:65 kinit: for pa in all_frames(): */
    pa_0 = (pa_0 + 1);
    goto L2;
L20:
    /* specs/xv6/proc.py:50 userinit: p = first_proc() */
    state[1] = EMBRYO; proc[1].parent = 1; first_proc_5 = 2;
    p_6 = first_proc_5;
    goto at_13;
L22:
    /* specs/designs/lab_plan.py:85 kalloc: acquire(kmem.lock) */
    LOCK(1) = me; proc[self].noff++;
    goto at_14;
L23:
    /* specs/designs/lab_plan.py:86 kalloc: r = kmem.freelist */
    memory_9 = kmem_freelist;
    if :: memory_9 == 0 -> proc[self].oom = 1 :: else fi;
    r_10 = memory_9;
    /* specs/designs/lab_plan.py:87 kalloc: if r != NULL: */
    if :: (r_10 != 0) -> goto at_15
    :: else -> goto at_18 fi;
L26:
    /* specs/designs/lab_plan.py:88 kalloc: kmem.freelist = r.next */
    if :: !IN_RAM(r_10) -> panic = 1; goto left :: else fi;
    memory_11 = run_next[r_10 - 1];
    goto at_16;
L27:
    kmem_freelist = memory_11;
    goto at_17;
L28:
    /* specs/designs/lab_plan.py:89 kalloc: kmem.refcnt[r] = 1 */
    kmem_refcnt[r_10 - 1] = 1;
    goto at_18;
L30:
    /* specs/designs/lab_plan.py:90 kalloc: release(kmem.lock) */
    LOCK(1) = 0; proc[self].noff--;
    /* specs/designs/lab_plan.py:91 kalloc: if r != NULL: */
    if :: (r_10 != 0) -> goto at_19
    :: else -> goto L34 fi;
L32:
    /* specs/designs/lab_plan.py:92 kalloc: memset(r, JUNK_ALLOCATED) */
    if :: !IN_RAM(r_10) -> panic = 1; goto left :: else fi;
    touched_frame = r_10;
    run_next[r_10 - 1] = 0;
    page_data[r_10 - 1] = 45;
L34:
    /* specs/designs/lab_plan.py:93 kalloc: return r */
    kalloc_8 = r_10;
L36:
    /* specs/xv6/vm.py:77 uvmcreate: root = kalloc() */
    root_12 = kalloc_8;
    /* specs/xv6/vm.py:78 uvmcreate: if root == NULL: */
    if :: (root_12 == 0) -> goto L38
    :: else -> goto at_20 fi;
L38:
    /* specs/xv6/vm.py:79 uvmcreate: return NULL */
    uvmcreate_7 = 0;
    goto L44;
