"""As many processes as there can be share every page: one forks until the kernel has no room for another.

The children wait, all at once, for the end of a pipe; then each looks at the shared page, makes it its own by a store,
looks again, and ends. Where a count is too small for so many sharers a page is freed, or copied over, under those that
are left.

Registers: s1 the shared page, s7 how many children there are.
"""

from __future__ import annotations

from cowcheck.machine.program import encoding
from cowcheck.machine.program.elf_file import PAGE_BYTES
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.report import FAILS, WORKS, Case, Ending, Points, ReportKind, ReportPoint, Watch
from cowcheck.machine.program.syscalls import Syscall
from cowcheck.machine.program.user_code import UserCode
from cowcheck.machine.program.workload import PROGRAM, Workload

MOST_CHILDREN = 300
"""xv6 has room for 64 processes; some submissions have room for more."""

KEPT = 0xA200_0000_A200_0001
STORED = 0xB000_0021_B000_0021
PIPE = (0, 1)

_A_PID = (1, (1 << 31) - 1)
_LAST_WORD = PAGE_BYTES - 8
_INIT = "process 1 (init)"
_PARENT = "process 2 (the parent)"
_CHILD = "a child"
_FIRST_CHILD = 3
_MEANS = "the process's own last store, or what it inherited at fork"


class _Sharers:
    def __init__(self) -> None:
        self.points = Points([])
        self.code = UserCode()
        self.starts = self._point(_INIT, "starts")
        self.done = self._point(_INIT, "is alone again")
        self.before = self._point(_PARENT, "has its page")
        self.after = self._point(_PARENT, "has waited for every child")
        self.ends = self._point(_CHILD, "ends")
        self.fork = self._case(
            _PARENT,
            "fork(), again and again",
            WORKS | FAILS,
            "it fails where there is room for no other process",
            _A_PID,
        )
        self.store = self._case(_CHILD, "a store to the page that all share", WORKS, "the page is its own")
        self.inherited = self._watch(_CHILD, "the first word of the page that all share", KEPT)
        self.stored = self._watch(_CHILD, "the first word of the page, after its store", STORED)
        self.last = self._watch(_CHILD, "the last word of the page, after its store", KEPT)
        self.kept = [
            self._watch(_PARENT, f"the {name} word of its page when every child has ended", KEPT)
            for name in ("first", "last")
        ]

    def workload(self) -> Workload:
        code = self.code
        code.write_first_process("parent", self.starts, self.done)
        self._write_parent()
        self._write_child()
        code.write_constants()
        return Workload(
            name="many-sharers",
            summary="as many processes as there can be share every page",
            files={PROGRAM: code.executable("init")},
            points=tuple(self.points.made),
            harts=1,
            values={0: "zeros", KEPT: "what the parent stored", STORED: "what a child stored"},
            instructions=1_000_000_000,
        )

    def _write_parent(self) -> None:
        code = self.code
        code.label("parent")
        code.li(Reg.S0, 2)
        code.sbrk_pages(1)
        code.mv(Reg.S1, Reg.A0)
        self._write_last_word(Reg.T3)
        code.li(Reg.T4, KEPT)
        code.emit(encoding.sd(Reg.T4, Reg.S1, 0), encoding.sd(Reg.T4, Reg.T3, 0))
        code.make_pipe()
        code.report(ReportKind.BEFORE, self.before)
        code.li(Reg.S7, 0)
        code.label("fork")
        code.begin(self.fork)
        code.fork_to("child")
        code.mv(Reg.S9, Reg.A0)
        code.end(self.fork, Reg.S9)
        code.blt(Reg.S9, Reg.ZERO, "full")
        code.emit(encoding.addi(Reg.S7, Reg.S7, 1))
        code.li(Reg.T0, MOST_CHILDREN)
        code.blt(Reg.S7, Reg.T0, "fork")
        code.label("full")
        code.syscall(Syscall.CLOSE, PIPE[1])
        code.label("wait")
        code.syscall(Syscall.WAIT, 0)
        code.bge(Reg.A0, Reg.ZERO, "wait")
        self._write_seen(self.kept[0], Reg.S1, KEPT)
        self._write_last_word(Reg.T3)
        self._write_seen(self.kept[1], Reg.T3, KEPT)
        code.syscall(Syscall.CLOSE, PIPE[0])
        code.report(ReportKind.AFTER, self.after)
        code.syscall(Syscall.EXIT, 0)

    def _write_child(self) -> None:
        code = self.code
        code.label("child")
        code.emit(encoding.addi(Reg.S0, Reg.S7, _FIRST_CHILD))  # each its own: they are all at it at the same time
        code.syscall(Syscall.CLOSE, PIPE[1])
        code.wait_for_end_of_file(PIPE[0])
        self._write_seen(self.inherited, Reg.S1, KEPT)
        code.li(Reg.T4, STORED)
        code.begin(self.store)
        code.emit(encoding.sd(Reg.T4, Reg.S1, 0))
        code.end(self.store)
        self._write_seen(self.stored, Reg.S1, STORED)
        self._write_last_word(Reg.T3)
        self._write_seen(self.last, Reg.T3, KEPT)
        code.leave(self.ends, 0)

    def _write_last_word(self, rd: Reg) -> None:
        """``rd`` = the address of the page's last word."""
        self.code.li(rd, _LAST_WORD)
        self.code.emit(encoding.add(rd, rd, Reg.S1))

    def _write_seen(self, point: int, address: Reg, due: int) -> None:
        self.code.emit(encoding.ld(Reg.S9, address, 0))
        self.code.report(ReportKind.SEEN, point, Reg.S9, due)

    # --- points ---

    def _point(self, process: str, text: str) -> int:
        return self.points.add(ReportPoint(index=self.points.next, process=process, text=text))

    def _case(
        self, process: str, text: str, right: frozenset[Ending], reason: str, works: tuple[int, int] = (0, 0)
    ) -> int:
        return self.points.add(
            Case(
                index=self.points.next,
                process=process,
                text=text,
                right=right,
                reason=reason,
                works=works,
            )
        )

    def _watch(self, process: str, text: str, due: int) -> int:
        return self.points.add(
            Watch(index=self.points.next, process=process, text=text, dues=frozenset({due}), reason=_MEANS)
        )


def sharers_workload() -> Workload:
    """The workload of many sharers."""
    return _Sharers().workload()
