"""The program by which a kernel's reference counts are found: it shares pages, in steps, and does nothing else.

It takes four pages of heap and stores to each, forks (each is now mapped twice), forks again (three times), and stores
to one page (a copy of its own; the old one is mapped twice). Its children store nothing. Between the steps it makes a
system call that does nothing, so that each step ends with a return to user code.
"""

from __future__ import annotations

from collections.abc import Mapping

from cowcheck.machine.program import encoding
from cowcheck.machine.program.elf_file import PAGE_BYTES
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.syscalls import SBRK_EAGER, Syscall
from cowcheck.machine.program.user_code import UserCode
from cowcheck.machine.program.workload import PROGRAM

PAGES = 4
RETURNS = 60  # returns to user code that are looked at: enough for all steps, whatever the timer does between them


def probe_files() -> Mapping[str, bytes]:
    """The files of the probe's disk."""
    code = UserCode()
    code.label("start")
    code.syscall(Syscall.SBRK, PAGES * PAGE_BYTES, SBRK_EAGER)
    code.mv(Reg.S1, Reg.A0)
    code.li(Reg.T0, 7)
    for page in range(PAGES):
        code.li(Reg.T1, page * PAGE_BYTES)
        code.emit(encoding.add(Reg.T1, Reg.T1, Reg.S1), encoding.sd(Reg.T0, Reg.T1, 0))
    code.syscall(Syscall.FSTAT, OUTSIDE)
    for child in ("first", "second"):
        code.fork_to(child)
        code.syscall(Syscall.FSTAT, OUTSIDE)
        code.syscall(Syscall.FSTAT, OUTSIDE)
    code.emit(encoding.sd(Reg.T0, Reg.S1, 0))
    code.syscall(Syscall.FSTAT, OUTSIDE)
    code.syscall(Syscall.FSTAT, OUTSIDE)
    code.label("rest")
    code.j("rest")
    for child in ("first", "second"):
        code.label(child)
        code.j("rest")
    code.write_constants()
    return {PROGRAM: code.executable("start")}


OUTSIDE = 99  # a file descriptor that no process has
