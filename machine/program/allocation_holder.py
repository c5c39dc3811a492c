"""The holder of the allocation sweep: it takes every frame there is, and gives back as many as it is told.

The coordinator sends it words of eight bytes through a pipe and is answered through another. Each reads into its data
page, which it has made its own by a store before memory ran out, so that no message needs a frame.
"""

from __future__ import annotations

from cowcheck.machine.program import encoding
from cowcheck.machine.program.allocation_points import AllocationPoints
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.holder import exhaust, give_back
from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.program.syscalls import Syscall
from cowcheck.machine.program.user_code import SCRATCH, UserCode, Value

COMMAND, REPLY = (0, 1), (2, 3)
"""Pipes: reading and writing end. The coordinator opens them first, so these are their descriptors."""

RELEASE, STARVE, GIVE = 1, 2, 3
"""What a message asks for, in its low byte; the number of pages is above. The first two take every frame before they
give so many back; the last only gives."""

MESSAGE = 32
"""Offset in the data page: where messages are read and written."""

_OWN_WORD = 16


def write_holder(code: UserCode, points: AllocationPoints) -> None:
    """At ``holder``. s9: pages held; s8: the most that could be; s10: what is asked for; s11: pages to give back."""
    code.label("holder")
    code.li(Reg.S0, 0)
    code.call("own")
    code.li(Reg.S9, 0)
    code.label("listen")
    code.la(Reg.A1, SCRATCH)
    code.emit(encoding.addi(Reg.A1, Reg.A1, MESSAGE))
    code.syscall(Syscall.READ, COMMAND[0], Reg.A1, 8)
    code.la(Reg.T0, SCRATCH)
    code.emit(
        encoding.ld(Reg.S10, Reg.T0, MESSAGE),
        encoding.srli(Reg.S11, Reg.S10, 8),
        encoding.andi(Reg.S10, Reg.S10, 0xFF),
    )
    code.li(Reg.T0, GIVE)
    code.beq(Reg.S10, Reg.T0, "give back")
    exhaust(code, Reg.S9)
    code.mv(Reg.S8, Reg.S9)
    code.li(Reg.T0, RELEASE)
    code.beq(Reg.S10, Reg.T0, "give back")
    code.report(ReportKind.EXHAUSTED, points.exhausted, Reg.S9)
    code.ask(ReportKind.ASK, points.asks, Reg.S11, Reg.S11)
    code.label("give back")
    give_back(code, Reg.S11)
    code.emit(encoding.sub(Reg.S9, Reg.S9, Reg.S11))
    code.la(Reg.T0, SCRATCH)
    code.emit(encoding.sd(Reg.S8, Reg.T0, MESSAGE), encoding.addi(Reg.A1, Reg.T0, MESSAGE))
    code.syscall(Syscall.WRITE, REPLY[1], Reg.A1, 8)
    code.j("listen")


def write_messages(code: UserCode) -> None:
    """``own``: the data page becomes the process's own. ``send``: a message of a0 pages and the request a1; the answer,
    the most pages that could be held, is in a0."""
    code.label("own")
    code.la(Reg.T0, SCRATCH)
    code.emit(encoding.sd(Reg.ZERO, Reg.T0, _OWN_WORD))
    code.ret()
    code.label("send")
    code.la(Reg.T0, SCRATCH)
    code.emit(
        encoding.slli(Reg.A0, Reg.A0, 8),
        encoding.add(Reg.A0, Reg.A0, Reg.A1),
        encoding.sd(Reg.A0, Reg.T0, MESSAGE),
        encoding.addi(Reg.A1, Reg.T0, MESSAGE),
    )
    code.syscall(Syscall.WRITE, COMMAND[1], Reg.A1, 8)
    code.la(Reg.A1, SCRATCH)
    code.emit(encoding.addi(Reg.A1, Reg.A1, MESSAGE))
    code.syscall(Syscall.READ, REPLY[0], Reg.A1, 8)
    code.la(Reg.T0, SCRATCH)
    code.emit(encoding.ld(Reg.A0, Reg.T0, MESSAGE))
    code.ret()


def send(code: UserCode, request: int, pages: Value) -> None:
    """A message to the holder; its answer is in a0."""
    code.load_value(Reg.A0, pages)
    code.li(Reg.A1, request)
    code.call("send")
