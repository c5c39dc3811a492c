"""The sweep over every allocation: each operation with no frame free, with one, with two, until it succeeds.

Four processes beside pid 1. The *holder* has taken every frame but a reserve. The *coordinator* forks a *worker*,
which prepares and waits; then the holder takes the reserve too, page by page, and gives back as many frames as are to
be free; then the worker does its one operation and reports it, or is killed. What is left of it is given some memory
again, looks at its pages once more, and ends. The holder's total is counted by itself each time (how far can it grow?),
so a lost frame shows without any knowledge of the kernel. Memory is exhausted once; after that only the reserve is
taken and given back.

An observer may say how many frames are to be free (a machine with snapshots can try them all from one); left alone,
the program counts up from none.

The coordinator's registers: s1 start of the heap, s2 a return address, s3 the holder's pid, s4 the frames there are, s6
the worker's status, s7 how many frames are to be free.
"""

from __future__ import annotations

from cowcheck.machine.program import encoding
from cowcheck.machine.program.allocation_holder import (
    GIVE,
    MESSAGE,
    RELEASE,
    STARVE,
    send,
    write_holder,
    write_messages,
)
from cowcheck.machine.program.allocation_operations import (
    GIVEN,
    GIVEN_BYTES,
    GIVEN_FILE,
    HEAP_PAGES,
    QUIT,
    Allocating,
    heap_address,
)
from cowcheck.machine.program.allocation_points import COORDINATOR, AllocationPoints, Group
from cowcheck.machine.program.allocation_worker import (
    AGAIN,
    GO,
    OVER,
    READY,
    WORKED,
    quit_program,
    write_again,
    write_exit,
    write_worker,
)
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.program.syscalls import SBRK_EAGER, Syscall
from cowcheck.machine.program.user_code import SCRATCH, UserCode
from cowcheck.machine.program.workload import PROGRAM, Step, Workload

_GIVEN_PAGES = 2 * HEAP_PAGES  # so many frames for the worker's last stores
_NEVER = -2  # in s6: there was no worker, because fork has failed


