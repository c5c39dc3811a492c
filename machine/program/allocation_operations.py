"""What is tried with memory running out: every operation that asks the kernel for a frame.

Each runs in a worker, which shares its heap pages with its parent. ``prepare`` runs while there is memory, ``run`` when
there is none (or as much as is left), from ``BEGIN`` to ``END``; it ends in ``worked`` or ``failed``. No worker touches
memory but for its operation, so every frame that is asked for is the operation's own.

Registers: s1 start of the heap, s5 the point, s9 the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cowcheck.machine.program import encoding
from cowcheck.machine.program.address_classes import LEAF_BYTES
from cowcheck.machine.program.elf_file import PAGE_BYTES
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.kernel_age import FORK_WITHOUT_MEMORY
from cowcheck.machine.program.syscalls import SBRK_EAGER, Syscall
from cowcheck.machine.program.user_code import UserCode
from cowcheck.machine.program.workload import PROGRAM

HEAP_PAGES = 6
LAST_WORD = PAGE_BYTES - 8
STORED = 0xB000_0011_B000_0011
GIVEN = 0xB000_0012_B000_0012
STORED_AGAIN = 0xB000_0013_B000_0013
STATUS = 0x5B
FILE_WORD = 2 << 32 | 1  # of struct stat: the disk, and the first file on it
QUIT = "quit"
"""The program that exec runs."""

GIVEN_FILE = "given"
GIVEN_BYTES = PAGE_BYTES + 16

VALUES = {
    STORED: "what the worker stored",
    GIVEN: "what the worker's read was given",
    STORED_AGAIN: "what the worker stored when there was memory again",
    STATUS: "the status of the worker's child",
    FILE_WORD: "what fstat writes",
}

FIRST_OF_LEAF = (LEAF_BYTES, 2 * LEAF_BYTES)
"""Addresses of the pages that fork comes to when there is no frame for a leaf of the child's page table."""

FIRST, SECOND = 4, 7
"""Descriptors that the next files get which a worker opens as it prepares."""


def kept_token(page: int, last: bool) -> int:
    """What the first or the last word of a heap page holds before anything is done."""
    half = 0xA100_0000 + 2 * page + last
    return half << 32 | half


@dataclass(frozen=True, slots=True)
class Looked:
    """A word that the worker looks at when its operation is over: page and offset, and what is due after a success and
    after a failure. ``any_order`` where either may be seen, however it ended."""

    page: int
    offset: int
    worked: int
    any_order: bool = False

    @property
    def failed(self) -> int:
        return kept_token(self.page, self.offset == LAST_WORD)


@dataclass(frozen=True, slots=True)
class Allocating:
    """One operation: ``text`` completes "the worker's ..."."""

    name: str
    text: str
    prepare: Callable[[UserCode], None]
    run: Callable[[UserCode], None]
    works: tuple[int, int] = (0, 0)
    fails: tuple[int, int] = (-1, -1)
    looks: tuple[Looked, ...] = ()
    after: Callable[[UserCode], None] | None = None  # what is left to be done after END
    can_fail: bool = True  # else it works, or its process is killed
    needs: str = ""
    least_frames: int = 0  # free at first
    grow_to: int = 0  # the break, where it is not after the heap pages
    again_at: tuple[int, ...] = ()  # addresses that are stored to, beside the heap pages, when there is memory again

    @property
    def changed_pages(self) -> frozenset[int]:
        """The heap pages that it may change at a word that is looked at."""
        return frozenset(looked.page for looked in self.looks)


def _nothing(code: UserCode) -> None:
    pass


def heap_address(code: UserCode, rd: Reg, page: int, offset: int = 0) -> None:
    """``rd`` = the address of a byte of the heap."""
    code.li(rd, page * PAGE_BYTES + offset)
    code.emit(encoding.add(rd, rd, Reg.S1))


def _store(code: UserCode) -> None:
    heap_address(code, Reg.T3, 0)
    code.li(Reg.T4, STORED)
    code.begin(Reg.S5)
    code.emit(encoding.sd(Reg.T4, Reg.T3, 0))
    code.li(Reg.S9, 0)


def _fill_pipe(code: UserCode) -> None:
    code.make_pipe()
    code.la(Reg.A1, code.words_label(GIVEN, GIVEN))
    code.syscall(Syscall.WRITE, SECOND, Reg.A1, 16)


def _read(page: int, offset: int, size_bytes: int) -> Callable[[UserCode], None]:
    def run(code: UserCode) -> None:
        code.begin(Reg.S5)
        heap_address(code, Reg.A1, page, offset)
        code.li(Reg.A0, FIRST)
        code.li(Reg.A2, size_bytes)
        code.syscall(Syscall.READ)
        code.mv(Reg.S9, Reg.A0)

    return run


def _open(name: str) -> Callable[[UserCode], None]:
    def prepare(code: UserCode) -> None:
        code.la(Reg.A0, code.string_label(name))
        code.syscall(Syscall.OPEN, Reg.A0, 0)

    return prepare


def _fstat(code: UserCode) -> None:
    code.begin(Reg.S5)
    heap_address(code, Reg.A1, 4)
    code.li(Reg.A0, FIRST)
    code.syscall(Syscall.FSTAT)
    code.mv(Reg.S9, Reg.A0)


def _child_that_ends(code: UserCode) -> None:
    """A child that is as good as gone: it has closed its files, which is the end of a pipe."""
    code.make_pipe()
    code.fork_to("exit")
    code.syscall(Syscall.CLOSE, SECOND)
    code.wait_for_end_of_file(FIRST)


def _wait(code: UserCode) -> None:
    code.begin(Reg.S5)
    heap_address(code, Reg.A0, 5)
    code.syscall(Syscall.WAIT)
    code.mv(Reg.S9, Reg.A0)


