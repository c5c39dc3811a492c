"""Taking every frame there is: a process that grows until the kernel has no page left to give."""

from __future__ import annotations

from cowcheck.machine.program import encoding
from cowcheck.machine.program.elf_file import PAGE_BYTES
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.syscalls import SBRK_EAGER, Syscall
from cowcheck.machine.program.user_code import UserCode

PAGE_SHIFT = 12
_CHUNKS = (256, 16, 1)
"""Pages at a time: a chunk that fails is given back whole, so the last steps are single pages."""

MOST_PAGES = 1 << 18
"""1 GiB: where this many could be had, sbrk gives pages that are not there yet, and memory cannot be exhausted so."""


def exhaust(code: UserCode, held: Reg, chunks: tuple[int, ...] = _CHUNKS) -> None:
    """Grows until sbrk fails, adding the pages to ``held``. Uses a0 to a2, a7, t0."""
    done = code.fresh_label("exhausted")
    for chunk in chunks:
        again, failed = code.fresh_label("take"), code.fresh_label("failed")
        code.label(again)
        code.li(Reg.T0, MOST_PAGES)
        code.bge(held, Reg.T0, done)
        code.sbrk_pages(chunk)
        code.blt(Reg.A0, Reg.ZERO, failed)
        code.emit(encoding.addi(held, held, chunk))
        code.j(again)
        code.label(failed)
    code.label(done)


def give_back(code: UserCode, pages: Reg) -> None:
    """Shrinks by ``pages`` pages, if any: so many frames are free then. Uses a0, a1, a7."""
    none = code.fresh_label("none")
    code.beq(pages, Reg.ZERO, none)
    code.emit(
        encoding.slli(Reg.A0, pages, PAGE_SHIFT),
        encoding.sub(Reg.A0, Reg.ZERO, Reg.A0),
    )
    code.syscall(Syscall.SBRK, Reg.A0, SBRK_EAGER)
    code.label(none)


assert 1 << PAGE_SHIFT == PAGE_BYTES