def allocation_workload(group: Group) -> Workload:
    """The operations of one group."""
    points = AllocationPoints(group)
    code = UserCode()
    code.write_first_process("coordinator", points.starts, points.done)
    _Coordinator(code, points).write()
    write_holder(code, points)
    for number, operation in enumerate(group.operations):
        write_worker(code, points, number, operation)
    write_messages(code)
    write_again(code)
    write_exit(code)
    code.write_constants()
    return Workload(
        name=group.name,
        summary=group.summary,
        files={
            PROGRAM: code.executable("init"),
            QUIT: quit_program(points),
            GIVEN_FILE: GIVEN.to_bytes(8, "little") * (GIVEN_BYTES // 8),
        },
        points=points.made,
        harts=1,
        values=points.values,
        instructions=4_000_000_000,
        exhausts_memory=True,
        forks_half_way=group.forks_half_way,
        steps=tuple(
            Step(number, operation.text, operation.name, operation.needs)
            for number, operation in enumerate(group.operations)
        ),
    )


class _Coordinator:
    def __init__(self, code: UserCode, points: AllocationPoints) -> None:
        self.code = code
        self.points = points
        self.group = points.group

    def write(self) -> None:
        code = self.code
        code.label("coordinator")
        code.li(Reg.S0, 2)
        code.make_pipe()
        code.make_pipe()
        code.fork_to("holder")
        code.mv(Reg.S3, Reg.A0)
        code.call("own")
        self._write_heap()  # after the fork: the holder shares none of it
        send(code, RELEASE, self.group.reserve_pages)
        code.mv(Reg.S4, Reg.A0)
        for number, operation in enumerate(self.group.operations):
            self._write_operation(number, operation)
        code.syscall(Syscall.KILL, Reg.S3)
        code.syscall(Syscall.WAIT, 0)
        code.syscall(Syscall.EXIT, 0)
        self._write_conduct()
        self._write_await()
        self._write_look()

    def _write_heap(self) -> None:
        code = self.code
        code.syscall(Syscall.SBRK, 0, SBRK_EAGER)
        code.mv(Reg.S1, Reg.A0)
        code.sbrk_pages(HEAP_PAGES)
        for word in self.points.kept:
            heap_address(code, Reg.T3, word.page, word.offset)
            code.li(Reg.T4, word.token)
            code.emit(encoding.sd(Reg.T4, Reg.T3, 0))

    def _write_operation(self, number: int, operation: Allocating) -> None:
        """One operation, with more frames free each time, until it works."""
        code, points = self.code, self.points
        success = points.success(operation)
        code.li(Reg.S7, number)
        code.ask(ReportKind.NEXT, points.next, Reg.S7, Reg.S7)
        code.li(Reg.T0, number)
        code.beq(Reg.S7, Reg.T0, f"try.{number}")
        code.j(f"end.{number}")
        code.label(f"try.{number}")
        if operation.grow_to:
            self._write_growth(operation.grow_to)
        code.li(Reg.S7, operation.least_frames)
        code.label(f"round.{number}")
        self._write_round(number, operation)
        code.li(Reg.T0, WORKED)
        code.beq(Reg.S6, Reg.T0, f"over.{number}")
        code.li(Reg.T0, _NEVER)
        code.beq(Reg.S6, Reg.T0, f"over.{number}")
        code.emit(encoding.addi(Reg.S7, Reg.S7, 1))
        code.li(Reg.T0, self.group.most_frames + 1)
        code.blt(Reg.S7, Reg.T0, f"round.{number}")
        code.label(f"over.{number}")
        code.begin(success)
        code.emit(encoding.addi(Reg.S9, Reg.S6, -WORKED))
        code.beq(Reg.S9, Reg.ZERO, f"succeeded.{number}")
        code.li(Reg.S9, -1)
        code.label(f"succeeded.{number}")
        code.end(success, Reg.S9)
        code.label(f"end.{number}")

    def _write_growth(self, end: int) -> None:
        """The heap grows up to there, and the frames that there are without it are counted anew."""
        code = self.code
        code.syscall(Syscall.SBRK, 0, SBRK_EAGER)
        code.mv(Reg.T3, Reg.A0)
        code.li(Reg.A0, end)
        code.emit(encoding.sub(Reg.A0, Reg.A0, Reg.T3))
        code.syscall(Syscall.SBRK, Reg.A0, SBRK_EAGER)
        send(code, RELEASE, self.group.reserve_pages)
        code.mv(Reg.S4, Reg.A0)

    def _write_round(self, number: int, operation: Allocating) -> None:
        """A worker, with s7 frames free for it; its status is in s6."""
        code, points = self.code, self.points
        before = points.point(COORDINATOR, f"before the worker's {operation.text}")
        after = points.point(COORDINATOR, f"after the worker's {operation.text}")
        count = points.point(COORDINATOR, f"counts the frames after the worker's {operation.text}")
        code.report(ReportKind.BEFORE, before)
        code.call("make pipes")
        code.fork_to(f"worker.{number}")
        code.mv(Reg.S6, Reg.A0)
        code.call("conduct")
        code.report(ReportKind.FREE, count, Reg.S9, Reg.S4)
        code.mv(Reg.S4, Reg.S9)
        code.report(ReportKind.AFTER, after)
        code.call("look")

    def _write_conduct(self) -> None:
        """``make pipes``, before the worker is forked. ``conduct``: the worker whose pid is in s6, from its
        preparation to its end; s9 is how many frames there are then."""
        code = self.code
        code.label("make pipes")
        for _ in (READY, GO, OVER, AGAIN):
            code.make_pipe()
        code.ret()
        code.label("conduct")
        code.mv(Reg.S2, Reg.RA)
        code.call("own")
        for descriptor in (READY[1], GO[0], OVER[1], AGAIN[0]):
            code.syscall(Syscall.CLOSE, descriptor)
        code.wait_for_end_of_file(READY[0])
        code.syscall(Syscall.CLOSE, READY[0])
        send(code, STARVE, Reg.S7)
        code.syscall(Syscall.CLOSE, GO[1])
        code.wait_for_end_of_file(OVER[0])
        code.syscall(Syscall.CLOSE, OVER[0])
        send(code, GIVE, _GIVEN_PAGES)
        code.syscall(Syscall.CLOSE, AGAIN[1])
        code.call("await worker")
        send(code, RELEASE, self.group.reserve_pages)
        code.mv(Reg.S9, Reg.A0)
        code.emit(encoding.jalr(Reg.ZERO, Reg.S2, 0))

    def _write_await(self) -> None:
        """``await worker``: the status of the worker whose pid is in s6, into s6."""
        code = self.code
        code.label("await worker")
        code.bge(Reg.S6, Reg.ZERO, "there is one")
        code.li(Reg.S6, _NEVER)
        code.ret()
        code.label("there is one")
        code.la(Reg.A0, SCRATCH)
        code.emit(encoding.addi(Reg.A0, Reg.A0, MESSAGE))
        code.syscall(Syscall.WAIT)
        code.la(Reg.T0, SCRATCH)
        code.emit(encoding.lw(Reg.S6, Reg.T0, MESSAGE))
        code.bge(Reg.S6, Reg.ZERO, "awaited")
        code.syscall(Syscall.SLEEP, 2)  # killed: pid 1 may have a child of its to wait for
        code.label("awaited")
        code.ret()

    def _write_look(self) -> None:
        """``look``: are the coordinator's words as they were? What is not is reported, and mended."""
        code = self.code
        code.label("look")
        code.mv(Reg.S2, Reg.RA)
        for word in self.points.kept:
            same = code.fresh_label("same")
            heap_address(code, Reg.S9, word.page, word.offset)
            code.li(Reg.S11, word.token)
            code.emit(encoding.ld(Reg.S10, Reg.S9, 0))
            code.beq(Reg.S10, Reg.S11, same)
            code.report(ReportKind.SEEN, word.point, Reg.S10, Reg.S11)
            code.emit(encoding.sd(Reg.S11, Reg.S9, 0))
            code.label(same)
        code.emit(encoding.jalr(Reg.ZERO, Reg.S2, 0))
