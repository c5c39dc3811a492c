"""The names that a design, and the base kernel in ``specs/xv6``, may use: the vocabulary of xv6's kernel C.

A design is read, checked and compiled (``model/lower.py``); it is never run by Python, so nothing here does anything.
The declarations serve three readers: the compiler takes the signature of every built-in function from here, type
checkers and editors understand a design with them, and a person finds here what each name stands for.

Units: an address is a page number (``va``) or a frame (``Frame``), for COW never looks inside a page: ``PGSIZE`` is
1, and a page's contents are one small token.
"""

from __future__ import annotations

from typing import Final, Generic, NoReturn, TypeAlias, TypeVar

T = TypeVar("T")


def _declared() -> NoReturn:
    raise TypeError("a design is compiled by cowcheck, it cannot be run by Python")


class Spinlock:
    """``struct spinlock``: acquire turns interrupts off on this hart (push_off), release on again with the last
    (pop_off)."""


class Frame:
    """``uint64 pa`` or ``struct run *``: a physical page; 0 is no page. Compared with ``==`` only, never counted
    with."""

    next: Frame
    """``r->next``: the next free page. It lives in the page itself: whoever writes the page destroys it."""


class PerFrame(Generic[T]):
    """An array with an element for each frame, such as ``int refcnt[PHYSTOP / PGSIZE]``; T is int or Spinlock."""

    def __getitem__(self, pa: Frame) -> T:
        _declared()

    def __setitem__(self, pa: Frame, value: T) -> None:
        _declared()


Pte: TypeAlias = int
"""``pte_t``: an entry's value. It carries a frame's name, so what holds one is annotated ``Pte``, never ``int``."""


class PteRef:
    """``pte_t *``: ``pte[0]`` is C's ``*pte``. Page tables are private to their process (xv6 proc.h)."""

    def __getitem__(self, zero: int) -> int:
        _declared()

    def __setitem__(self, zero: int, value: int) -> None:
        _declared()


class PageTable:
    """``pagetable_t``: a user page table. Its upper levels are one page (``root``); each leaf page maps as many pages
    as the scenario's ``leaf_pages`` says."""

    root: Frame


class Proc:
    """``struct proc *``."""

    lock: Spinlock
    state: int
    killed: int
    parent: Proc
    pid: int
    pagetable: PageTable
    sz: int


class Buffer:
    """``char *src``: kernel memory that holds what a system call is about to copy to user memory."""


class Design:
    """``DESIGN = Design(...)``: what a design file says of itself; every argument is a literal."""

    def __init__(
        self,
        *,
        name: str,
        title: str,
        write_up: str = "",
        count: str = "",
        count_offset: int = 0,
        claims: tuple[str, ...] = (),
        variant_of: str = "",
        notes: tuple[str, ...] = (),
    ) -> None:
        _declared()


class _Null(Frame, PteRef, PageTable, Proc):
    """A pointer of any kind."""


NULL: Final = _Null()
PGSIZE: Final = 1
MAXVA: Final = 1 << 10  # in pages: beyond every page that a scenario may have

PTE_V: Final = 1 << 0
PTE_R: Final = 1 << 1
PTE_W: Final = 1 << 2
PTE_X: Final = 1 << 3
PTE_U: Final = 1 << 4
PTE_COW: Final = 1 << 8  # an RSW bit

UNUSED: Final = 0
EMBRYO: Final = 1  # xv6: USED
SLEEPING: Final = 2
RUNNABLE: Final = 3  # or RUNNING: which one is the scheduler's business
ZOMBIE: Final = 4

SCAUSE_SYSCALL: Final = 8
SCAUSE_FETCH_FAULT: Final = 12
SCAUSE_LOAD_FAULT: Final = 13
SCAUSE_STORE_FAULT: Final = 15
SCAUSE_TIMER: Final = 1 << 6  # an interrupt; devintr() would say 2

SYS_fork: Final = 1
SYS_exit: Final = 2
SYS_wait: Final = 3
SYS_read: Final = 5
SYS_kill: Final = 6
SYS_exec: Final = 7
SYS_sbrk: Final = 12

JUNK_FREED: Final = 1  # kfree: memset(pa, 1, PGSIZE)
JUNK_ALLOCATED: Final = 5  # kalloc: memset(r, 5, PGSIZE)


# --- page-table entries (kernel/riscv.h) ---


def PTE2PA(pte: int) -> Frame:
    """The frame that a PTE leads to."""
    _declared()


def PA2PTE(pa: Frame) -> int:
    """A PTE without flags that leads to the frame."""
    _declared()


def PTE_FLAGS(pte: int) -> int:
    """The flags of a PTE, the RSW bits included."""
    _declared()


def in_ram(pa: Frame) -> int:
    """``(char *)pa >= end && pa < PHYSTOP``: kalloc could have given it out."""
    _declared()


# --- locks, interrupts, scheduling (kernel/spinlock.c, proc.c) ---


def acquire(lock: Spinlock) -> None:
    """Waits while another holds it; panics where this hart holds it already."""
    _declared()