def _wait_again(code: UserCode) -> None:
    code.syscall(Syscall.WAIT, 0)


def _pipe(code: UserCode) -> None:
    code.begin(Reg.S5)
    heap_address(code, Reg.A0, 0)
    code.syscall(Syscall.PIPE)
    code.mv(Reg.S9, Reg.A0)


def _fork(code: UserCode) -> None:
    code.begin(Reg.S5)
    code.fork_to("exit")
    code.mv(Reg.S9, Reg.A0)


def _make_some_private(code: UserCode) -> None:
    """A fork then meets both pages that are shared already and pages that are not."""
    for page in (1, 3):
        heap_address(code, Reg.T3, page, 64)
        code.emit(encoding.sd(Reg.ZERO, Reg.T3, 0))


def _make_leaves_private(code: UserCode) -> None:
    """And the first pages of the second and the third leaf are the process's own, so that they can be written to as
    the fork comes to them."""
    _make_some_private(code)
    for address in FIRST_OF_LEAF:
        code.li(Reg.T3, address)
        code.emit(encoding.sd(Reg.ZERO, Reg.T3, 64))


def _exec(code: UserCode) -> None:
    code.begin(Reg.S5)
    code.la(Reg.A0, code.string_label(QUIT))
    code.la(Reg.A1, code.words_label(code.string_label(QUIT), 0))
    code.syscall(Syscall.EXEC)
    code.mv(Reg.S9, Reg.A0)


def _sbrk(code: UserCode) -> None:
    code.begin(Reg.S5)
    code.sbrk_pages(3)
    code.mv(Reg.S9, Reg.A0)


def _shrink_back(code: UserCode) -> None:
    """Where sbrk worked the pages are given back, with memory still out."""
    failed = code.fresh_label("failed")
    code.blt(Reg.S9, Reg.ZERO, failed)
    code.syscall(Syscall.SBRK, -3 * PAGE_BYTES, SBRK_EAGER)
    code.label(failed)


_A_PID = (1, (1 << 31) - 1)
_AN_ADDRESS = (0, (1 << 38) - 1)
_STATUS_WORD = kept_token(5, False) >> 32 << 32 | STATUS
_PIPE_WORD = 5 << 32 | FIRST  # 5 was the worker's end of the pipe that says it is ready

STORE = Allocating("store", "store to a shared page", _nothing, _store, looks=(Looked(0, 0, STORED),), can_fail=False)
FORK = Allocating(
    "fork", "fork()", _make_some_private, _fork, works=_A_PID, after=_wait_again, needs=FORK_WITHOUT_MEMORY
)
SBRK = Allocating("sbrk", "sbrk(+3 pages)", _nothing, _sbrk, works=_AN_ADDRESS, after=_shrink_back)

SMALL = (
    STORE,
    Allocating(
        "read",
        "read() of 8 bytes into a shared page",
        _fill_pipe,
        _read(1, 0, 8),
        (8, 8),
        (-1, 7),
        (Looked(1, 0, GIVEN),),
    ),
    Allocating(
        "read-two",
        "read() of 16 bytes over two shared pages",
        _fill_pipe,
        _read(1, LAST_WORD, 16),
        (16, 16),
        (-1, 15),
        (Looked(1, LAST_WORD, GIVEN, any_order=True), Looked(2, 0, GIVEN)),
    ),
    Allocating(
        "read-three",
        "read() of a file over three shared pages",
        _open(GIVEN_FILE),
        _read(1, LAST_WORD, GIVEN_BYTES),
        (GIVEN_BYTES, GIVEN_BYTES),
        (-1, GIVEN_BYTES - 1),
        tuple(Looked(page, offset, GIVEN, any_order=True) for page, offset in ((1, LAST_WORD), (2, 0), (3, 0))),
    ),
    Allocating("fstat", "fstat() into a shared page", _open(PROGRAM), _fstat, looks=(Looked(4, 0, FILE_WORD),)),
    Allocating(
        "wait",
        "wait() with the status into a shared page",
        _child_that_ends,
        _wait,
        _A_PID,
        looks=(Looked(5, 0, _STATUS_WORD),),
        after=_wait_again,
    ),
    Allocating(
        "pipe", "pipe() with its descriptors into a shared page", _nothing, _pipe, looks=(Looked(0, 0, _PIPE_WORD),)
    ),
    FORK,
    Allocating("exec", "exec()", _nothing, _exec, needs=FORK_WITHOUT_MEMORY),
    SBRK,
)

BEFORE_UVMCOPY = 4
"""Frames that fork takes first: the trapframe, the root of the page table, and the two pages of it that lead to the
trampoline (xv6 kernel/proc.c ``allocproc``, ``proc_pagetable``)."""

FIRST_LEAF = 2
"""Frames that ``uvmcopy`` takes for its first page: one for the middle of the page table, and a leaf."""

LARGE = (
    Allocating(
        "sbrk-leaf",
        "sbrk(+3 pages) that needs a page for the page table",
        _nothing,
        _sbrk,
        _AN_ADDRESS,
        after=_shrink_back,
        grow_to=LEAF_BYTES - PAGE_BYTES,
    ),
    Allocating(
        "fork-many",
        "fork() of more than 1,000 pages",
        _make_leaves_private,
        _fork,
        _A_PID,
        after=_wait_again,
        least_frames=BEFORE_UVMCOPY + FIRST_LEAF,  # with fewer xv6 itself panicked until 2020
        grow_to=FIRST_OF_LEAF[-1] + 3 * PAGE_BYTES,
        again_at=FIRST_OF_LEAF,
    ),
)
"""The last starts where memory runs out for the second leaf of the child's page table, with the pages of the first one
mapped, and goes on to the third."""
