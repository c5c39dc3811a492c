"""Sv39 page-table entries, as in the RISC-V privileged specification (version 1.12, section 4.4.1).

The model keeps a PTE as the one integer that the hardware keeps: ``ppn << 10 | flags``. Frames are numbered from 1; 0
is physical address 0, where no RAM is.
"""

from __future__ import annotations

PTE_V = 1 << 0
PTE_R = 1 << 1
PTE_W = 1 << 2
PTE_X = 1 << 3
PTE_U = 1 << 4
PTE_COW = 1 << 8  # one of the two RSW bits, which hardware leaves to software

FLAG_BITS = 10
FLAG_MASK = (1 << FLAG_BITS) - 1


def pte_ppn(pte: int) -> int:
    """The physical page number of a PTE (xv6: ``PTE2PA(pte) / PGSIZE``)."""
    return pte >> FLAG_BITS


def make_pte(ppn: int, flags: int) -> int:
    """The PTE that maps frame ``ppn`` with ``flags`` (xv6: ``PA2PTE(pa) | flags``)."""
    return ppn << FLAG_BITS | flags


def flag_letters(pte: int) -> str:
    """The flags as a person reads them: ``RW-U-`` (R, W, X, U, C for the COW mark), or ``invalid``."""
    if not pte & PTE_V:
        return "invalid"
    marks = ((PTE_R, "R"), (PTE_W, "W"), (PTE_X, "X"), (PTE_U, "U"), (PTE_COW, "C"))
    return "".join(letter if pte & bit else "-" for bit, letter in marks)
