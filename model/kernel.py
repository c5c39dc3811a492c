"""The built-ins of the language on a concrete state: what xv6 does in each, in one step.

A state is the working list of a step. Effects that an invariant judges (a fault handler that returned, a system call
that ended, a page that was touched) are appended to ``events``.
"""

from __future__ import annotations

from cowcheck.model import language
from cowcheck.model.contents import FIRST_STORE_TOKEN, filled, with_word, word_of
from cowcheck.model.hardware import FAULTS, Hardware, State, StateLike
from cowcheck.model.layout import (
    FAULT_PTE,
    FIRST,
    FIXED,
    FREE_LIST,
    INIT,
    INTR,
    KILL_ASKED,
    KILLED,
    LOCK,
    NOFF,
    OOM,
    PARENT,
    PC,
    RETURN,
    SCAUSE,
    STATE,
    STVAL,
    SZ,
    UPC,
    Layout,
)
from cowcheck.model.scenario import Op, OpKind, Scenario
from cowcheck.model.sv39 import PTE_R, PTE_U, PTE_V, PTE_W, PTE_X, pte_ppn
from cowcheck.model.views import OperationView, TouchView

REGION_FLAGS = {
    "text": PTE_R | PTE_X | PTE_U,
    "data": PTE_R | PTE_W | PTE_U,
    "guard": PTE_R | PTE_W,
}
IMAGE_TOKEN = 2
FIXED_CONTENTS = {
    0: "zeros",
    language.JUNK_FREED: "junk of kfree",
    IMAGE_TOKEN: "the image",
    language.JUNK_ALLOCATED: "junk of kalloc",
}
"""What the tokens that are no user's stand for."""
_JUDGED_CALLS = frozenset({OpKind.READ, OpKind.FORK, OpKind.EXEC, OpKind.SBRK})
_SYSCALL_NUMBERS = {
    OpKind.FORK: language.SYS_fork,
    OpKind.EXIT: language.SYS_exit,
    OpKind.WAIT: language.SYS_wait,
    OpKind.REAP: language.SYS_wait,
    OpKind.READ: language.SYS_read,
    OpKind.KILL: language.SYS_kill,
    OpKind.EXEC: language.SYS_exec,
    OpKind.SBRK: language.SYS_sbrk,
}