def release(lock: Spinlock) -> None:
    """Panics where this hart does not hold it."""
    _declared()


def intr_on() -> None:
    """From here the kernel can be preempted, except while it holds a spinlock."""
    _declared()


def intr_off() -> None:
    """A trap handler starts with interrupts off."""
    _declared()


def sleep(lock: Spinlock) -> None:
    """Releases the lock, sleeps until woken, acquires it again; panics (sched locks) where another lock is held."""
    _declared()


def sched() -> NoReturn:
    """Gives up the hart for good: the end of ``exit``. Panics (sched locks) where a lock is held."""
    _declared()


def panic(message: str) -> NoReturn:
    """The kernel stops: a violation of kernel-survives."""
    _declared()


# --- memory ---


def memmove(dst: Frame, src: Frame | Buffer) -> None:
    """Copies a page: a step that reads the source and a step that writes the destination."""
    _declared()


def memset(dst: Frame, token: int) -> None:
    """Fills a page."""
    _declared()


def all_frames() -> list[Frame]:
    """``for pa in all_frames()``: every frame of RAM; for code that only boot runs (kinit, freerange)."""
    _declared()


def pte_at(pagetable: PageTable, va: int) -> PteRef:
    """The leaf entry for a page, in a table that has a leaf page; NULL for a page of which no leaf table is
    modelled."""
    _declared()


def leaf_page(pagetable: PageTable, index: int) -> Frame:
    """The table's leaf page of that index; NULL where ``walk`` has allocated none."""
    _declared()


def set_leaf_page(pagetable: PageTable, index: int, leaf: Frame) -> None:
    """Puts a leaf page into the upper level, or with NULL takes it out."""
    _declared()


def leaf_index(va: int) -> int:
    """Which leaf page maps a page: ``PX(1, va)``."""
    _declared()


def leaf_count() -> int:
    """Leaf pages that a table may have."""
    _declared()


def new_pagetable(root: Frame) -> PageTable:
    """A page table in a fresh root page."""
    _declared()


def drop_pagetable(pagetable: PageTable) -> None:
    """The page table's pages have been freed: nothing is left of it."""
    _declared()


def has_mappings(pagetable: PageTable) -> int:
    """Some leaf entry is still valid: freewalk would panic."""
    _declared()


def region_flags(va: int) -> int:
    """The flags with which exec maps a page of the program's image (text R X U, data R W U, guard R W)."""
    _declared()


def image_pages() -> int:
    """Pages in the program's image, from page 0."""
    _declared()


def stack_page() -> int:
    """The last data page of the image, which exec puts the arguments on; -1 where the image has none."""
    _declared()


def image_token() -> int:
    """What a page of the program's image holds when it is loaded."""
    _declared()


# --- traps and system calls (kernel/trap.c, syscall.c, trampoline.S) ---


def myproc() -> Proc:
    """The process that this hart runs."""
    _declared()


def r_scause() -> int:
    """Why the trap was taken."""
    _declared()


def r_stval() -> int:
    """The faulting address (a page number)."""
    _declared()


def sfence_vma() -> None:
    """Empties this hart's TLB."""
    _declared()


def sret() -> NoReturn:
    """Back to user mode."""
    _declared()


def syscall_number() -> int:
    """``p->trapframe->a7``."""
    _declared()


def syscall_argument(n: int) -> int:
    """``argint(n)``."""
    _declared()


def syscall_buffer() -> Buffer:
    """What the device or pipe has for this system call to copy to the user."""
    _declared()


def set_return(value: int) -> None:
    """``p->trapframe->a0 = value``."""
    _declared()


# --- processes (kernel/proc.c); each is one step under the locks that xv6 holds there ---


def unused_proc() -> Proc:
    """allocproc's search: an UNUSED slot made EMBRYO, its lock held; NULL where there is none."""
    _declared()


def reset_proc(p: Proc) -> None:
    """The end of freeproc: every field 0, state UNUSED."""
    _declared()


def zombify(status: int) -> None:
    """exit, under wait_lock: children go to init, the parent is woken, state = ZOMBIE."""
    _declared()


def zombie_child(p: Proc) -> Proc:
    """wait's search: a child that is a ZOMBIE, or NULL."""
    _declared()


def has_child(p: Proc) -> int:
    """wait's ``havekids``."""
    _declared()


def kill_target() -> int:
    """kill: the victim's ``killed`` is set and it is woken, under its lock; -1 where there is none."""
    _declared()


def first_proc() -> Proc:
    """userinit: the process that the scenario starts with, made runnable by ``start_proc``."""
    _declared()


def start_proc(p: Proc) -> None:
    """``p->state = RUNNABLE`` for a new process: from here it runs its part of the scenario."""
    _declared()


# --- ghosts: what cowcheck remembers for its judgement; no kernel has them ---


def ghost_inherit(child: Proc) -> None:
    """What the child's pages are due to hold: what the parent's are."""
    _declared()


def ghost_due(va: int, token: int | Buffer) -> None:
    """What this page of the running process is due to hold from here on."""
    _declared()
