"""What the test kernel can be built as besides a right kernel: with one bug each, or right in another way.

A flag is given to `build.build` as it stands here. The bugs are those that copy-on-write kernels really have; where one
of them has several faces there is a mutant for each.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """The test kernel with one bug."""

    name: str
    pattern: int  # the bug's number in the catalogue of such bugs that cowcheck is measured on
    flag: str
    summary: str
    concurrent: bool  # shows only where another hart, or a preempted process, comes in between


class Variant(NamedTuple):
    """The test kernel done in another way, and as right."""

    name: str
    flag: str
    summary: str


def _mutant(pattern: int, name: str, summary: str, *, concurrent: bool = False) -> Mutant:
    return Mutant(name, pattern, f"BUG_{name.replace('-', '_').upper()}", summary, concurrent)


def _variant(name: str, summary: str) -> Variant:
    return Variant(name, f"VARIANT_{name.replace('-', '_').upper()}", summary)


MUTANTS: tuple[Mutant, ...] = (
    # kalloc.c and kref.c
    _mutant(
        1, "free-at-boot", "freerange calls kfree on pages with a count of 0: it becomes -1, and none is ever free"
    ),
    _mutant(
        2,
        "count-tested-after-release",
        "kfree lowers the count under the lock, and reads it again when the lock is dropped",
        concurrent=True,
    ),
    _mutant(3, "no-lock", "the counts have no lock: of two changes at a time one is lost", concurrent=True),
    _mutant(4, "inverted-test", "kfree frees what is still referenced and keeps what is not: no page is free at boot"),
    _mutant(4, "inverted-test-after-boot", "the same where kinit fills the free list without kfree: the kernel boots"),
    _mutant(5, "alloc-increments", "kalloc increments the count, which is 1 on a free page, and does not set it to 1"),
    _mutant(6, "count-8bit", "the count is a byte, and 300 processes can share a page"),
    _mutant(6, "count-4bit", "the count has four bits: the sixteenth sharer takes it back to 0"),
    _mutant(
        7,
        "lock-order",
        "kalloc takes the list's lock and then the counts', kfree the other way round: a deadlock",
        concurrent=True,
    ),
    _mutant(8, "junk-before-test", "kfree fills the page with junk before it looks at the count"),
    _mutant(9, "index-off", "the array of counts is indexed by pa / PGSIZE, and as long as (pa - KERNBASE) / PGSIZE"),
    # uvmcopy
    _mutant(10, "parent-keeps-w", "uvmcopy makes a read-only entry for the child, and leaves PTE_W in the parent's"),
    _mutant(11, "text-marked", "uvmcopy marks read-only pages too: the next store makes text writable"),
    _mutant(
        12, "not-undone", "uvmcopy clears the parent's PTE_W first, and does not give it back where mappages fails"
    ),
    _mutant(12, "pages-forgotten", "where uvmcopy fails half way it leaves the child's pages mapped"),
    _mutant(12, "reference-not-undone", "where mappages fails in uvmcopy the reference just taken is kept"),
    _mutant(13, "mark-dropped", "uvmcopy marks what has PTE_W and unmarks all else: a second fork drops the mark"),
    _mutant(13, "execute-dropped", "uvmcopy drops PTE_X"),
    _mutant(14, "counted-in-mappages", "mappages counts every mapping, the kernel's map of all RAM included"),
    _mutant(15, "path-without-reference", "uvmcopy shares read-only pages without taking a reference"),
    # the store-fault handler
    _mutant(
        16,
        "check-then-act",
        "the handler copies a page that was shared when it asked, and lowers the count without freeing at 0",
        concurrent=True,
    ),
    _mutant(17, "no-rounddown", "the handler maps the copy at the address that faulted, which touches two pages"),
    _mutant(18, "null-pte", "the handler reads *pte before it tests whether there is a pte"),
    _mutant(19, "goes-on-without-frame", "where memory is out the handler sets killed, and copies to address 0"),
    _mutant(19, "exit-in-handler", "where memory is out the handler calls exit, whatever locks its caller holds"),
    _mutant(20, "valid-cleared", "the handler clears PTE_V, and sets it again only where it has got a page"),
    _mutant(21, "guard-page", "the handler does not test PTE_U: a store to the stack's guard page faults for ever"),
    _mutant(22, "any-store-fault", "the handler does not test the mark: a store to text makes it writable"),
    _mutant(22, "invalid-pte", "the handler tests neither mark nor PTE_V: an empty entry leads it to address 0"),
    _mutant(23, "reused-without-w", "with a count of 1 the handler clears the mark, and does not set PTE_W"),
    _mutant(23, "nothing-changed", "with a count of 1 the handler reports success, and changes nothing"),
    _mutant(23, "killed-by-exit", "with a count of 1 the handler ends the process"),
    _mutant(
        23,
        "stale-count",
        "the handler drops its reference if there are others, and copies from the page afterwards",
        concurrent=True,
    ),
    _mutant(
        24,
        "pointer-after-release",
        "kalloc looks at the list's first page under the lock, and takes it when it has the lock again",
        concurrent=True,
    ),
    _mutant(
        24, "copied-after-drop", "the handler calls kfree on the shared page, and copies from it then", concurrent=True
    ),
    # copyout
    _mutant(25, "copyout-writes-shared", "copyout does not know of COW: it writes to the shared page"),
    _mutant(25, "copyout-writes-text", "copyout breaks COW, but does not ask whether the user may write the page"),
    _mutant(26, "first-page-only", "copyout breaks COW on the first page of a range only"),
    _mutant(27, "failure-ignored", "copyout writes to the shared page where there is no memory for a copy"),
    _mutant(28, "own-page-table", "copyout takes the page from myproc()->pagetable: exec writes to the old program's"),
    _mutant(29, "maxva-in-copyout", "copyout does not test for MAXVA: walk panics"),
    _mutant(29, "maxva-in-handler", "the handler does not test for MAXVA: walk panics"),
    # teardown, and harts
    _mutant(30, "no-drop-for-cow", "uvmunmap does not call kfree for pages that are marked"),
    _mutant(31, "no-flush", "the TLB is flushed where a hart changes the address space, and not after fork"),
    _mutant(
        32,
        "kill-frees-at-once",
        "kill gives back the victim's memory, though it may be running in fork, read or sbrk",
        concurrent=True,
    ),
    _mutant(32, "killed-in-handler", "the handler frees the copy it has just mapped if the process has been killed"),
)

VARIANTS: tuple[Variant, ...] = (
    # how references are counted
    _variant("lock-per-frame", "the counts stand in an array of structs, each with a lock of its own"),
    _variant("count-table", "only shared pages are counted, from 2, in a table that is searched from its beginning"),
    _variant("count-in-kmem", "the counts stand in kmem, under the free list's lock"),
    _variant("count-8bit", "the count is a byte, and there are no more than 64 processes"),
    _variant("count-from-zero", "the count is that of the further sharers: 0 for a page with one owner, or none"),
    _variant("one-when-free", "the count of a free page is 1, so kalloc need not set it"),
    _variant("mappings-counted", "the count is that of user mappings: 0 for page tables, trapframes, pipes"),
    _variant("index-from-end", "the array of counts starts at the first page after the kernel"),
    _variant("read-unlocked", "the handler reads the count without the lock: an old 2 only costs a copy"),
    _variant("locks-nest", "kalloc sets the count with the free list's lock held"),
    _variant("page-in-reserve", "one free page stands in a variable of the kernel's, and not on the free list"),
    # how pages are shared and made one's own
    _variant("always-copy", "the handler copies even where the count is 1"),
    _variant("no-mark", "no COW mark: all user memory is RWX, as until 2021, and so every store fault is one of COW"),
    _variant("mark-bit-9", "the mark is the other bit for software"),
    _variant("mark-bit-5", "the mark is the bit that is meant for global mappings"),
    _variant("mark-left", "the mark stays on a page that is made writable: PTE_W says what holds"),
    _variant("every-page-marked", "fork marks read-only pages too, and a second bit keeps which were writable"),
    _variant("map-first", "uvmcopy maps the child's page, and takes the reference then"),
    _variant("drop-first", "the handler drops the old reference, and rewrites the entry then"),
    _variant("cleared-first", "uvmunmap clears the entry, and frees the page then"),
    _variant("eager-copy", "no COW at all: fork copies every page, as xv6 does"),
    # what else differs from one xv6 to another
    _variant("sstc", "timer interrupts come by stimecmp, as since 2024"),
    _variant("xv6-2025", "stimecmp, prepare_return, kfork and its like, sbrk that gives pages as they are used"),
    _variant("idle-spins", "an idle hart spins in scheduler, as until 2023, where others wait for an interrupt"),
    _variant("no-pmp", "no PMP entry, as until 2020: for a machine whose PMP lets supervisor mode pass without one"),
)
