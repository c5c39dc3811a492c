"""The views: what an invariant may know of a state or of a step, whoever observed it.

A model state, a recorded state of a kernel and a symbolic state all reduce to these values, and every invariant is a
z3 predicate over one of them (``specs/invariants.py``). A view carries no name (which frame, which process), so equal
situations are equal views and are judged once; the subject's name is kept beside the view by whoever made it.

Integers and booleans only: a field is a z3 ``Int`` or ``Bool`` of the same name.
"""

from __future__ import annotations

from typing import NamedTuple


class FrameView(NamedTuple):
    """One frame (physical page) in one state."""

    counted: bool  # the kernel keeps a reference count of this frame
    refs: int  # that count, less the offset of the kernel's own convention; 0 where it keeps none
    mappings: int  # valid user PTEs to it, in every page table, whoever is changing them
    visible: int  # user-visible translations: valid user PTEs of processes that are not inside a kernel operation,
    #             and cached ones of harts in user mode that lead here while the PTE no longer does
    writers: int  # those of them that user code could store through
    free: int  # times it stands on the free list; 2 stands for "more than once" (the list has a cycle)
    held: int  # pointers to it that kernel code in flight may still use, or that the kernel keeps in a variable
    owned: int  # uses by the kernel itself: page-table pages, trapframes; not those that an operation is at work on
    quiescent: bool  # no process inside a kernel operation maps it or points to it


class MappingView(NamedTuple):
    """One valid user PTE."""

    in_ram: bool  # its physical address is one that kalloc could have given out
    visible: bool  # its process is not inside a kernel operation: user code could use it now
    user: bool  # PTE_U
    writable: bool  # PTE_W
    cow: bool  # the COW mark
    may_write: bool  # the region (text, data, guard) lets user code write


class TranslationView(NamedTuple):
    """One TLB entry of a hart that is in user mode, beside the PTE that it was read from."""

    grants_write: bool
    pte_valid: bool  # the PTE is still valid, and user code may use it
    pte_writable: bool
    same_frame: bool  # the PTE still leads to the frame that the entry leads to


class LoadView(NamedTuple):
    """A user load that retired: page contents are tokens."""

    seen: int
    due: int  # the process's own last store to the page, or what it inherited at fork


class TouchView(NamedTuple):
    """Kernel code read or wrote the contents of a frame (memmove, memset)."""

    free: bool  # the frame was on the free list


class OperationView(NamedTuple):
    """A user operation (a store, a load, a system call) that came to an end, or a fault handler that returned."""

    fault: bool  # it was a page fault; the rest are system calls
    permitted: bool  # the region allows the access: a right kernel without COW would carry it out
    succeeded: bool  # a fault: the access would now go through; a system call: it did not return -1
    killed: bool  # the process is being ended by the kernel
    kill_asked: bool  # another process had asked for that (kill)
    out_of_memory: bool  # the process found the free list empty during the operation
    changed: bool  # a fault: the PTE differs from what it was at the trap


class SystemView(NamedTuple):
    """The kernel as a whole, in one state."""

    panicked: bool
    end_reachable: bool  # some continuation brings every process to its end; True while that is not known yet


View = FrameView | MappingView | TranslationView | LoadView | TouchView | OperationView | SystemView
"""Any of them."""
