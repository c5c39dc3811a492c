"""The invariants: what must hold of every state and step of a copy-on-write kernel, each stated once.

A statement is a z3 predicate over one view (``model/views.py``): its variables are the view's fields, so it
reads like the sentence it stands for. Everything that judges derives from it: the explorer's and the
verifier's inner loops run it compiled to Python (``checker/compile_z3.py``), ``--oracle z3`` gives every view
to z3 itself, and the prover puts its own terms in place of the variables (:meth:`Statement.at`).

To add an invariant, add one entry to :data:`INVARIANTS`. One that says several things is several statements,
each with its own message; where one of them only makes sense when the one before holds, its premise says so,
so that a violation is told once, and by its cause.
"""

from __future__ import annotations

from collections.abc import Iterable

from z3 import And, Implies, Not, Or

from cowcheck.model.errors import CowcheckError
from cowcheck.model.views import (
    FrameView,
    LoadView,
    MappingView,
    OperationView,
    SystemView,
    TouchView,
    TranslationView,
)
from cowcheck.specs.statement import Invariant, Statement, symbolic

frame = symbolic(FrameView)
mapping = symbolic(MappingView)
translation = symbolic(TranslationView)
load = symbolic(LoadView)
touch = symbolic(TouchView)
operation = symbolic(OperationView)
system = symbolic(SystemView)

