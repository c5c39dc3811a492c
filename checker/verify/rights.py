"""What a PTE lets user code do, and what a change of it takes away.

As in the privileged specification, version 1.12, sections 4.3.1 (permissions) and 4.4.1 (Sv39 entries).
PTEs are the raw 64 bits as signed numbers. Each function stands alone, so that the native engine compiles it as it is.
"""

from __future__ import annotations

from cowcheck.model.sv39 import PTE_R, PTE_U, PTE_V, PTE_W, PTE_X

PTE_A, PTE_D = 1 << 6, 1 << 7  # set by hardware or by nobody: no step of the kernel's
PTE_RSW = 3 << 8  # left to software: the COW mark, whichever bit a kernel uses
PPN_AT, PPN_MASK = 10, (1 << 44) - 1

INSTRUCTION_FAULT, LOAD_FAULT, STORE_FAULT = 12, 13, 15  # page faults, by scause
ACCESS = {INSTRUCTION_FAULT: PTE_X, LOAD_FAULT: PTE_R, STORE_FAULT: PTE_W}


def leads_to(pte: int) -> int:
    """The frame (ppn) of a valid PTE."""
    return (pte >> PPN_AT) & PPN_MASK


def allows(pte: int) -> bool:
    """Whether user code can store through the PTE."""
    return pte & (PTE_V | PTE_W | PTE_U) == PTE_V | PTE_W | PTE_U


def has_mark(pte: int) -> bool:
    """Whether the PTE carries some mark of the kernel's own."""
    return pte & PTE_RSW != 0


def user_can(pte: int, scause: int, may_write: bool) -> bool:
    """Whether user code may do what it took the page fault for; a store may be what the region allows."""
    if pte & PTE_V == 0 or pte & PTE_U == 0:
        return False
    if scause == STORE_FAULT:
        return may_write
    return pte & (PTE_R if scause == LOAD_FAULT else PTE_X) != 0


def same_but_for_use(one: int, other: int) -> bool:
    """Whether two PTEs differ in nothing but the A and D bits, or are both invalid."""
    if one & PTE_V == 0 or other & PTE_V == 0:
        return one & PTE_V == other & PTE_V
    return (one ^ other) & ~(PTE_A | PTE_D) == 0


def same_rights(one: int, other: int) -> bool:
    """Whether two PTEs give the same rights to the same frame; marks may differ."""
    if one & PTE_V == 0 or other & PTE_V == 0:
        return one & PTE_V == other & PTE_V
    return (one ^ other) & ~(PTE_A | PTE_D | PTE_RSW) == 0


def takes_away(old: int, new: int) -> bool:
    """Whether user code could do more, or elsewhere, through a cached copy of ``old`` than through ``new``."""
    if old & PTE_V == 0 or old & PTE_U == 0:
        return False
    if new & PTE_V == 0 or new & PTE_U == 0:
        return True
    return ((old ^ new) >> PPN_AT) & PPN_MASK != 0 or (old & ~new & PTE_W) != 0


def fault_vpn(stval: int) -> int:
    """The page of a faulting address, -1 for one that is no user address of Sv39."""
    return stval >> 12 if 0 <= stval < 1 << 39 else -1