class Kernel(Hardware):
    """The built-ins, bound to a layout and a scenario. ``pid`` is the process that runs."""

    def __init__(self, layout: Layout, scenario: Scenario) -> None:
        super().__init__(layout, scenario)
        self.head = layout.globals[FREE_LIST]

    # --- memory ---

    def free_counts(self, state: StateLike) -> list[int]:
        """How often each frame (by number; 0 unused) stands on the free list; 2 where the list comes back to it."""
        counts = [0] * (self.layout.frames + 1)
        frame = state[self.head]
        while 0 < frame <= self.layout.frames:
            counts[frame] += 1
            if counts[frame] == 2:
                break
            frame = state[self.next_base + frame]
        return counts

    def touch(self, state: State, frame: int) -> None:
        """Kernel code reads or writes a page's contents."""
        self.events.append((f"frame {frame}", TouchView(free=self.free_counts(state)[frame] > 0)))

    def pte_at(self, state: State, pid: int, table: int, page: int) -> int:
        return self.layout.pte(table, page) if page < self.layout.pages else 0

    def leaf_index(self, state: State, pid: int, page: int) -> int:
        return page // self.layout.leaf_pages

    def leaf_count(self, state: State, pid: int) -> int:
        return self.layout.leaves

    def leaf_page(self, state: State, pid: int, table: int, index: int) -> int:
        return state[self.layout.leaf(table, index)] if index < self.layout.leaves else 0

    def set_leaf_page(self, state: State, pid: int, table: int, index: int, leaf: int) -> None:
        if index < self.layout.leaves:
            state[self.layout.leaf(table, index)] = leaf

    def new_pagetable(self, state: State, pid: int, root: int) -> int:
        for number in range(1, self.layout.tables + 1):
            slot = self.layout.table(number)
            if state[slot] == 0:
                state[slot] = root
                return number
        raise AssertionError("the layout has a page table for every process and every exec")

    def drop_pagetable(self, state: State, pid: int, table: int) -> None:
        slot = self.layout.table(table)
        state[slot : slot + self.layout.table_size] = [0] * self.layout.table_size

    def has_mappings(self, state: State, pid: int, table: int) -> int:
        first = self.layout.pte(table, 0)
        return int(any(pte & PTE_V for pte in state[first : first + self.layout.pages]))

    def region(self, page: int) -> str:
        """The kind of a page: the image's, and data for what sbrk adds."""
        pages = self.scenario.pages
        return pages[page] if page < len(pages) else "data"

    def region_flags(self, state: State, pid: int, page: int) -> int:
        return REGION_FLAGS[self.region(page)]

    def image_pages(self, state: State, pid: int) -> int:
        return len(self.scenario.pages)

    def stack_page(self, state: State, pid: int) -> int:
        data = [page for page, kind in enumerate(self.scenario.pages) if kind == "data"]
        return data[-1] if data else -1

    def image_token(self, state: State, pid: int) -> int:
        return IMAGE_TOKEN

    def frame_limit(self, state: State, pid: int) -> int:
        return self.layout.frames + 1

    # --- traps ---

    def syscall_number(self, state: State, pid: int) -> int:
        return _SYSCALL_NUMBERS[self.op(state, pid).kind]

    def syscall_argument(self, state: State, pid: int, n: int) -> int:
        op = self.op(state, pid)
        match op.kind:
            case OpKind.SBRK:
                return op.pages
            case OpKind.READ:
                return (op.page, op.pages)[n]
            case OpKind.WAIT:
                return op.page
            case OpKind.REAP:
                return -1
            case _:
                return 0

    def syscall_buffer(self, state: State, pid: int) -> int:
        return self.token(state, pid)

    def set_return(self, state: State, pid: int, value: int) -> None:
        state[self.layout.process(pid) + RETURN] = value

    def may_access(self, state: StateLike, pid: int, page: int, store: bool) -> bool:
        """The region lets user code do it: what a kernel without COW would allow."""
        if page >= state[self.layout.process(pid) + SZ]:
            return False
        kind = self.region(page)
        return kind == "data" or (kind == "text" and not store)

    def permitted(self, state: State, pid: int, op: Op) -> bool:
        match op.kind:
            case OpKind.LOAD | OpKind.STORE:
                return self.may_access(state, pid, op.page, op.kind is OpKind.STORE)
            case OpKind.READ:
                return all(self.may_access(state, pid, op.page + n, True) for n in range(op.pages))
            case OpKind.EXECUTE:
                return op.page < state[self.layout.process(pid) + SZ] and self.region(op.page) == "text"
            case _:
                return True

    def operation(self, state: State, pid: int, killed: bool) -> None:
        """Records how the operation that brought the process into the kernel ends."""
        base = self.layout.process(pid)
        op = self.op(state, pid)
        fault = state[base + SCAUSE] in FAULTS
        if not fault and not killed and op.kind not in _JUDGED_CALLS:
            return
        pte = self.leaf_pte(state, pid, op.page) if fault else 0
        if fault:
            granted = self.walk_grants(pte, op.kind)
            succeeded = not killed and granted and self.in_ram(pte_ppn(pte))
        else:
            succeeded = not killed and state[base + RETURN] >= 0
        view = OperationView(
            fault=fault,
            permitted=self.permitted(state, pid, op),
            succeeded=succeeded,
            killed=killed,
            kill_asked=bool(state[base + KILL_ASKED]),
            out_of_memory=bool(state[base + OOM]) or state[self.head] == 0,
            changed=fault and pte != state[base + FAULT_PTE],
        )
        self.events.append((op.subject, view))

    def sret(self, state: State, pid: int) -> None:
        """Back to user mode: the operation is over, or, after a fault, is tried again."""
        base = self.layout.process(pid)
        if state[base + SCAUSE] != language.SCAUSE_TIMER:
            self.operation(state, pid, killed=False)
        if state[base + SCAUSE] == language.SCAUSE_SYSCALL:
            op = self.op(state, pid)
            if op.kind is OpKind.READ or (op.kind is OpKind.WAIT and op.page >= 0):
                self._settle_copyout(state, pid, op)
            if op.kind is not OpKind.REAP:
                state[base + UPC] += 1
        state[base + PC] = 0
        state[base + INTR] = 1
        for ghost in (SCAUSE, STVAL, RETURN, OOM, FAULT_PTE):
            state[base + ghost] = 0

    def _settle_copyout(self, state: State, pid: int, op: Op) -> None:
        """What the pages are due to hold now. A call that failed may have written those before the one it failed at."""
        token = self.token(state, pid)
        failed = state[self.layout.process(pid) + RETURN] < 0
        for page in range(op.page, op.page + op.pages):
            if not self.may_access(state, pid, page, True):
                continue
            if failed:
                pte = self.leaf_pte(state, pid, page)
                frame = pte_ppn(pte)
                if not (pte & PTE_V and self.in_ram(frame) and word_of(state[self.data_base + frame]) == token):
                    continue
            due = self.layout.due(pid, page)
            state[due] = with_word(state[due], token)

    # --- processes ---

    def unused_proc(self, state: State, pid: int) -> int:
        for other in range(FIRST, self.layout.processes + 1):
            base = self.layout.process(other)
            if state[base + STATE] == language.UNUSED and state[base + LOCK] == 0:
                state[base + STATE] = language.EMBRYO
                state[base + LOCK] = pid
                state[self.layout.process(pid) + NOFF] += 1
                return other
        return 0

    def first_proc(self, state: State, pid: int) -> int:
        base = self.layout.process(FIRST)
        state[base + STATE] = language.EMBRYO
        state[base + PARENT] = INIT
        return FIRST

    def start_proc(self, state: State, pid: int, proc: int) -> None:
        base = self.layout.process(proc)
        starts = self.scenario.starts
        if pid == INIT:
            state[base + UPC] = starts[self.scenario.first]
            for page in range(len(self.scenario.pages)):
                state[self.layout.due(proc, page)] = filled(IMAGE_TOKEN)
        else:
            state[base + UPC] = starts[self.op(state, pid).target]
        state[base + STATE] = language.RUNNABLE
        state[base + PC] = 0
        state[base + INTR] = 1

    def reset_proc(self, state: State, pid: int, proc: int) -> None:
        base = self.layout.process(proc)
        lock = state[base + LOCK]
        state[base : base + self.layout.process_size] = [0] * self.layout.process_size
        state[base + LOCK] = lock

    def zombify(self, state: State, pid: int, status: int) -> None:
        base = self.layout.process(pid)
        if state[base + KILLED] or self.op(state, pid).kind is not OpKind.EXIT:
            self.operation(state, pid, killed=True)  # it was to go on: the kernel ends it
        for other in range(FIRST, self.layout.processes + 1):
            if state[self.layout.process(other) + PARENT] == pid:
                state[self.layout.process(other) + PARENT] = INIT
        parent = self.layout.process(state[base + PARENT])
        if state[parent + STATE] == language.SLEEPING:
            state[parent + STATE] = language.RUNNABLE
        state[base + STATE] = language.ZOMBIE
        for page in range(self.layout.pages):
            state[base + FIXED + page] = 0
        for ghost in (KILLED, SCAUSE, STVAL, RETURN, OOM, KILL_ASKED, FAULT_PTE):
            state[base + ghost] = 0

    def zombie_child(self, state: State, pid: int, proc: int) -> int:
        return self._child(state, proc, (language.ZOMBIE,))

    def has_child(self, state: State, pid: int, proc: int) -> int:
        return int(
            self._child(state, proc, (language.EMBRYO, language.SLEEPING, language.RUNNABLE, language.ZOMBIE)) > 0
        )

    def _child(self, state: StateLike, pid: int, states: tuple[int, ...]) -> int:
        for other in range(FIRST, self.layout.processes + 1):
            base = self.layout.process(other)
            if state[base + PARENT] == pid and state[base + STATE] in states:
                return other
        return 0

    def kill_target(self, state: State, pid: int) -> int:
        target = self.op(state, pid).target
        for other in range(FIRST, self.layout.processes + 1):
            base = self.layout.process(other)
            alive = state[base + STATE] in (language.SLEEPING, language.RUNNABLE)
            if alive and self.ops[state[base + UPC]].program == target:
                state[base + KILLED] = state[base + KILL_ASKED] = 1
                if state[base + STATE] == language.SLEEPING:
                    state[base + STATE] = language.RUNNABLE
                return 0
        return -1

    # --- ghosts ---

    def ghost_inherit(self, state: State, pid: int, child: int) -> None:
        for page in range(self.layout.pages):
            state[self.layout.due(child, page)] = state[self.layout.due(pid, page)]

    def ghost_due(self, state: State, pid: int, page: int, token: int) -> None:
        due = self.layout.due(pid, page)
        state[due] = with_word(state[due], token) if token >= FIRST_STORE_TOKEN else filled(token)