count_is_due = And(frame.quiescent, frame.counted, frame.mappings >= 1)
starved = And(operation.fault, operation.permitted, operation.out_of_memory)
excused = Or(operation.kill_asked, operation.out_of_memory)

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        name="refcount-equals-mappings",
        summary="a mapped frame's reference count is the number of page-table entries that map it",
        reason=(
            "kfree may free a page only when its last mapping goes, and the count is all that it can tell "
            "by. Judged on mapped frames that no kernel operation is at work on: a right kernel takes and "
            "drops references a few instructions before or after it changes the PTE, and on free frames it "
            "may leave any count."
        ),
        source=(
            'MIT 6.S081 copy-on-write lab, plan of attack: keep "the number of user page tables that refer '
            'to that page"'
        ),
        statements=(
            Statement(
                FrameView,
                Implies(count_is_due, frame.refs >= frame.mappings),
                says=(
                    "{subject} has a reference count of {refs}, but the number of page-table entries that "
                    "map it is {mappings}."
                ),
                matters=(
                    "The count is too low: the page will be put on the free list while a process still maps "
                    "it, or the count will go below zero."
                ),
            ),
            Statement(
                FrameView,
                Implies(count_is_due, frame.refs <= frame.mappings),
                says=(
                    "{subject} has a reference count of {refs}, but the number of page-table entries that "
                    "map it is only {mappings}."
                ),
                matters=(
                    "The count is too high: it will not reach zero when the last mapping goes, and the page "
                    "is lost for good."
                ),
            ),
        ),
    ),
    Invariant(
        name="no-writable-shared-frame",
        summary="a frame that user code can write to is shared with nobody",
        reason=(
            "This is copy-on-write itself: sharers see each other's stores unless each store finds a page of "
            "its own. Only what user code could use now is judged: uvmcopy may set PTE_W and clear it again "
            "while the parent is in the kernel and the child cannot run yet."
        ),
        source=(
            'MIT 6.S081 copy-on-write lab: fork "marks all the user PTEs in both parent and child as not writable"'
        ),
        statements=(
            Statement(
                FrameView,
                Implies(frame.writers >= 1, frame.visible == 1),
                says=(
                    "User code can write to {subject} through {writers} of the {visible} translations that lead to it."
                ),
                matters=(
                    "A store by one process changes what the others read. PTE_W must be cleared in every "
                    "sharer, parent included, and set again only on a private copy or for the last sharer."
                ),
            ),
            Statement(
                FrameView,
                Implies(frame.owned >= 1, frame.visible == 0),
                says=(
                    "{subject} is a page table or a trapframe of the kernel's, and user code can reach it too "
                    "(number of translations that lead to it: {visible})."
                ),
                matters=(
                    "The page was given out while a process still mapped it: its old owner now rewrites another "
                    "process's page table. Some reference to it was never counted, or was dropped twice."
                ),
            ),
        ),
    ),
    Invariant(
        name="no-free-frame-mapped",
        summary="a frame on the free list is used by nobody: not by user code, not by the kernel",
        reason=(
            "kalloc gives a free frame to the next caller, whoever still uses it. A mapping in a process "
            "that is inside the kernel does not count: uvmunmap calls kfree before it clears the PTE, and is "
            "right to, because no user code can use that PTE in between."
        ),
        source=(
            "MIT 6.S081 copy-on-write lab, plan of attack: a page is freed when its last PTE reference goes "
            'away, "but not before"'
        ),
        statements=(
            Statement(
                FrameView,
                Implies(frame.free >= 1, frame.visible == 0),
                says=(
                    "{subject} is on the free list, but user code can still reach it (number of translations "
                    "that lead to it: {visible})."
                ),
                matters=(
                    "The next kalloc hands the page to someone else, and the two owners overwrite each "
                    "other's data. Some reference to it was never counted, or was dropped twice."
                ),
            ),
            Statement(
                FrameView,
                Implies(frame.free >= 1, frame.owned == 0),
                says=(
                    "{subject} is on the free list, but the kernel still uses it as a page table or a "
                    "trapframe (number of uses: {owned})."
                ),
                matters=(
                    "The next kalloc hands the page to someone else, whose stores then rewrite a page table "
                    "or the saved registers of a process."
                ),
            ),
            Statement(
                TouchView,
                Not(touch.free),
                says="The kernel read or wrote the contents of {subject} while it was on the free list.",
                matters=(
                    "The pointer was used after kfree: by now the page may be another's, and the link of the "
                    "free list stands in its first bytes. Hold a reference, or the lock, until the copy is "
                    "done."
                ),
            ),
        ),
    ),
    Invariant(
        name="freed-once",
        summary="a frame stands on the free list at most once",
        reason=(
            "The free list is threaded through the free pages themselves: a page that is put on it twice "
            "makes it a cycle, and kalloc then gives the same page to two callers."
        ),
        source="xv6 kernel/kalloc.c kfree (struct run)",
        statements=(
            Statement(
                FrameView,
                frame.free <= 1,
                says="{subject} is on the free list more than once (double free).",
                matters=(
                    "kalloc will hand the same page to two callers, who overwrite each other's data. "
                    "Decrement the count and test it in one critical section, and drop each reference once."
                ),
            ),
        ),
    ),
    Invariant(
        name="no-leak",
        summary="a frame is free, or mapped, or used by the kernel",
        reason=(
            "A page that nothing refers to can never be freed again. Judged where no kernel operation points "
            "to the frame: between kalloc and mappages only a local variable does. Page-table pages that "
            "stay when sbrk shrinks a process belong to its page table and are not lost."
        ),
        source='xv6 user/usertests.c, which compares countfree() before and after ("lost some free pages")',
        statements=(
            Statement(
                FrameView,
                Implies(
                    frame.quiescent,
                    Or(frame.free >= 1, frame.mappings >= 1, frame.held >= 1, frame.owned >= 1),
                ),
                says=(
                    "{subject} is lost: it is not on the free list, no page table maps it, and the kernel "
                    "does not use it."
                ),
                matters=(
                    "Nothing can free the page any more, and each one lost brings the day nearer when fork, "
                    "exec and sbrk fail. A count was left too high, or a pointer was dropped without kfree."
                ),
            ),
        ),
    ),
    Invariant(
        name="no-permission-gained",
        summary="no page becomes writable whose region does not let user code write",
        reason=(
            "Copy-on-write may give back the write permission that fork took away, never one that was not "
            "there: text stays read-only. Where all user memory is writable, as in xv6 until 2021, every "
            "region may be written and nothing is accused; a COW mark on a read-only page is harmless until "
            "a store makes it writable."
        ),
        source="xv6 kernel/exec.c flags2perm and user/usertests.c textwrite",
        statements=(
            Statement(
                MappingView,
                Implies(And(mapping.visible, mapping.user, mapping.writable), mapping.may_write),
                says="{subject} lets user code write, but its region is read-only.",
                matters=(
                    "A store there must kill the process; now it changes program text or a guard page. Mark "
                    "as COW only what had PTE_W before the fork, and treat no other store fault as a COW "
                    "fault."
                ),
            ),
            Statement(
                OperationView,
                Implies(And(Not(operation.permitted), Not(operation.fault)), Not(operation.succeeded)),
                says="{subject} succeeded, though user code may not write there itself.",
                matters=(
                    "The kernel has written for the process what the hardware would have refused: program text, the "
                    "guard page, or memory beyond the process's size. copyout must ask the page-table entry for "
                    "PTE_V, PTE_U and PTE_W (or the COW mark) before it writes."
                ),
            ),
        ),
    ),
    Invariant(
        name="isolation",
        summary="a load sees the process's own last store, or what it inherited at fork",
        reason=(
            "Sharing is an optimisation that no process may notice: fork promises a copy. This is the "
            "promise itself; the frame invariants are the means by which a kernel keeps it."
        ),
        source=(
            'xv6 book, section 1.1: "the parent and child are executing with separate memory and separate registers"'
        ),
        statements=(
            Statement(
                LoadView,
                load.seen == load.due,
                says=(
                    "{subject} saw contents {seen}, but contents {due} were due: the process's own last "
                    "store to the page, or what it inherited at fork."
                ),
                matters="A store of another process has shown through, or a store of its own was lost.",
            ),
        ),
    ),
    Invariant(
        name="no-stale-translation",
        summary="user code uses no cached translation that grants more than its page-table entry does",
        reason=(
            "A hart may go on using a translation from its TLB after the PTE in memory has changed, until "
            "sfence.vma. Judged on harts in user mode only: in the kernel, the flush may still be to come "
            "(xv6 does it in userret). A translation that grants less than the PTE costs one more fault and "
            "is no violation."
        ),
        source=("RISC-V privileged specification 1.12, section 4.2.1 (SFENCE.VMA); xv6 kernel/trampoline.S userret"),
        statements=(
            Statement(
                TranslationView,
                translation.pte_valid,
                says="{subject} is still in use, but its page-table entry is no longer valid.",
                matters=(
                    "User code goes on using a page that was taken from it and may be another's by now. Run "
                    "sfence.vma on this hart before it returns to user mode."
                ),
            ),
            Statement(
                TranslationView,
                Implies(translation.pte_valid, translation.same_frame),
                says="{subject} leads to another frame than its page-table entry does.",
                matters=(
                    "The process still uses the old page: its stores land where others may read them, and "
                    "never in its own copy. Run sfence.vma on this hart before it returns to user mode."
                ),
            ),
            Statement(
                TranslationView,
                Implies(
                    And(translation.pte_valid, translation.same_frame, translation.grants_write),
                    translation.pte_writable,
                ),
                says="{subject} lets user code write, but its page-table entry does not.",
                matters=(
                    "Stores go through to a shared page without a fault. After PTE_W is cleared (uvmcopy "
                    "does it to the parent), run sfence.vma on this hart before it returns to user mode."
                ),
            ),
        ),
    ),
    Invariant(
        name="out-of-memory-kills",
        summary="where no frame is left for a COW fault the process is killed, and nothing else changes",
        reason=(
            "The store cannot be carried out and cannot be skipped. A handler that serves the fault all the "
            "same (a frame came free, or the process is the last sharer by now) is right as well."
        ),
        source=(
            "MIT 6.S081 copy-on-write lab, hints: \"If a COW page fault occurs and there's no free memory, "
            'the process should be killed"'
        ),
        statements=(
            Statement(
                OperationView,
                Implies(starved, Or(operation.succeeded, operation.killed)),
                says="{subject} found no free frame, and the process was neither given its page nor killed.",
                matters=(
                    "It takes the same fault again, or goes on as if its store had been done. Set p->killed "
                    "where kalloc returns 0 in the fault handler."
                ),
            ),
            Statement(
                OperationView,
                Implies(And(starved, operation.killed, Not(operation.kill_asked)), Not(operation.changed)),
                says=(
                    "{subject} found no free frame and the process was killed, but its page-table entry was "
                    "changed too."
                ),
                matters=(
                    "The entry may now lead to physical address 0 or to a page that is another's, and exit "
                    "will free what it leads to. Return right after kalloc has failed."
                ),
            ),
        ),
    ),
    Invariant(
        name="progress",
        summary="from every state some continuation brings every process to its end",
        reason=(
            "A deadlock violates nothing else: all stands still in a state that looks right. So does a fault "
            "that is taken again and again because the handler does not remove its cause."
        ),
        source='xv6 book, chapter "Locking" (deadlock and lock ordering)',
        statements=(
            Statement(
                SystemView,
                system.end_reachable,
                says=("From here on {subject} can no longer bring every process to its end, whatever runs next."),
                matters=(
                    "Either harts wait for each other's locks (taken in opposite orders, or never released), "
                    "or the kernel loops, or a process takes the same fault for ever."
                ),
            ),
        ),
    ),
    Invariant(
        name="kernel-survives",
        summary="nothing that user code does panics the kernel",
        reason=(
            "A user program may pass any address and run out of memory anywhere: that ends in -1 or in a "
            "kill of that process, never of the machine."
        ),
        source=("xv6 kernel/vm.c walk (panics beyond MAXVA) and user/usertests.c copyout, MAXVAplus, stacktest"),
        statements=(
            Statement(
                SystemView,
                Not(system.panicked),
                says="{subject} panicked.",
                matters=(
                    "One process has brought every other one down. Look for a null pte that is read, an "
                    "address beyond MAXVA given to walk, and physical address 0 mapped or freed."
                ),
            ),
        ),
    ),
    Invariant(
        name="mapping-in-ram",
        summary="a user mapping leads to a frame that kalloc could have given out",
        reason=(
            "kalloc returns 0 where memory is out; a PTE made from that, or from an address that is off, "
            "maps what is no frame. Held at every moment: no right kernel makes such a PTE even in passing."
        ),
        source="xv6 kernel/kalloc.c kfree (panics below end and from PHYSTOP on)",
        statements=(
            Statement(
                MappingView,
                mapping.in_ram,
                says=(
                    "{subject} leads to no frame: its physical address is 0, or outside the memory that "
                    "kalloc gives out."
                ),
                matters=(
                    "User code then reads and writes a device or nothing at all, and kfree panics when the "
                    "page is unmapped. Test what kalloc returned before it goes into a PTE."
                ),
            ),
        ),
    ),
    Invariant(
        name="no-undue-failure",
        summary=("a legal access fails, or kills its process, only for lack of memory or because a kill was asked for"),
        reason=(
            "A kernel that copies at fork would carry the access out, so one that shares must as well. "
            "Counts, mappings and contents can all be right after it has been refused: fork over a page that "
            "is already COW drops the mark, and the child is killed at its next store."
        ),
        source=(
            'MIT 6.S081 copy-on-write lab: "When the page fault handler returns, the user process will be '
            'able to write"'
        ),
        statements=(
            Statement(
                OperationView,
                Implies(And(operation.permitted, operation.killed), excused),
                says=(
                    "{subject} was legal, but the process was killed for it: memory was left, and nobody had "
                    "asked for a kill."
                ),
                matters=(
                    "The kernel took the access for an illegal one. Look for a COW mark that was lost, as by "
                    "a second fork, and for tests in the fault handler that a shared page does not pass."
                ),
            ),
            Statement(
                OperationView,
                Implies(
                    And(
                        operation.permitted,
                        Not(operation.fault),
                        Not(operation.killed),
                        Not(operation.succeeded),
                    ),
                    excused,
                ),
                says="{subject} was legal, but it failed: memory was left, and nobody had asked for a kill.",
                matters=(
                    "The kernel took the access for an illegal one. Look at copyout: a page without PTE_W "
                    "may still be one that the process may write, once it has a copy of its own."
                ),
            ),
        ),
    ),
)


def find_invariants(names: Iterable[str]) -> tuple[Invariant, ...]:
    """The invariants of these names, in the order of :data:`INVARIANTS`.

    Raises :class:`CowcheckError` on a name that is none of theirs.
    """
    asked = set(names)
    unknown = sorted(asked - {invariant.name for invariant in INVARIANTS})
    if unknown:
        known = ", ".join(invariant.name for invariant in INVARIANTS)
        raise CowcheckError(f"unknown invariant {', '.join(map(repr, unknown))}; known: {known}")
    return tuple(invariant for invariant in INVARIANTS if invariant.name in asked)


def find_invariant(name: str) -> Invariant:
    """The invariant of this name. Raises :class:`CowcheckError` where there is none."""
    return find_invariants([name])[0]
