"""A workload in which one process runs at a time, so that nothing depends on when a timer ticks or a disk answers.

Every process but one waits for a child. What they do is all that copy-on-write is about: they share, load, store, have
the kernel write to shared pages, fork again, exec, grow, shrink and exit, and in the end store where they may not.
"""

from __future__ import annotations

from collections.abc import Mapping

from cowcheck.machine.program import encoding
from cowcheck.machine.program.elf_file import PAGE_BYTES
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.program.syscalls import Syscall
from cowcheck.machine.program.user_code import UserCode
from cowcheck.machine.program.workload import PROGRAM

PAGES = 4
UNMAPPED = 1 << 30
READER, WRITER = 0, 1  # the pipe's ends: nothing else is open
BYTES = 16


class Process:
    """Writes what a process does; each step is reported by its number."""

    def __init__(self, code: UserCode) -> None:
        self.code = code
        self.steps = 0

    def step(self) -> None:
        self.code.report(ReportKind.BEGIN, self.steps)
        self.steps += 1

    def page(self, rd: Reg, page: int) -> None:
        """``rd`` = the address of a page of the heap."""
        self.code.li(Reg.T1, page * PAGE_BYTES)
        self.code.emit(encoding.add(rd, Reg.S1, Reg.T1))

    def store(self, page: int, value: int) -> None:
        self.step()
        self.page(Reg.T0, page)
        self.code.li(Reg.T2, value)
        self.code.emit(encoding.sd(Reg.T2, Reg.T0, 8))

    def load(self, page: int) -> None:
        self.step()
        self.page(Reg.T0, page)
        self.code.emit(encoding.ld(Reg.T2, Reg.T0, 8))
        self.code.report(ReportKind.SEEN, self.steps, Reg.T2)

    def call(self, number: Syscall, *arguments: Reg | int) -> None:
        self.step()
        self.code.syscall(number, *arguments)
        self.code.emit(encoding.addi(Reg.S2, Reg.A0, 0))
        self.code.report(ReportKind.END, self.steps, Reg.S2)

    def fork(self, child: str) -> None:
        self.step()
        self.code.fork_to(child)
        self.call(Syscall.WAIT, 0)


def files() -> Mapping[str, bytes]:
    """The files of the workload's disk."""
    first, second = UserCode(), UserCode()
    _first(first)
    _second(second)
    return {PROGRAM: first.executable("start"), "second": second.executable("start")}


def _first(code: UserCode) -> None:
    process = Process(code)
    code.label("start")
    code.make_pipe()
    code.sbrk_pages(PAGES)
    code.mv(Reg.S1, Reg.A0)
    for page in range(PAGES):
        process.store(page, 100 + page)
    process.page(Reg.A1, 0)
    process.call(Syscall.WRITE, WRITER, Reg.A1, BYTES)
    process.fork("reader")
    process.fork("parent")
    process.store(0, 200)
    process.call(Syscall.SBRK, -2 * PAGE_BYTES % (1 << 64))
    process.fork("trespasser")
    code.report(ReportKind.FINISHED, 0)
    code.label("rest")
    code.j("rest")

    code.label("reader")  # its pages are shared until it, or the kernel in its name, stores to them
    process.load(0)
    process.store(0, 300)
    process.store(0, 301)
    process.page(Reg.A1, 1)
    process.call(Syscall.READ, READER, Reg.A1, BYTES)
    process.load(1)
    process.call(Syscall.SBRK, 2 * PAGE_BYTES)
    process.store(PAGES, 302)
    process.call(Syscall.SBRK, -PAGE_BYTES % (1 << 64))
    process.call(Syscall.EXIT, 0)

    code.label("parent")
    process.fork("child")
    process.store(3, 400)
    process.step()
    code.la(Reg.A0, code.string_label("second"))
    code.la(Reg.A1, code.words_label(code.string_label("second"), 0))
    code.syscall(Syscall.EXEC)
    process.call(Syscall.EXIT, 1)

    code.label("child")
    process.load(2)
    process.store(2, 500)
    process.store(3, 501)
    process.call(Syscall.EXIT, 0)

    code.label("trespasser")
    process.load(0)
    code.li(Reg.T0, UNMAPPED)
    process.step()
    code.emit(encoding.sd(Reg.T0, Reg.T0, 0))
    process.call(Syscall.EXIT, 0)
    code.write_constants()


def _second(code: UserCode) -> None:
    process = Process(code)
    code.label("start")
    code.sbrk_pages(1)
    code.mv(Reg.S1, Reg.A0)
    process.store(0, 600)
    process.call(Syscall.EXIT, 0)
    code.write_constants()
