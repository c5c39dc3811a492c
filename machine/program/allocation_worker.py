"""The workers of the allocation sweep: each does one operation, when it is let go, and looks at what it has left.

When there is memory again it loads from and stores to every page of its heap: a page that the kernel was about to copy
must have stayed what it was, so that a later store finds it.
"""

from __future__ import annotations

from cowcheck.machine.program import encoding
from cowcheck.machine.program.allocation_operations import (
    HEAP_PAGES,
    LAST_WORD,
    STATUS,
    STORED_AGAIN,
    Allocating,
    Looked,
    heap_address,
    kept_token,
)
from cowcheck.machine.program.allocation_points import AllocationPoints
from cowcheck.machine.program.elf_file import PAGE_BYTES
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.program.syscalls import Syscall
from cowcheck.machine.program.user_code import UserCode

READY, GO, OVER, AGAIN = (4, 5), (6, 7), (8, 9), (10, 11)
"""Pipes: reading and writing end. The coordinator makes them anew for each worker; a worker says that it is ready by
closing its end of the first, and is let go where the other end of the second is closed. In the same way it says that
its operation is over, as it does by being killed, and is told that there is memory again."""

_AGAIN_WORD = 128  # offset in a heap page of the word that is stored to when there is memory again

WORKED, FAILED = 1, 2
"""A worker's exit status."""


def write_worker(code: UserCode, points: AllocationPoints, number: int, operation: Allocating) -> None:
    """At ``worker.N``."""
    code.label(f"worker.{number}")
    code.li(Reg.S0, 3)
    code.li(Reg.S5, points.cases[operation.name])
    for descriptor in (READY[0], GO[1], OVER[0], AGAIN[1]):
        code.syscall(Syscall.CLOSE, descriptor)
    operation.prepare(code)
    code.syscall(Syscall.CLOSE, READY[1])
    code.wait_for_end_of_file(GO[0])
    operation.run(code)
    code.end(Reg.S5, Reg.S9)
    for looked in operation.looks:
        _write_look(code, points, operation, looked)
    if operation.after:
        operation.after(code)
    code.li(Reg.S6, FAILED)
    code.li(Reg.T0, operation.works[0])
    code.blt(Reg.S9, Reg.T0, f"failed.{number}")
    code.li(Reg.S6, WORKED)
    code.label(f"failed.{number}")
    code.syscall(Syscall.CLOSE, OVER[1])
    code.wait_for_end_of_file(AGAIN[0])
    code.li(Reg.S7, points.again(operation))
    code.li(Reg.S8, sum(1 << page for page in operation.changed_pages))
    code.call("again")
    for address in operation.again_at:
        code.li(Reg.T3, address)
        code.li(Reg.T5, STORED_AGAIN)
        code.li(Reg.S7, points.again_at(operation, address))
        code.begin(Reg.S7)
        code.emit(
            encoding.ld(Reg.S11, Reg.T3, _AGAIN_WORD),
            encoding.sd(Reg.T5, Reg.T3, _AGAIN_WORD),
            encoding.ld(Reg.S11, Reg.T3, _AGAIN_WORD),
        )
        code.end(Reg.S7)
        _write_seen(code, Reg.S11, Reg.T5)
    code.leave(points.ends, Reg.S6)


def _write_look(code: UserCode, points: AllocationPoints, operation: Allocating, looked: Looked) -> None:
    """Reports a word, and what is due there after the result that the operation had."""
    due = code.fresh_label("due")
    heap_address(code, Reg.T3, looked.page, looked.offset)
    code.emit(encoding.ld(Reg.S10, Reg.T3, 0))
    code.li(Reg.S11, looked.failed)
    code.li(Reg.T0, operation.works[0])
    code.blt(Reg.S9, Reg.T0, due)
    code.li(Reg.S11, looked.worked)
    code.label(due)
    code.report(ReportKind.SEEN, points.look(operation, looked), Reg.S10, Reg.S11)


def write_again(code: UserCode) -> None:
    """``again``: loads from and stores to every heap page. s7 is the first of the points, and s8 has a bit for each
    page that the operation may have changed: what its first and last word are due to be is what they were before the
    store. s2: return address, s3: the page, s4: what its first word held at first, s9 to s11: what was loaded."""
    to_last = Reg.T4
    code.label("again")
    code.mv(Reg.S2, Reg.RA)
    code.mv(Reg.S3, Reg.S1)
    code.li(Reg.S4, kept_token(0, False))
    code.label("again.page")
    code.li(to_last, LAST_WORD)
    code.emit(encoding.add(to_last, to_last, Reg.S3))
    code.li(Reg.T5, STORED_AGAIN)
    code.begin(Reg.S7)
    code.emit(
        encoding.ld(Reg.S9, Reg.S3, 0),
        encoding.ld(Reg.S10, to_last, 0),
        encoding.sd(Reg.T5, Reg.S3, _AGAIN_WORD),
        encoding.ld(Reg.S11, Reg.S3, _AGAIN_WORD),
    )
    code.end(Reg.S7)
    _write_seen(code, Reg.S11, Reg.T5)
    code.emit(encoding.andi(Reg.T0, Reg.S8, 1))
    code.bne(Reg.T0, Reg.ZERO, "again.changed")
    code.mv(Reg.S9, Reg.S4)
    code.li(Reg.S10, kept_token(0, True) - kept_token(0, False))
    code.emit(encoding.add(Reg.S10, Reg.S10, Reg.S4))
    code.label("again.changed")
    code.emit(encoding.ld(Reg.S11, Reg.S3, 0))
    _write_seen(code, Reg.S11, Reg.S9)
    code.emit(encoding.ld(Reg.S11, to_last, 0))
    _write_seen(code, Reg.S11, Reg.S10)
    code.emit(encoding.addi(Reg.S7, Reg.S7, 1), encoding.srli(Reg.S8, Reg.S8, 1))
    code.li(Reg.T0, kept_token(1, False) - kept_token(0, False))
    code.emit(encoding.add(Reg.S4, Reg.S4, Reg.T0))
    code.li(Reg.T0, PAGE_BYTES)
    code.emit(encoding.add(Reg.S3, Reg.S3, Reg.T0))
    code.li(Reg.T0, HEAP_PAGES * PAGE_BYTES)
    code.emit(encoding.add(Reg.T0, Reg.T0, Reg.S1))
    code.blt(Reg.S3, Reg.T0, "again.page")
    code.emit(encoding.jalr(Reg.ZERO, Reg.S2, 0))


def _write_seen(code: UserCode, seen: Reg, due: Reg) -> None:
    """Reports a word at the point after s7."""
    code.emit(encoding.addi(Reg.S7, Reg.S7, 1))
    code.report(ReportKind.SEEN, Reg.S7, seen, due)


def write_exit(code: UserCode) -> None:
    """At ``exit``: the whole life of a worker's child."""
    code.label("exit")
    code.syscall(Syscall.EXIT, STATUS)


def quit_program(points: AllocationPoints) -> bytes:
    """The program that exec runs: it reports that exec has worked, and ends."""
    code = UserCode()
    code.label("start")
    code.li(Reg.S0, 3)
    code.end(points.cases.get("exec", points.ends))
    code.leave(points.ends, WORKED)
    code.write_constants()
    return code.executable("start")
