"""The workers of the allocation sweep: each does one operation, when it is let go, and looks at what it has left."""

from __future__ import annotations

from cowcheck.machine.program import encoding
from cowcheck.machine.program.allocation_operations import STATUS, Allocating, Looked, heap_address
from cowcheck.machine.program.allocation_points import AllocationPoints
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.program.syscalls import Syscall
from cowcheck.machine.program.user_code import UserCode

READY, GO = (4, 5), (6, 7)
"""Pipes: reading and writing end. The coordinator makes them anew for each worker; a worker says that it is ready by
closing its end of the first, and is let go where the other end of the second is closed."""

WORKED, FAILED = 1, 2
"""A worker's exit status."""


def write_worker(code: UserCode, points: AllocationPoints, number: int, operation: Allocating) -> None:
    """At ``worker.N``."""
    code.label(f"worker.{number}")
    code.li(Reg.S0, 3)
    code.li(Reg.S5, points.cases[operation.name])
    code.syscall(Syscall.CLOSE, READY[0])
    code.syscall(Syscall.CLOSE, GO[1])
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
